"""Where and to whom a campaign is shown, and where and to whom never."""

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, ConfigDict, Field, model_validator
from pydantic.json_schema import SkipJsonSchema
from pydantic_core import PydanticCustomError

from vitrine.wire.base import Received, Sent, Storable, Stripped, without_null_defaults
from vitrine.wire.names import PLACE
from vitrine.wire.products import CategoryPath, PriceOut
from vitrine.wire.products import Price as PriceIn

MAX_VALUES = 200

Device = Literal["mobile", "tablet", "desktop", "tv", "other"]
Place = Annotated[
    str,
    PLACE.validator(),
    PLACE.schema(
        description="Country or region (ISO 3166-1 alpha-2, ISO 3166-2).", examples=["DE", "DE-BY"]
    ),
]


def _word(text: str) -> str:
    # All words of a keyword have to be there: of one without any, all always are.
    if not any(letter.isalnum() for letter in text):
        raise PydanticCustomError("keyword", "must have a letter or a digit")
    return text


Keyword = Annotated[
    str, Stripped, Field(min_length=1, max_length=100), Storable, AfterValidator(_word)
]
Categories = Annotated[list[CategoryPath], Field(max_length=MAX_VALUES)]
Places = Annotated[list[Place], Field(max_length=MAX_VALUES)]
Devices = Annotated[list[Device], Field(max_length=5)]
Keywords = Annotated[list[Keyword], Field(max_length=MAX_VALUES)]


class PriceBand(Received):
    """A band of prices: at least `gte`, less than `lt`."""

    model_config = ConfigDict(json_schema_extra=without_null_defaults)

    gte: PriceIn | SkipJsonSchema[None] = None
    lt: PriceIn | SkipJsonSchema[None] = None

    @model_validator(mode="after")
    def _is_a_band(self) -> Self:
        if self.gte is None and self.lt is None:
            raise PydanticCustomError("band", "needs `gte`, `lt`, or both")
        if self.gte is not None and self.lt is not None and self.gte >= self.lt:
            raise PydanticCustomError("band", "needs a `gte` below its `lt`")
        return self


class Targeting(Received):
    """Where and to whom: every list that is not empty has to hold, with one of its values.

    What a request does not say cannot hold: a campaign for `geo` DE is not shown where nobody says
    where. Example pictures are sent as files.
    """

    model_config = ConfigDict(json_schema_extra=without_null_defaults)

    categories: Categories = Field(
        default_factory=list, description="Of the page, or above it: a category means all under it."
    )
    interests: Categories = Field(
        default_factory=list, description="Categories that the person's profile likes."
    )
    price: PriceBand | None = Field(
        None, description="Of the page's product; on other pages, what the person usually pays."
    )
    geo: Places = Field(default_factory=list)
    devices: Devices = Field(default_factory=list)
    keywords: Keywords = Field(
        default_factory=list, description="All words of one of them are in the shopper's text."
    )
    example_similarity: Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)] = Field(
        0.5, description="How like an example picture the page or an interest has to be, at least."
    )


class Exclusions(Received):
    """Where and to whom never: one of these is enough."""

    categories: Categories = Field(default_factory=list)
    interests: Categories = Field(default_factory=list)
    geo: Places = Field(default_factory=list)
    devices: Devices = Field(default_factory=list)
    keywords: Keywords = Field(default_factory=list)


class PriceBandOut(Sent):
    """A band of prices as it is kept."""

    gte: PriceOut | None = None
    lt: PriceOut | None = None


class ExclusionsOut(Sent):
    """Where and to whom never, as it is kept."""

    categories: list[str]
    interests: list[str]
    geo: list[str]
    devices: list[Device]
    keywords: list[str]


class TargetingOut(ExclusionsOut):
    """Where and to whom, as it is kept."""

    price: PriceBandOut | None = None
    example_similarity: float
