"""Bids that follow from their effect: what a click or an impression turns out worth.

A campaign that says what a conversion may cost, and between which bounds its bid may move, bids
that cost times its conversions for each event that it pays for.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, text

from vitrine import logs
from vitrine.db import Sessions, again_after_deadlock
from vitrine.wire.ad_reports import AttributionModel

DAYS = 14
"""What is older does not count."""
STRENGTH = 5.0
"""The shop's mean counts as much as so many conversions of the campaign's own."""
LEAST = 1.0
"""A bid stays until its events would have brought so many conversions at the shop's mean."""
STEP = 1.2
"""A bid changes by at most this factor at once."""
MOST_EVENTS = 2_000_000
"""So many of the last events of the whole shop are counted."""

# Whoever holds it adjusts; any number that nothing else uses.
_LOCK = 7_283_021
_log = logs.get(__name__)


@dataclass(frozen=True, slots=True)
class Aim:
    """What an advertiser allows; `events` are those that the bid is for: 1000 impressions or 1."""

    lowest_micros: int
    highest_micros: int
    target_micros: int
    events: int = 1


@dataclass(frozen=True, slots=True)
class Effect:
    """Events that a campaign pays for, what conversions came, and the shop's mean of an event."""

    events: float
    conversions: float
    mean: float

    def rate(self) -> float:
        """Conversions for an event, shrunk to the shop's mean.

        The posterior mean of a Poisson rate whose prior is gamma with that mean and the shape
        STRENGTH (Efron and Hastie 2016, "Computer Age Statistical Inference", 6.1).
        """
        return (self.conversions + STRENGTH) / (self.events + STRENGTH / self.mean)


def next_bid(bid_micros: int, aim: Aim, effect: Effect) -> int:
    """Return the bid of the next hours: a step towards the one at which a conversion costs its aim.

    It always lies within the bounds, also if the bid did not.
    """
    bid = min(max(bid_micros, aim.lowest_micros), aim.highest_micros)
    if effect.events * effect.mean < LEAST:
        return bid
    wanted = aim.target_micros * effect.rate() * aim.events
    wanted = min(max(wanted, bid / STEP), bid * STEP)
    return min(max(round(wanted), aim.lowest_micros), aim.highest_micros)


@again_after_deadlock
def adjust_bids(
    sessions: Sessions, *, now: datetime, attribution: AttributionModel = "last_touch"
) -> int:
    """Move the bids of active campaigns that name a target; return how many changed.

    0 also where another process is at it. Conversions of the last days came of clicks before them
    as well as of these: only a campaign that has just begun looks a little worse than it is.
    """
    with sessions.begin() as session:
        if not session.scalar(text("select pg_try_advisory_xact_lock(:lock)"), {"lock": _LOCK}):
            return 0
        span = {"now": now, "since": now - timedelta(days=DAYS), "events": MOST_EVENTS}
        span["since"] = session.scalar(_SINCE, span)
        found = session.execute(_COUNT[attribution], span).all()
        bids = {one.id: _bid(one) for one in found}
        moved = {one.id: bids[one.id] for one in found if bids[one.id] != one.bid_micros}
        written = session.scalars(_WRITE, {"ids": list(moved), "bids": list(moved.values())})
        changed = len(written.all())
    if changed:
        _log.info("ads.bids_adjusted", campaigns=changed)
    return changed


def _bid(row: Row[Any]) -> int:
    aim = Aim(
        lowest_micros=row.lowest_bid_micros,
        highest_micros=row.highest_bid_micros,
        target_micros=row.target_cost_micros,
        events=1000 if row.bid_type == "cpm" else 1,
    )
    return next_bid(row.bid_micros, aim, Effect(row.events, row.conversions, row.mean))


_SINCE = text(
    """
    select coalesce(
        (
            select at from ad_events where at > :since and at <= :now
            order by at desc offset :events limit 1
        ),
        :since
    )
    """
)
# The mean is of all campaigns that pay for the same, whether their bids may move or not.
_COUNTED = """
    with happened as (
        select campaign_id, kind, count(*) as events from ad_events
        where at > :since and at <= :now and invalid is null and kind in ('impression', 'click')
        group by campaign_id, kind
    ), gained as (
        select attributions.campaign_id, sum(attributions.{part}) as conversions
        from conversions join attributions on attributions.conversion_id = conversions.id
        where conversions.at > :since and conversions.at <= :now and conversions.invalid is null
        group by attributions.campaign_id
    ), counted as (
        select campaigns.*, coalesce(happened.events, 0) as events,
            cast(coalesce(gained.conversions, 0) as float8) as conversions
        from campaigns
        left join happened on happened.campaign_id = campaigns.id
          and happened.kind = case campaigns.bid_type when 'cpm' then 'impression' else 'click' end
        left join gained on gained.campaign_id = campaigns.id
        where campaigns.bid_type in ('cpc', 'cpm')
    ), means as (
        select bid_type,
            coalesce(sum(conversions) / nullif(cast(sum(events) as float8), 0), 0) as mean
        from counted group by bid_type
    )
    select counted.id, bid_type, lowest_bid_micros, highest_bid_micros, target_cost_micros,
        coalesce(controls.bid_micros, counted.bid_micros) as bid_micros, events, conversions, mean
    from counted
    join means using (bid_type)
    left join controls on controls.campaign_id = counted.id
    where counted.state = 'active' and target_cost_micros is not null
    """
_COUNT = {model: text(_COUNTED.format(part=model)) for model in ("last_touch", "position_based")}
# In one order, as whoever paces: two that change the same rows then wait and do not block. The
# bounds are read again, since the advertiser may have moved them meanwhile.
_WRITE = text(
    """
    insert into controls (campaign_id, bid_micros)
    select campaigns.id, least(greatest(wanted.bid, lowest_bid_micros), highest_bid_micros)
    from unnest(cast(:ids as bigint[]), cast(:bids as bigint[])) as wanted(id, bid)
    join campaigns on campaigns.id = wanted.id
    where target_cost_micros is not null
    order by campaigns.id
    on conflict (campaign_id) do update
    set bid_micros = excluded.bid_micros, updated_at = clock_timestamp()
    where controls.bid_micros is distinct from excluded.bid_micros
    returning campaign_id
    """
)
