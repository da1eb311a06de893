"""The figures of a report, made of what was counted."""

from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal

from vitrine.ads.intervals import Interval, of_sum, wilson
from vitrine.wire.ad_reports import Estimate, MicrosEstimate, ReportRow


@dataclass(slots=True)
class Terms:
    """A sum, the sum of the squares of its terms, and the largest of them."""

    total: Decimal = Decimal(0)
    squares: float = 0.0
    largest: float = 0.0

    def add(self, other: "Terms") -> None:
        self.total += other.total
        self.squares += other.squares
        self.largest = max(self.largest, other.largest)

    def interval(self, trials: int | None = None) -> Interval | None:
        return of_sum(float(self.total), self.squares, self.largest, trials)


@dataclass(slots=True)
class Counts:
    """What was counted of one group. `known` are the impressions whose person is known."""

    served: int = 0
    impressions: int = 0
    viewable: int = 0
    clicks: int = 0
    known: int = 0
    reach: int = 0
    invalid: Counter[str] = field(default_factory=Counter)
    unbilled: Counter[str] = field(default_factory=Counter)
    charged_micros: int = 0
    refunded_micros: int = 0
    spend: Terms = field(default_factory=Terms)
    conversions: Terms = field(default_factory=Terms)
    view_conversions: Decimal = Decimal(0)
    value: Terms = field(default_factory=Terms)

    def add(self, other: "Counts") -> None:
        """Add all of another group but its reach, which does not add up."""
        for name in ("served", "impressions", "viewable", "clicks", "known"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.invalid.update(other.invalid)
        self.unbilled.update(other.unbilled)
        self.charged_micros += other.charged_micros
        self.refunded_micros += other.refunded_micros
        self.view_conversions += other.view_conversions
        for name in ("spend", "conversions", "value"):
            getattr(self, name).add(getattr(other, name))


def row(key: str, counts: Counts) -> ReportRow:
    """Make the figures of one group; docs/ads.md has their formulas."""
    spend = int(counts.spend.total)
    after_click = counts.conversions.total - counts.view_conversions
    return ReportRow(
        key=key,
        served=counts.served,
        impressions=counts.impressions,
        viewable=counts.viewable,
        viewability=_share(counts.viewable, counts.impressions),
        clicks=counts.clicks,
        ctr=_share(counts.clicks, counts.impressions),
        conversions=float(counts.conversions.total),
        view_conversions=float(counts.view_conversions),
        cvr=_share(float(after_click), counts.clicks),
        value_micros=int(counts.value.total),
        charged_micros=counts.charged_micros,
        refunded_micros=counts.refunded_micros,
        spend_micros=spend,
        ecpm_micros=_price(counts.spend, counts.impressions, per=1000),
        cpc_micros=_price(counts.spend, counts.clicks),
        cost_per_conversion_micros=_cost(spend, counts.conversions),
        roas=_return(counts.value, spend),
        reach=counts.reach,
        frequency=counts.known / counts.reach if counts.reach else None,
        invalid_events=counts.invalid.total(),
        invalid_by_reason=dict(sorted(counts.invalid.items())),
        unbilled_events=counts.unbilled.total(),
        unbilled_by_reason=dict(sorted(counts.unbilled.items())),
    )


def _share(hits: float, trials: int) -> Estimate:
    low, high = wilson(hits, trials) or (None, None)
    return Estimate(value=hits / trials if trials else None, low=low, high=high)


def _price(spend: Terms, events: int, per: int = 1) -> MicrosEstimate:
    if not events:
        return MicrosEstimate()
    interval = spend.interval(events)
    low, high = interval or (None, None)
    return MicrosEstimate(
        value=round(spend.total * per / events),
        low=None if low is None else round(low * per / events),
        high=None if high is None else round(high * per / events),
    )


def _cost(spend: int, conversions: Terms) -> MicrosEstimate:
    if not conversions.total:
        return MicrosEstimate()
    value = round(spend / conversions.total)
    interval = conversions.interval()
    if interval is None or spend < 0:
        return MicrosEstimate(value=value)
    low, high = interval
    return MicrosEstimate(value=value, low=round(spend / high), high=round(spend / low))


def _return(value: Terms, spend: int) -> Estimate:
    if spend <= 0:
        return Estimate()
    low, high = value.interval() or (None, None)
    return Estimate(
        value=float(value.total) / spend,
        low=None if low is None else low / spend,
        high=None if high is None else high / spend,
    )
