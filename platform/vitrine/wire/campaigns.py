"""Campaigns: what an advertiser wants shown, when, to whom, and for how much.

Money is in micros: 1,000,000 of them are one unit of the shop's currency.
"""

import re
from datetime import date, datetime
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    WithJsonSchema,
    model_validator,
)
from pydantic.json_schema import SkipJsonSchema
from pydantic_core import PydanticCustomError

from vitrine.wire.base import Received, Sent, Storable, Stripped, without_null_defaults
from vitrine.wire.names import PERSON, SLUG
from vitrine.wire.products import ImageState
from vitrine.wire.targeting import Exclusions, ExclusionsOut, Targeting, TargetingOut

MAX_MICROS = 10**15
MAX_EXAMPLES = 5
MAX_WINDOW_DAYS = 90
# So that the moments at which a day begins and ends can be told in every zone.
FIRST_DAY, LAST_DAY = date(2000, 1, 1), date(2999, 12, 31)
_LEFT_OUT: Any = None

Micros = Annotated[int, Field(ge=0, le=MAX_MICROS, strict=True)]
Paid = Annotated[int, Field(ge=1, le=MAX_MICROS, strict=True)]
Slug = Annotated[str, SLUG.validator(), SLUG.schema(examples=["spring-mugs"])]
PersonName = Annotated[str, PERSON.validator(), Storable, PERSON.schema(examples=["u-1042"])]
Name = Annotated[str, Stripped, Field(min_length=1, max_length=200), Storable]
AdState = Literal["active", "paused", "archived"]
BidType = Literal["cpc", "cpm", "cpa"]
Pacing = Literal["even", "asap"]
CapPeriod = Literal["hour", "day", "flight"]
CampaignStatus = Literal[
    "scheduled", "running", "day_spent", "spent", "ended", "paused", "archived"
]


def _zone(name: str) -> str:
    try:
        known = bool(ZoneInfo(name))
    except (ValueError, OSError, KeyError):
        known = False
    # Files beside the zones: one machine's own time, and variants with leap seconds.
    if not known or name in _NO_ZONES or name.startswith(("posix/", "right/")):
        raise PydanticCustomError(
            "time_zone", 'must be a time zone of the IANA database, such as "Europe/Berlin"'
        )
    return name


def _day(value: Any) -> date:
    # Left to itself pydantic takes midnights too, and numbers for the seconds since 1970.
    if isinstance(value, str) and _DAY.fullmatch(value):
        try:
            value = date.fromisoformat(value)
        except ValueError:
            value = None
    if type(value) is not date:
        raise PydanticCustomError("day", 'must be a day, such as "2027-03-01"')
    if not FIRST_DAY <= value <= LAST_DAY:
        raise PydanticCustomError("day", f"must be a day from {FIRST_DAY} to {LAST_DAY}")
    return value


_NO_ZONES = {"localtime", "posixrules", "Factory"}
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
TimeZone = Annotated[str, Field(max_length=64), AfterValidator(_zone)]
Day = Annotated[date, BeforeValidator(_day), WithJsonSchema({"type": "string", "format": "date"})]


class FrequencyCap(Received):
    """At most so many impressions of the campaign for one person: in any hour, on a day of the
    campaign's zone, or in its whole flight."""

    per: CapPeriod
    impressions: Annotated[int, Field(ge=1, le=10_000, strict=True)]


Caps = Annotated[list[FrequencyCap], Field(max_length=3)]
Window = Annotated[int, Field(ge=0, le=MAX_WINDOW_DAYS, strict=True)]


class CampaignIn(Received):
    """A whole campaign, as PUT sends it."""

    model_config = ConfigDict(json_schema_extra=without_null_defaults)

    advertiser: Slug
    name: Name
    state: Literal["active", "paused"] = "active"
    time_zone: TimeZone = Field("UTC", examples=["Europe/Berlin"])
    starts_on: Day = Field(description="The first day, by the clock of `time_zone`.")
    ends_on: Day | SkipJsonSchema[None] = Field(None, description="The last day.")
    total_budget_micros: Paid
    daily_budget_micros: Paid | SkipJsonSchema[None] = None
    bid_type: BidType = Field(
        description="What is paid for: a click, a thousand impressions, or an attributed conversion"
    )
    bid_micros: Paid = Field(description="The most for a click, a thousand impressions, …")
    lowest_bid_micros: Paid | SkipJsonSchema[None] = Field(
        None, description="With the next two: the bid follows from what its clicks turn out worth."
    )
    highest_bid_micros: Paid | SkipJsonSchema[None] = None
    target_cost_micros: Paid | SkipJsonSchema[None] = Field(
        None, description="What a conversion may cost."
    )
    pacing: Pacing = "even"
    caps: Caps = Field(default_factory=list)
    targeting: Targeting = Field(default_factory=Targeting)
    exclusions: Exclusions = Field(default_factory=Exclusions)
    reserve_micros: Micros = Field(
        0, description="It is shown only where it is worth so much a thousand impressions."
    )
    click_days: Window = Field(30, description="A conversion so long after a click is its own.")
    view_days: Window = Field(1, description="The same after an impression.")
    clear_examples: bool = Field(False, description="Without files: true removes the examples.")

    @model_validator(mode="after")
    def _adds_up(self) -> Self:
        check_campaign(self.model_dump())
        return self


def check_campaign(fields: dict[str, Any]) -> None:
    """Refuse fields that contradict each other; raises PydanticCustomError that names one."""
    ends, daily = fields["ends_on"], fields["daily_budget_micros"]
    total, once = fields["total_budget_micros"], fields["bid_micros"]
    bounds = [fields[name] for name in (*_BOUNDS, "target_cost_micros")]
    if ends is not None and ends < fields["starts_on"]:
        raise _wrong("ends_on", "must not be before `starts_on`")
    if daily is not None and daily > total:
        raise _wrong("daily_budget_micros", "must not be above `total_budget_micros`")
    if fields["bid_type"] == "cpm":
        once //= 1000
        if not once:
            raise _wrong("bid_micros", "is for a thousand impressions: it must be at least 1000")
    if once > (total if daily is None else daily):
        raise _wrong("bid_micros", "is more than the budget could pay even once")
    if any(bound is not None for bound in bounds):
        _check_bounds(fields, bounds)
    if len({cap["per"] for cap in fields["caps"]}) < len(fields["caps"]):
        raise _wrong("caps", "must not name the same `per` twice")


_BOUNDS = ("lowest_bid_micros", "highest_bid_micros")


def _check_bounds(fields: dict[str, Any], bounds: list[int | None]) -> None:
    if any(bound is None for bound in bounds):
        raise _wrong(
            "target_cost_micros", "goes with `lowest_bid_micros` and `highest_bid_micros`: give all"
        )
    if fields["bid_type"] == "cpa":
        raise _wrong("target_cost_micros", "is for cpc and cpm; with cpa the bid is that cost")
    lowest, highest = fields["lowest_bid_micros"], fields["highest_bid_micros"]
    if not lowest <= fields["bid_micros"] <= highest:
        raise _wrong("bid_micros", "must lie between `lowest_bid_micros` and `highest_bid_micros`")


def _wrong(field: str, detail: str) -> PydanticCustomError:
    return PydanticCustomError("campaign", detail, {"pointer": f"/{field}"})


class CampaignPatch(Received):
    """The fields to change; what is left out stays, and lists are replaced as a whole."""

    model_config = ConfigDict(json_schema_extra=without_null_defaults)

    name: Name = _LEFT_OUT
    state: Literal["active", "paused"] = _LEFT_OUT
    starts_on: Day = _LEFT_OUT
    ends_on: Day | None = _LEFT_OUT
    total_budget_micros: Paid = _LEFT_OUT
    daily_budget_micros: Paid | None = _LEFT_OUT
    bid_micros: Paid = _LEFT_OUT
    lowest_bid_micros: Paid | None = _LEFT_OUT
    highest_bid_micros: Paid | None = _LEFT_OUT
    target_cost_micros: Paid | None = _LEFT_OUT
    pacing: Pacing = _LEFT_OUT
    caps: Caps = _LEFT_OUT
    targeting: Targeting = _LEFT_OUT
    exclusions: Exclusions = _LEFT_OUT
    reserve_micros: Micros = _LEFT_OUT
    click_days: Window = _LEFT_OUT
    view_days: Window = _LEFT_OUT

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.model_fields_set:
            raise PydanticCustomError("empty", "name at least one field to change")
        return self

    def changes(self) -> dict[str, Any]:
        """The fields that were given, with their new values."""
        return self.model_dump(include=self.model_fields_set)


class FrequencyCapOut(Sent):
    """A cap as it is kept."""

    per: CapPeriod
    impressions: int


class AdImage(Sent):
    """A picture of a creative, or an example of a campaign's, and where it stands."""

    id: str = Field(description="Content id (CIDv1) of the bytes as uploaded.")
    url: str | None = Field(
        description="Its path on the api; null for one that failed, and for examples."
    )
    state: ImageState
    reason: str | None = Field(None, description="Why the picture failed.")


class CampaignOut(Sent):
    """A campaign as it is kept, and how it stands."""

    id: str
    advertiser: str
    name: str
    state: AdState
    status: CampaignStatus = Field(description="What it does just now.")
    time_zone: str
    starts_on: date
    ends_on: date | None
    total_budget_micros: int
    daily_budget_micros: int | None
    spent_micros: int
    spent_today_micros: int
    bid_type: BidType
    bid_micros: int
    lowest_bid_micros: int | None
    highest_bid_micros: int | None
    target_cost_micros: int | None
    bid_now_micros: int = Field(description="What its effect has made of the bid.")
    pacing: Pacing
    pace: float = Field(description="The share of auctions that it takes part in.")
    caps: list[FrequencyCapOut]
    targeting: TargetingOut
    exclusions: ExclusionsOut
    examples: list[AdImage]
    reserve_micros: int
    click_days: int
    view_days: int
    version: int
    created_at: datetime
    updated_at: datetime


class CampaignPage(Sent):
    """Some campaigns, oldest first, and where to go on."""

    campaigns: list[CampaignOut]
    next_cursor: str | None = None
