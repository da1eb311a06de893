"""Public product ids: `{seller}:{sku}`."""

import re
from typing import NamedTuple

from vitrine.errors import Invalid

SELLER_PATTERN = r"[a-z0-9][a-z0-9-]{0,62}"
SKU_PATTERN = r"[A-Za-z0-9._-]{1,128}"
PRODUCT_ID_PATTERN = f"{SELLER_PATTERN}:{SKU_PATTERN}"

_PRODUCT_ID = re.compile(f"({SELLER_PATTERN}):({SKU_PATTERN})")
_SELLER = re.compile(SELLER_PATTERN)


class ProductId(NamedTuple):
    """A public id, taken apart."""

    seller: str
    sku: str

    def __str__(self) -> str:
        return f"{self.seller}:{self.sku}"


def parse_product_id(text: str, *, pointer: str = "/id") -> ProductId:
    """Take a public id apart; raises Invalid that shows the form."""
    found = _PRODUCT_ID.fullmatch(text)
    if not found:
        message = (
            "A product id is `seller:sku`: the seller in lower-case letters, digits and hyphens "
            "(1–63), the sku in letters, digits and `. _ -` (1–128)."
        )
        raise Invalid(message, errors=[{"pointer": pointer, "detail": message}])
    return ProductId(found[1], found[2])


def is_seller(text: str) -> bool:
    """Tell whether `text` may be the slug of a seller."""
    return _SELLER.fullmatch(text) is not None
