"""What may be shown just now: the campaigns and creatives that are active, kept in memory."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from vitrine.ads.counters import Standing
from vitrine.ads.days import local_day
from vitrine.ads.targeting import Rules


@dataclass(frozen=True, slots=True)
class Cap:
    """At most so many impressions for one person: in any hour, on a day, in the flight."""

    per: str
    impressions: int


@dataclass(frozen=True, slots=True)
class RunningCampaign:
    """A campaign that is active; whether it runs now, its flight and its budget say.

    `by_example`: it wants what is like its examples, also if none of them could be read.
    """

    id: int
    slug: str
    version: int
    advertiser: str
    time_zone: str
    begins: datetime
    ends: datetime | None
    bid_type: str
    bid_micros: int
    pacing: str
    pace: float
    caps: tuple[Cap, ...]
    rules: Rules
    keywords: frozenset[str]
    examples: tuple[str, ...]
    by_example: bool
    example_similarity: float
    reserve_micros: int
    standing: Standing
    changed_at: tuple[datetime | None, ...]

    @property
    def is_spent(self) -> bool:
        """Whether its budget has nothing left, for good."""
        return self.standing.spent_micros >= self.standing.total_micros

    def is_in_flight(self, now: datetime) -> bool:
        """Whether its days have begun and are not over."""
        return self.begins <= now and (self.ends is None or now < self.ends)

    def today(self, now: datetime) -> date:
        """The day that a charge of now counts for."""
        return local_day(now, self.time_zone)


@dataclass(frozen=True, slots=True)
class RunningCreative:
    """A creative that is active, and how it did so far."""

    id: int
    slug: str
    campaign_id: int
    title: str
    text: str
    call_to_action: str
    category: str | None
    product: tuple[str, str] | None
    cid: str | None
    version: int
    words: frozenset[str]
    impressions: float
    clicks: float
    conversions: float
    changed_at: tuple[datetime | None, ...]


@dataclass(frozen=True, slots=True)
class Tally:
    """What the creatives of a campaign, or of the shop, did together."""

    impressions: float = 0.0
    clicks: float = 0.0
    conversions: float = 0.0


@dataclass(frozen=True, slots=True)
class Running:
    """One look at what is active; nothing in it changes."""

    campaigns: Mapping[int, RunningCampaign] = field(default_factory=dict)
    creatives: Mapping[int, RunningCreative] = field(default_factory=dict)
    # Those that are found: their campaign is active and has money. So are words and categories.
    ids: tuple[int, ...] = ()
    # Creatives whose own picture cannot be shown yet.
    waiting: frozenset[int] = frozenset()
    of_campaign: Mapping[int, tuple[int, ...]] = field(default_factory=dict)
    tallies: Mapping[int, Tally] = field(default_factory=dict)
    shop: Tally = field(default_factory=Tally)
    by_word: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    by_category: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
