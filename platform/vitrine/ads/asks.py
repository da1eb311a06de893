"""What is asked of the counters of ads, and what they know of a campaign."""

from dataclasses import dataclass
from datetime import date, datetime


@dataclass(frozen=True, slots=True)
class Standing:
    """A copy of a row of `budgets`; of two the one with the higher version is right."""

    campaign_id: int
    version: int
    total_micros: int
    daily_micros: int | None
    spent_micros: int
    day: date | None
    day_spent_micros: int


@dataclass(frozen=True, slots=True)
class CapAsk:
    """One more of what `key` counts, if it is below `most`.

    `base` is what PostgreSQL knows already. Redis counts on from there for `seconds` after the last
    one: long enough that PostgreSQL knows it by then.
    """

    name: str
    key: str
    most: int
    base: int
    seconds: int


@dataclass(frozen=True, slots=True)
class Ask:
    """One slot that an ad is to have: what its event costs, and what it is expected to.

    `today` is the campaign's day.
    """

    decision: str
    position: int
    standing: Standing
    today: date
    price_micros: int
    expected_micros: int
    caps: tuple[CapAsk, ...] = ()


@dataclass(frozen=True, slots=True)
class Reservation:
    """What is kept free for a slot, and until when."""

    member: str
    amount_micros: int
    ends: datetime


def member_of(decision: str, position: int) -> str:
    """Name the reservation of a slot."""
    return f"{decision}:{position}"
