"""Creatives: what an ad looks like and where it leads."""

import re
from datetime import datetime
from ipaddress import IPv6Address
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, ConfigDict, Field, WithJsonSchema, model_validator
from pydantic.json_schema import SkipJsonSchema
from pydantic_core import PydanticCustomError

from vitrine.wire.base import Received, Sent, Storable, Stripped, without_null_defaults
from vitrine.wire.campaigns import AdImage, AdState, Slug
from vitrine.wire.products import CategoryPath
from vitrine.wire.search import ProductIdText

MAX_URL_CHARACTERS = 2000
_LEFT_OUT: Any = None


_LABEL = r"[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?"
# What readers of addresses disagree about is left out: spaces, backslashes, credentials.
_ADDRESS = re.compile(
    rf"https?://(?:{_LABEL}(?:\.{_LABEL})*\.?|\[(?P<ipv6>[0-9a-f:.]+)\])(?::(?P<port>[0-9]{{1,5}}))?"
    r"(?:[/?#][!#-;=?-\[\]_a-z~]*)?",
    re.ASCII | re.IGNORECASE,
)


def _web_address(url: str) -> str:
    found = _ADDRESS.fullmatch(url)
    if found is None or not _can_be_reached(found["ipv6"], found["port"]):
        raise PydanticCustomError(
            "url",
            'must be an absolute http or https address in ASCII, such as "https://shop.example/mugs"',
        )
    return url


def _can_be_reached(ipv6: str | None, port: str | None) -> bool:
    try:
        known = ipv6 is None or bool(IPv6Address(ipv6))
    except ValueError:
        return False
    return known and (port is None or 0 < int(port) < 2**16)


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
    clear_image: bool = Field(
        False, description="Without a file: true removes its own picture, for that of its product."
    )

    @model_validator(mode="after")
    def _adds_up(self) -> Self:
        if self.product_id is None and not self.title:
            pointer = {"pointer": "/title"}
            raise PydanticCustomError("creative", "is required without a `product_id`", pointer)
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
    ready: bool = Field(
        description="Whether it can be found: its picture is searchable, and its product in stock."
    )
    version: int
    created_at: datetime
    updated_at: datetime


class CreativePage(Sent):
    """Some creatives, oldest first, and where to go on."""

    creatives: list[CreativeOut]
    next_cursor: str | None = None
