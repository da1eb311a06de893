"""Creatives: what an ad looks like and where it leads."""

from datetime import datetime
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, ConfigDict, Field, WithJsonSchema, model_validator
from pydantic.json_schema import SkipJsonSchema
from pydantic_core import PydanticCustomError

from vitrine.wire.base import Received, Sent, Storable, Stripped, without_null_defaults
from vitrine.wire.campaigns import AdImage, AdState, Slug
from vitrine.wire.products import CategoryPath
from vitrine.wire.search import ProductIdText

MAX_URL_CHARACTERS = 2000
_LEFT_OUT: Any = None


def _web_address(url: str) -> str:
    try:
        parts = urlsplit(url)
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname)
        port = parts.port
    except ValueError:
        usable, port = False, None
    printable = url.isascii() and url.isprintable() and not any(one in url for one in ' "<>\\^`{|}')
    if not usable or not printable or port == 0 or "@" in parts.netloc:
        raise PydanticCustomError(
            "url", 'must be an absolute http or https address, such as "https://shop.example/mugs"'
        )
    return url


LandingUrl = Annotated[
    str,
    Field(max_length=MAX_URL_CHARACTERS),
    AfterValidator(_web_address),
    WithJsonSchema({"type": "string", "format": "uri", "maxLength": MAX_URL_CHARACTERS}),
]
AdTitle = Annotated[str, Stripped, Field(max_length=150), Storable]
AdText = Annotated[str, Stripped, Field(max_length=500), Storable]
CallToAction = Annotated[str, Stripped, Field(max_length=40), Storable]


class CreativeIn(Received):
    """A whole creative, as PUT sends it, beside its picture.

    With a `product_id` it draws on the catalogue: title and picture, if it has none of its own,
    come from there, and it is shown only while the product can be ordered.
    """

    model_config = ConfigDict(json_schema_extra=without_null_defaults)

    campaign: Slug
    state: Literal["active", "paused"] = "active"
    title: AdTitle = ""
    text: AdText = ""
    call_to_action: CallToAction = Field("", examples=["Shop now"])
    landing_url: LandingUrl = Field(examples=["https://shop.example/mugs"])
    product_id: ProductIdText | SkipJsonSchema[None] = None
    category: CategoryPath | SkipJsonSchema[None] = Field(
        None, description="What it is about; of a product, that of the product."
    )

    @model_validator(mode="after")
    def _adds_up(self) -> Self:
        if self.product_id is None and not self.title:
            raise PydanticCustomError("creative", "is required without a `product_id`",
                                      {"pointer": "/title"})  # fmt: skip
        return self


class CreativePatch(Received):
    """The fields to change; what is left out stays."""

    model_config = ConfigDict(json_schema_extra=without_null_defaults)

    state: Literal["active", "paused"] = _LEFT_OUT
    title: AdTitle = _LEFT_OUT
    text: AdText = _LEFT_OUT
    call_to_action: CallToAction = _LEFT_OUT
    landing_url: LandingUrl = _LEFT_OUT
    category: CategoryPath | None = _LEFT_OUT

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.model_fields_set:
            raise PydanticCustomError("empty", "name at least one field to change")
        return self

    def changes(self) -> dict[str, Any]:
        """The fields that were given, with their new values."""
        return {name: getattr(self, name) for name in self.model_fields_set}


class CreativeOut(Sent):
    """A creative as it is kept."""

    id: str
    campaign: str
    state: AdState
    title: str
    text: str
    call_to_action: str
    landing_url: str
    product_id: str | None
    category: str | None
    image: AdImage | None = Field(description="Null: it draws its picture from its product.")
    ready: bool = Field(description="Whether it can be found: its picture is searchable.")
    version: int
    created_at: datetime
    updated_at: datetime


class CreativePage(Sent):
    """Some creatives, oldest first, and where to go on."""

    creatives: list[CreativeOut]
    next_cursor: str | None = None
