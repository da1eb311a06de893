"""Ads: which creatives suit this shopper, on this page, now; and how that was decided."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field
from pydantic.json_schema import SkipJsonSchema

from vitrine.wire.base import Received, Sent, Storable, Stripped, without_null_defaults
from vitrine.wire.campaigns import BidType, Micros, PersonName, Slug
from vitrine.wire.products import CategoryPath, ProductOut
from vitrine.wire.search import (
    MAX_TEXT_CHARACTERS,
    Fraction,
    Milliseconds,
    ModelOut,
    ProductIdText,
    ResultImage,
    UploadId,
)
from vitrine.wire.targeting import Device, Place

MAX_SLOTS = 20
MAX_ORGANIC = 100
SearchId = Annotated[
    str, Field(pattern=r"^[A-Za-z0-9_-]{22}$", examples=["x4nL0mJxq3Zr2q0bK9sVtw"])
]
Positions = Annotated[
    list[Annotated[int, Field(ge=1, le=MAX_ORGANIC, strict=True)]], Field(max_length=MAX_SLOTS)
]
Outcome = Literal["shown", "lost", "filtered"]


class Organic(Received):
    """A result that is there without ads: how alike it is to what was asked, as search said."""

    product_id: ProductIdText
    similarity: Annotated[float, Field(ge=-1, le=1, allow_inf_nan=False)]


class MatchQuery(Received):
    """Who looks, at what, and what may be shown."""

    model_config = ConfigDict(json_schema_extra=without_null_defaults)

    user_id: PersonName | SkipJsonSchema[None] = None
    client_id: PersonName | SkipJsonSchema[None] = Field(
        None, description="The browser of nobody known; beside a `user_id` it is not needed."
    )
    placement: Slug = Field("default", description="What the place is called in reports.")
    slots: Annotated[int, Field(ge=1, le=MAX_SLOTS, strict=True)] = 1
    product_id: ProductIdText | SkipJsonSchema[None] = Field(None, description="Of the page.")
    category: CategoryPath | SkipJsonSchema[None] = Field(None, description="Of the page.")
    text: (
        Annotated[str, Stripped, Field(min_length=1, max_length=MAX_TEXT_CHARACTERS), Storable]
        | SkipJsonSchema[None]
    ) = Field(None, description="What the shopper typed.")
    upload_id: UploadId | SkipJsonSchema[None] = Field(
        None, description="A photo that `POST /v1/uploads` keeps."
    )
    search_id: SearchId | SkipJsonSchema[None] = Field(
        None, description="A search: its photo, words and results are the context."
    )
    geo: Place | SkipJsonSchema[None] = None
    device: Device | SkipJsonSchema[None] = None
    relevance_floor: Fraction | SkipJsonSchema[None] = Field(
        None, description="Nothing less relevant, whatever it pays; raises the shop's own floor."
    )
    floor_micros: Micros = Field(
        0, description="Nothing that is worth less a thousand impressions."
    )
    organic: Annotated[list[Organic], Field(max_length=MAX_ORGANIC)] = Field(
        default_factory=list, description="The results that ads would displace, best first."
    )
    positions: Annotated[
        list[Annotated[int, Field(ge=1, le=MAX_ORGANIC)]], Field(max_length=MAX_SLOTS)
    ] = Field(
        default_factory=list,
        description="Where among the results the slots are, from 1; the first ones by default.",
    )
    max_loss: Fraction | SkipJsonSchema[None] = Field(
        None, description="How much less similar an ad may be than the result it displaces."
    )
    same_advertiser: bool = Field(False, description="One advertiser may have several slots.")
    seed: Annotated[int, Field(ge=0, le=2**62, strict=True)] | SkipJsonSchema[None] = Field(
        None, description="Chance is drawn from it: the same state and seed decide the same."
    )


class MatchBody(MatchQuery):
    """The flat JSON form: the same with the photo in it."""

    image_base64: str | SkipJsonSchema[None] = Field(
        None, description="A query photo in base64 (RFC 4648, section 4)."
    )


class RelevanceOut(Sent):
    """What the relevance of an ad is made of: the product of the three."""

    visual: float
    profile: float
    context: float
    total: float


class AdOut(Sent):
    """One ad to show. Load `impression_url` when it is shown, and let it link to `click_url`."""

    position: int = Field(description="The slot, from 1.")
    place: int | None = Field(None, description="Its place among the organic results, if told.")
    creative: str
    campaign: str
    advertiser: str
    title: str
    text: str
    call_to_action: str
    image: ResultImage | None
    product: ProductOut | None = Field(None, description="The product that it draws on.")
    relevance: RelevanceOut
    similarity: float | None = Field(None, description="To the photo or product of the page.")
    loss: float | None = Field(None, description="How much similarity it costs; in the token too.")
    explored: bool = Field(description="True: it is new, and shown to learn how it does.")
    token: str
    impression_url: str
    click_url: str


class MatchTiming(Sent):
    """Milliseconds spent in each stage."""

    context: Milliseconds = 0.0
    candidates: Milliseconds = 0.0
    eligibility: Milliseconds = 0.0
    auction: Milliseconds = 0.0
    record: Milliseconds = 0.0
    total: Milliseconds = 0.0


class MatchResponse(Sent):
    """The ads for these slots, best first; fewer than slots, or none, where nothing suits."""

    decision_id: str
    ads: list[AdOut]
    degraded: str | None = Field(
        None, description="What the answer had to do without, if anything did not answer."
    )
    model: ModelOut
    timing_ms: MatchTiming


class Participant(Sent):
    """One creative in an auction; what it never came to is null."""

    creative: str
    campaign: str
    advertiser: str
    outcome: Outcome
    reason: str | None = Field(None, description="Why it was filtered, or lost.")
    bid_micros: int | None = None
    probability: float | None = Field(None, description="Of what it pays for, as drawn.")
    relevance: RelevanceOut | None = None
    score: float | None = Field(
        None, description="Micros that an impression is worth, times relevance to the power."
    )
    position: int | None = None
    price_micros: int | None = None


class DecidedSlot(Sent):
    """What stood in a slot, what it costs, and what came of it."""

    position: int
    creative: str
    campaign: str
    bid_type: BidType
    bid_micros: int
    price_micros: int = Field(description="For what it pays for: a click, an impression, …")
    expected_micros: int = Field(description="What was reserved.")
    loss: float | None
    events: list[str]
    billed_micros: int


class DecisionOut(Sent):
    """An auction, explained."""

    id: str
    at: datetime
    placement: str
    seed: int
    relevance_exponent: float
    relevance_floor: float
    context: dict[str, Any]
    model: str
    click_model: int
    slots: list[DecidedSlot]
    participants: list[Participant] = Field(description="Who bid, best first; see `left_out`.")
    filtered: dict[str, int] = Field(description="How many creatives were filtered, by reason.")
    left_out: int = Field(description="Creatives that are counted but not listed.")
