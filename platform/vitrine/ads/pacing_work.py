"""Sets the pace of every campaign that runs."""

import json
from datetime import datetime
from typing import Any

from sqlalchemy import Row, text

from vitrine import logs
from vitrine.ads.asks import Standing
from vitrine.ads.day_plan import Flight, day_plan, spent_on
from vitrine.ads.pacing import RESPONSE_SECONDS, Pace, next_pace
from vitrine.db import Sessions, again_after_deadlock

# Whoever holds it paces; any number that nothing else uses.
_LOCK = 7_283_022
_log = logs.get(__name__)

_READ = text(
    """
    select campaigns.id, time_zone, starts_on, ends_on, created_at, bid_type, pacing,
        budgets.version, total_micros, daily_micros, spent_micros, day, day_spent_micros,
        controls.pace, coalesce(controls.state, '{}') as state
    from campaigns
    join budgets on budgets.campaign_id = campaigns.id
    left join controls on controls.campaign_id = campaigns.id
    where campaigns.state = 'active'
    """
)
# In one order, as whoever adjusts bids: two that change the same rows then wait and do not block.
_WRITE = text(
    """
    insert into controls (campaign_id, pace, state)
    select id, pace, state from unnest(
        cast(:ids as bigint[]), cast(:paces as float8[]), cast(cast(:states as text[]) as jsonb[])
    ) as wanted(id, pace, state)
    order by id
    on conflict (campaign_id) do update
    set pace = excluded.pace, state = excluded.state, updated_at = clock_timestamp()
    where (controls.pace, controls.state) is distinct from (excluded.pace, excluded.state)
    returning campaign_id
    """
)


@again_after_deadlock
def pace_all(sessions: Sessions, *, now: datetime) -> int:
    """Look at every active campaign and correct its pace; return how many changed.

    0 also where another process is at it.
    """
    with sessions.begin() as session:
        if not session.scalar(text("select pg_try_advisory_xact_lock(:lock)"), {"lock": _LOCK}):
            return 0
        found = {row.id: _next(row, now) for row in session.execute(_READ)}
        wanted = {id_: next_ for id_, next_ in found.items() if next_ is not None}
        if not wanted:
            return 0
        values = {
            "ids": list(wanted),
            "paces": [pace for pace, _ in wanted.values()],
            "states": [json.dumps(state) for _, state in wanted.values()],
        }
        changed = len(session.scalars(_WRITE, values).all())
    _log.debug("ads.paced", campaigns=changed)
    return changed


def _next(row: Row[Any], now: datetime) -> tuple[float, dict[str, Any]] | None:
    """The pace and state to write, or None where they stay."""
    flight = Flight(row.time_zone, row.starts_on, row.ends_on, row.created_at)
    today = flight.day_at(now)
    if today is None:
        return None
    standing = Standing(
        campaign_id=row.id,
        version=row.version,
        total_micros=row.total_micros,
        daily_micros=row.daily_micros,
        spent_micros=row.spent_micros,
        day=row.day,
        day_spent_micros=row.day_spent_micros,
    )
    plan = day_plan(flight, standing, now) if row.pacing == "even" else None
    if plan is None:
        # What was learnt is kept, should it be paced again.
        return None if row.pace == 1.0 else (1.0, row.state)
    before = None if row.pace is None else Pace.from_state(row.pace, row.state)
    response_seconds = RESPONSE_SECONDS[row.bid_type]
    next_ = next_pace(plan, spent_on(standing, today), now, before, response_seconds)
    return None if next_ is before else (next_.pace, next_.to_state())
