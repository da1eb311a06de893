"""What came of ads: impressions, clicks, conversions, refunds; and the books."""

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal, Self

from pydantic import ConfigDict, Field, model_validator
from pydantic.json_schema import SkipJsonSchema
from pydantic_core import PydanticCustomError

from vitrine.wire.base import Received, Sent, Storable, Stripped, without_null_defaults
from vitrine.wire.campaigns import Paid, PersonName
from vitrine.wire.products import Price

MAX_AD_EVENTS = 100
MAX_CONVERSIONS = 500
_LEFT_OUT: Any = None
BeaconKind = Literal["impression", "viewable", "click"]
AdEventKind = Literal["impression", "viewable", "click", "conversion"]
EntryId = Annotated[int, Field(ge=1, le=2**62, strict=True, description="The entry's id.")]
Key = Annotated[str, Stripped, Field(min_length=1, max_length=200), Storable]


class AdEventIn(Received):
    """One thing that happened to one ad."""

    token: Annotated[str, Field(max_length=2000)]
    event: BeaconKind


class AdEventBatch(Received):
    """What a page tells of its ads; no key is needed, since every token is signed."""

    events: Annotated[list[AdEventIn], Field(min_length=1, max_length=MAX_AD_EVENTS)]


class AdEventsTaken(Sent):
    """What became of them. A page learns nothing of what was marked as invalid."""

    accepted: int
    duplicates: int = Field(description="Known already; nothing changed.")
    refused: int = Field(description="Their tokens are not signed by this shop, or too old.")


class ConversionIn(Received):
    """Something sold or done, told by the shop's server: by the token of a click, or by whom."""

    model_config = ConfigDict(json_schema_extra=without_null_defaults)

    order_id: Key = Field(description="Unique: the same again counts once.")
    value: Price = Field(Decimal(0), description="In the shop's currency.")
    token: Annotated[str, Field(max_length=2000)] = _LEFT_OUT
    user_id: PersonName = _LEFT_OUT
    client_id: PersonName = _LEFT_OUT
    timestamp_micros: Annotated[int, Field(ge=0, le=2**62, strict=True)] = Field(
        _LEFT_OUT, description="When it was, if not now."
    )

    @model_validator(mode="after")
    def _names_somebody(self) -> Self:
        if self.token is None and self.user_id is None and self.client_id is None:
            raise PydanticCustomError("conversion", "needs a `token`, a `user_id` or a `client_id`")
        return self


class ConversionBatch(Received):
    """Conversions, each by itself."""

    conversions: Annotated[list[ConversionIn], Field(min_length=1, max_length=MAX_CONVERSIONS)]


class AttributionOut(Sent):
    """The part of one ad in a conversion."""

    campaign: str
    creative: str
    decision: str
    position: int
    touch: Literal["view", "click"]
    last_touch: float
    position_based: float


class ConversionTaken(Sent):
    """What became of one conversion."""

    order_id: str
    known: bool = Field(description="True: it was there already, and nothing changed.")
    attributed: list[AttributionOut]
    billed_micros: int
    warning: str | None = None


class ConversionsTaken(Sent):
    """What became of each, in order."""

    conversions: list[ConversionTaken]


class RefundIn(Received):
    """Give back a charge, or a part of it."""

    model_config = ConfigDict(json_schema_extra=without_null_defaults)

    refund_id: Key = Field(description="Unique: the same again is booked once.")
    charge: EntryId
    amount_micros: Paid | SkipJsonSchema[None] = Field(None, description="All that is left of it.")
    note: Annotated[str, Stripped, Field(max_length=500), Storable] = ""


class LedgerEntryOut(Sent):
    """One movement of money."""

    id: int
    at: datetime
    kind: Literal["charge", "refund"]
    event: AdEventKind
    campaign: str
    creative: str
    placement: str
    decision: str
    position: int
    amount_micros: int = Field(description="Negative for a refund.")
    day: date
    refunds: int | None
    note: str


class LedgerPage(Sent):
    """Some entries, oldest first, what they and all before add up to, and where to go on."""

    entries: list[LedgerEntryOut]
    spent_micros: int = Field(description="Of all entries of the campaign.")
    next_cursor: str | None = None
