"""Public product ids: `{seller}:{sku}`."""

from typing import NamedTuple

from vitrine.errors import Invalid
from vitrine.wire.names import PRODUCT_ID, SELLER


class ProductId(NamedTuple):
    """A public id, taken apart."""

    seller: str
    sku: str

    def __str__(self) -> str:
        return f"{self.seller}:{self.sku}"


def parse_product_id(text: str, *, pointer: str = "/id") -> ProductId:
    """Take a public id apart; raises Invalid that shows the form."""
    if not PRODUCT_ID.fits(text):
        message = f"A product id is {PRODUCT_ID.words}."
        raise Invalid(message, errors=[{"pointer": pointer, "detail": message}])
    seller, _, sku = text.partition(":")
    return ProductId(seller, sku)


def is_seller(text: str) -> bool:
    """Tell whether `text` may be the slug of a seller."""
    return SELLER.fits(text)
