"""A report of one campaign: its figures by creative, placement, hour or day, from the raw rows."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from vitrine.ads.counting import Scope, count, extent
from vitrine.ads.days import day_bounds, local_day
from vitrine.ads.figures import row
from vitrine.ads.models import Campaign, Creative
from vitrine.db import Sessions
from vitrine.decisions.retention import Kept, kept_since
from vitrine.errors import Invalid, NotFound
from vitrine.wire.ad_reports import AttributionModel, CampaignReport, ReportBy

# A million people want some room to be told apart.
_ROOM = text("set local work_mem = '64MB'")
_CURSOR = re.compile(r"[0-9a-z][0-9a-zTZ:._-]{0,99}")
_BY_TIME = ("day", "hour")


@dataclass(frozen=True, kw_only=True, slots=True)
class ReportRequest:
    """What to report. A day stands for its first moment by the campaign's clock."""

    by: ReportBy = "campaign"
    attribution: AttributionModel = "last_touch"
    begin: date | datetime | None = None
    end: date | datetime | None = None
    limit: int = 1000
    cursor: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class ReportTerms:
    """What holds for all reports of a shop: its currency, and how long it keeps what it counts."""

    currency: str
    kept: Kept


def read_report(
    sessions: Sessions, campaign: str, request: ReportRequest, terms: ReportTerms, *, now: datetime
) -> CampaignReport:
    """Count a campaign; raises NotFound and Invalid.

    Every call counts anew, so two pages of a campaign that runs are of two moments, and the totals
    of each are those of its own.
    """
    with sessions() as session:
        # One snapshot for all that is counted: no click without the charge of its transaction.
        session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
        session.execute(_ROOM)
        found = session.scalar(select(Campaign).where(Campaign.slug == campaign))
        if found is None:
            raise NotFound(f"There is no campaign {campaign}.")
        scope = _scope(session, found, request)
        groups, totals = count(session, scope)
        if request.by == "campaign":
            groups = {"": totals}
        place = _placing(session, found, request.by)
    rows = sorted(((*place(key), counts) for key, counts in groups.items()), key=lambda one: one[0])
    after = _after(request.cursor)
    left = [one for one in rows if after is None or one[0] > after]
    shown = left[: request.limit]
    first = scope.begin or day_bounds(found.starts_on, found.time_zone)[0]
    served_since = kept_since(now, terms.kept.decision_days)
    events_since = kept_since(now, terms.kept.event_days)
    return CampaignReport(
        campaign=campaign,
        by=request.by,
        attribution=request.attribution,
        time_zone=found.time_zone,
        currency=terms.currency,
        from_=scope.begin,
        to=scope.end,
        served_since=served_since if first < served_since else None,
        events_since=events_since if first < events_since else None,
        rows=[row(name, counts) for _, name, counts in shown],
        totals=row(campaign, totals),
        next_cursor=shown[-1][0] if len(left) > len(shown) else None,
    )


def _scope(session: Session, campaign: Campaign, request: ReportRequest) -> Scope:
    zone = campaign.time_zone
    begin, end = _moment(request.begin, zone), _moment(request.end, zone)
    if begin is not None and end is not None and begin >= end:
        raise Invalid("`to` must be later than `from`: it is the first moment that does not count.")
    scope = Scope(campaign.id, request.by, request.attribution, begin, end)
    times = extent(session, scope) if request.by in _BY_TIME else None
    if times is None:
        return scope
    # By the zones that budgets go by: those that PostgreSQL knows may be of another year.
    first, last = (local_day(time, zone) for time in times)
    dates = (first + timedelta(days=number) for number in range((last - first).days + 1))
    return replace(scope, days=[day_bounds(one, zone)[0] for one in dates])


def _moment(given: date | datetime | None, zone: str) -> datetime | None:
    if given is None:
        return None
    return given.astimezone(UTC) if isinstance(given, datetime) else day_bounds(given, zone)[0]


def _placing(
    session: Session, campaign: Campaign, by: ReportBy
) -> Callable[[Any], tuple[str, str]]:
    """Tell how to make, of the key of a group, what it is sorted by and what it is called."""
    zone = ZoneInfo(campaign.time_zone)
    if by == "creative":
        of_campaign = select(Creative.id, Creative.slug).where(Creative.campaign_id == campaign.id)
        slugs = dict(session.execute(of_campaign).all())
        return lambda key: _twice(slugs[key])
    if by == "day":
        return lambda key: 2 * (key.astimezone(zone).date().isoformat(),)
    if by == "hour":
        # Where clocks are put back an hour comes twice, and by its name the second would be first.
        return lambda key: (f"{key:%Y-%m-%dT%H:%M:%SZ}", key.astimezone(zone).isoformat())
    return lambda key: _twice(key or campaign.slug)


def _twice(name: str) -> tuple[str, str]:
    return name, name


def _after(cursor: str | None) -> str | None:
    if cursor and not _CURSOR.fullmatch(cursor):
        raise Invalid("This cursor was not made by this api; start again without one.")
    return cursor or None
