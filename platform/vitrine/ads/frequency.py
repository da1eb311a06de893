"""How often somebody was shown a campaign, as PostgreSQL knows it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import text

from vitrine.ads.counters import CapAsk
from vitrine.ads.days import day_bounds
from vitrine.ads.running import RunningCampaign
from vitrine.db import Readers

HOUR = timedelta(hours=1)
# As long as two requests of one person may miss each other: PostgreSQL knows the rest.
_RACE_SECONDS = 60

_SHOWN = text(
    """
    select asked.campaign, count(*) filter (where at > :hour) as hour,
        count(*) filter (where at >= asked.day) as day, count(*) as flight
    from unnest(
        cast(:campaigns as bigint[]), cast(:days as timestamptz[]), cast(:flights as timestamptz[])
    ) as asked(campaign, day, flight)
    join ad_slots on person_id = any(cast(:people as bigint[]))
        and campaign_id = asked.campaign and at >= least(asked.flight, asked.day, :hour)
    group by asked.campaign
    """
)


@dataclass(frozen=True, slots=True)
class Shown:
    """How often a campaign was shown to somebody in the last hour, today, and in its flight."""

    hour: int = 0
    day: int = 0
    flight: int = 0


def read_shown(
    readers: Readers, people: Sequence[int], campaigns: Sequence[RunningCampaign], now: datetime
) -> dict[int, Shown]:
    """Count what was shown of campaigns that have caps, in one query."""
    capped = [one for one in campaigns if one.caps]
    if not people or not capped:
        return {}
    with readers() as reads:
        rows = reads.execute(
            _SHOWN,
            {
                "campaigns": [one.id for one in capped],
                "days": [day_bounds(one.today(now), one.time_zone)[0] for one in capped],
                "flights": [one.begins for one in capped],
                "people": list(people),
                "hour": now - HOUR,
            },
        ).all()
    return {row.campaign: Shown(row.hour, row.day, row.flight) for row in rows}


def at_cap(campaign: RunningCampaign, shown: Shown) -> str | None:
    """Say which cap somebody is at already, or None."""
    reached = (cap.per for cap in campaign.caps if getattr(shown, cap.per) >= cap.impressions)
    return next((f"cap:{per}" for per in reached), None)


def cap_asks(
    campaign: RunningCampaign, people: Sequence[int], shown: Shown, now: datetime
) -> tuple[CapAsk, ...]:
    """Say which counts have to be below which bounds for one more impression."""
    if not people:
        return ()
    return tuple(
        CapAsk(
            name=cap.per,
            key=f"{campaign.id}:{people[0]}:{cap.per}:{campaign.today(now)}",
            most=cap.impressions,
            base=getattr(shown, cap.per),
            seconds=_RACE_SECONDS,
        )
        for cap in campaign.caps
    )
