"""Products: what a seller sends and what everyone reads."""

import re
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    PlainValidator,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import PydanticCustomError

from vitrine.wire.base import (
    Received,
    Sent,
    Storable,
    Stripped,
    at_most_bytes,
    storable,
    without_null_defaults,
)
from vitrine.wire.jobs import JobOut
from vitrine.wire.names import ATTRIBUTE_NAME, CATEGORY

Availability = Literal["in_stock", "out_of_stock", "preorder", "backorder"]
ImageState = Literal["received", "embedded", "searchable", "failed"]
AttributeValue = str | bool | int | float | list[str]

MAX_ATTRIBUTES = 50
MAX_ATTRIBUTE_CHARACTERS = 500
MAX_PRICE = Decimal(10) ** 10
_SAFE_INTEGER = 2**53 - 1  # what every JSON reader keeps exactly
_CENT = Decimal("0.01")
_DECIMAL = re.compile(r"[0-9]{1,20}(\.[0-9]{1,20})?")
_LEFT_OUT: Any = None


def _price(value: Any) -> Decimal:
    """Read an exact price; the number 12.1 means "12.1", as its sender wrote it."""
    if isinstance(value, bool) or not isinstance(value, str | int | float | Decimal):
        raise PydanticCustomError("price", 'must be a decimal such as "12.50"')
    if isinstance(value, str) and not _DECIMAL.fullmatch(value):
        raise PydanticCustomError(
            "price", 'must be a decimal such as "12.50", without a sign or a currency'
        )
    try:
        price = Decimal(repr(value) if isinstance(value, float) else value)
    except InvalidOperation:
        raise PydanticCustomError("price", 'must be a decimal such as "12.50"') from None
    if not price.is_finite() or not 0 <= price < MAX_PRICE:
        raise PydanticCustomError("price", "must be at least 0 and less than 10000000000")
    cents = abs(price.quantize(_CENT))
    if cents != price:
        raise PydanticCustomError("price", "must have at most two decimals")
    return cents


def _attribute(value: Any) -> AttributeValue:
    if isinstance(value, str):
        return _attribute_text(value)
    if isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        if abs(value) <= _SAFE_INTEGER:  # false for NaN, too
            return value
        raise PydanticCustomError("attribute", "must be a number between -2^53 and 2^53")
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        if len(value) > MAX_ATTRIBUTES:
            raise PydanticCustomError("attribute", "must have at most 50 items")
        return [_attribute_text(item) for item in value]
    raise PydanticCustomError(
        "attribute", "must be a text, a number, true, false or a list of texts"
    )


def _attribute_text(value: str) -> str:
    if len(value) > MAX_ATTRIBUTE_CHARACTERS:
        raise PydanticCustomError("attribute", "must have at most 500 characters")
    return storable(value)


def _only_known_files(body: Any) -> Any:
    if isinstance(body, dict) and "image_urls" in body:
        raise PydanticCustomError(
            "image_urls",
            "image URLs are not supported yet; send the files as `images` parts of a multipart "
            "request",
            {"pointer": "/image_urls"},
        )
    return body


_PRICE_TEXT = {"type": "string", "pattern": r"^[0-9]{1,10}(\.[0-9]{1,2})?$", "examples": ["12.50"]}
_price_to_json = PlainSerializer(lambda price: f"{price:.2f}", return_type=str, when_used="json")

Title = Annotated[str, Stripped, Field(min_length=1, max_length=300), Storable]
Description = Annotated[str, Field(max_length=10_000), Storable]
Brand = Annotated[
    str,
    Stripped,
    Storable,
    at_most_bytes(256),
    WithJsonSchema({"type": "string", "maxLength": 256}),
]
CategoryPath = Annotated[
    str,
    CATEGORY.validator(),
    CATEGORY.schema(description="Path of one to six segments, such as `apparel/tops/t-shirts`."),
]
Price = Annotated[
    Decimal,
    BeforeValidator(_price),
    _price_to_json,
    WithJsonSchema(
        {"anyOf": [_PRICE_TEXT, {"type": "number", "minimum": 0, "exclusiveMaximum": 10**10}]},
        mode="validation",
    ),
]
PriceOut = Annotated[Decimal, _price_to_json, WithJsonSchema(_PRICE_TEXT)]
AttributeName = Annotated[str, ATTRIBUTE_NAME.validator(), ATTRIBUTE_NAME.schema()]
_VALUE_SCHEMA = {
    "anyOf": [
        {"type": "string", "maxLength": MAX_ATTRIBUTE_CHARACTERS},
        {"type": "number"},
        {"type": "boolean"},
        {
            "type": "array",
            "maxItems": MAX_ATTRIBUTES,
            "items": {"type": "string", "maxLength": MAX_ATTRIBUTE_CHARACTERS},
        },
    ]
}
Attributes = Annotated[
    dict[
        AttributeName,
        Annotated[AttributeValue, PlainValidator(_attribute), WithJsonSchema(_VALUE_SCHEMA)],
    ],
    Field(max_length=MAX_ATTRIBUTES, description="Flat; a filter names them `attributes.<name>`."),
]


class ProductIn(Received):
    """A whole listing, as PUT sends it."""

    title: Title
    description: Description = ""
    brand: Brand = ""
    category: CategoryPath
    price: Price
    availability: Availability = "in_stock"
    attributes: Attributes = Field(default_factory=dict)

    _files = model_validator(mode="before")(_only_known_files)


class ProductPatch(Received):
    """The fields to change; what is left out stays. `attributes` are replaced as a whole.

    Read it through `changes`: a field that was not given holds None.
    """

    model_config = ConfigDict(json_schema_extra=without_null_defaults)

    title: Title = _LEFT_OUT
    description: Description = _LEFT_OUT
    brand: Brand = _LEFT_OUT
    category: CategoryPath = _LEFT_OUT
    price: Price = _LEFT_OUT
    availability: Availability = _LEFT_OUT
    attributes: Attributes = _LEFT_OUT

    _files = model_validator(mode="before")(_only_known_files)

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.model_fields_set:
            raise PydanticCustomError("empty", "name at least one field to change")
        return self

    def changes(self) -> dict[str, Any]:
        """The fields that were given, with their new values."""
        return {name: getattr(self, name) for name in self.model_fields_set}


class ImageOut(Sent):
    """A picture of a product and where it stands on its way to being searchable."""

    id: str = Field(description="Content id (CIDv1) of the bytes as uploaded.")
    url: str | None = Field(description="Its path on the api; null for a picture that failed.")
    position: int
    state: ImageState
    reason: str | None = Field(None, description="Why the picture failed.")
    width: int | None = None
    height: int | None = None


class ProductOut(Sent):
    """A listing as everyone reads it."""

    id: str = Field(examples=["acme:mug-1"])
    seller: str
    sku: str
    title: str
    description: str
    brand: str
    category: str
    price: PriceOut
    currency: str
    availability: Availability
    in_stock: bool
    attributes: dict[str, Annotated[AttributeValue, WithJsonSchema(_VALUE_SCHEMA)]]
    images: list[ImageOut]
    version: int
    created_at: datetime
    updated_at: datetime


class Accepted(Sent):
    """The listing is kept; `job` tells when it is searchable."""

    product: ProductOut
    job: JobOut


class ProductPage(Sent):
    """Some products, oldest first, and where to go on."""

    products: list[ProductOut]
    next_cursor: str | None = None
