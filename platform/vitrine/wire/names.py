"""What sellers, products, categories and attributes may be called, in a pattern and in words."""

import re
from dataclasses import dataclass
from typing import Any

from pydantic import AfterValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

SELLER_PATTERN = r"[a-z0-9][a-z0-9-]{0,62}"
SKU_PATTERN = r"[A-Za-z0-9._-]{1,128}"


@dataclass(frozen=True)
class Form:
    """A pattern for programs, and the same said to people ("must be …")."""

    pattern: str
    words: str
    max_length: int

    def fits(self, text: str) -> bool:
        """Tell whether the whole text has this form."""
        return len(text) <= self.max_length and re.fullmatch(self.pattern, text) is not None

    def validator(self) -> AfterValidator:
        """Refuse other texts with words instead of the pattern."""

        def check(text: str) -> str:
            if not self.fits(text):
                raise PydanticCustomError("form", "must be {words}", {"words": self.words})
            return text

        return AfterValidator(check)

    def schema(self, **more: Any) -> WithJsonSchema:
        """Show the pattern in the JSON schema."""
        bounds = {"maxLength": self.max_length, "pattern": f"^{self.pattern}$"}
        return WithJsonSchema({"type": "string", **bounds, **more})


SELLER = Form(
    SELLER_PATTERN, "1 to 63 lower-case letters, digits and hyphens, the first not a hyphen", 63
)
PRODUCT_ID = Form(
    f"{SELLER_PATTERN}:{SKU_PATTERN}",
    "`seller:sku`: the seller in lower-case letters, digits and hyphens (1–63), the sku in "
    "letters, digits and `. _ -` (1–128)",
    63 + 1 + 128,
)
CATEGORY = Form(
    r"[a-z0-9-]+(/[a-z0-9-]+){0,5}",
    "a path of one to six segments of lower-case letters, digits and hyphens, such as "
    "`apparel/tops`, of at most 512 characters",
    512,
)
ATTRIBUTE_NAME = Form(
    r"[a-z0-9_]{1,64}", "named with 1 to 64 lower-case letters, digits and underscores", 64
)
# It stands in addresses (`/v1/users/{user}`), so nothing that means something there.
PERSON = Form(
    r"[^\s/.\x00-\x1f\x7f-\x9f][^\s/\x00-\x1f\x7f-\x9f]{0,199}",
    "1 to 200 characters without spaces, control characters and `/`, the first not a dot",
    200,
)
# Advertisers, campaigns, creatives and placements.
SLUG = Form(
    r"[a-z0-9][a-z0-9._-]{0,99}",
    "1 to 100 lower-case letters, digits and `. _ -`, the first a letter or a digit",
    100,
)
PLACE = Form(
    r"[A-Z]{2}(-[A-Z0-9]{1,3})?",
    "a country or a region of one by ISO 3166, such as `DE` or `DE-BY`",
    6,
)
