"""Read what changed of what is active, and put it into what was known.

When something was changed stands in its rows. That is read first, and whole rows only of what is
not known as it stands now.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Protocol, TypeVar

from sqlalchemy import TextClause, text

from vitrine.ads.arranging import rearranged
from vitrine.ads.running import Running, RunningCampaign, RunningCreative
from vitrine.ads.running_rows import (
    CAMPAIGN_CHANGED,
    CAMPAIGNS,
    CREATIVE_CHANGED,
    CREATIVES,
    EXAMPLES,
    FROM_CAMPAIGNS,
    FROM_CREATIVES,
    RUNS,
    campaign_of,
    creative_of,
)
from vitrine.db import Reads

R = TypeVar("R", RunningCampaign, RunningCreative)

# A statement of so many rows takes far less than a statement may.
_PAGE = 10_000
_CAMPAIGN_STAMPS = f"""
    select campaigns.id, {RUNS} as active, {EXAMPLES} as examples,
        {CAMPAIGN_CHANGED} as changed_at
    {FROM_CAMPAIGNS}
"""
_CREATIVE_STAMPS = f"""
    select creatives.id, creatives.state = 'active' as active, own.cid, own.waits,
        {CREATIVE_CHANGED} as changed_at
    {FROM_CREATIVES}
"""
# Each table by itself: of an `or` over several the planner would read all their rows.
_CHANGED_CAMPAIGNS = text(
    f"""
    with changed as (
        select id from campaigns where updated_at > :since
        union select campaign_id from budgets where updated_at > :since
        union select campaign_id from controls where updated_at > :since
    )
    {_CAMPAIGN_STAMPS} where campaigns.id in (select id from changed)
    """  # noqa: S608 - its parts stand above
)
# That a picture can be shown by now is written down with the picture alone.
_CHANGED_CREATIVES = text(
    f"""
    with changed as (
        select id from creatives where updated_at > :since
        union select creative_id from creative_stats where updated_at > :since
        union select unnest(cast(:waiting as bigint[]))
    )
    {_CREATIVE_STAMPS} where creatives.id in (select id from changed)
    """  # noqa: S608 - its parts stand above
)
_ACTIVE_CAMPAIGNS, _ACTIVE_CREATIVES = (
    text(f"{stamps} where {active} and {table}.id > :after order by {table}.id limit {_PAGE}")
    for table, stamps, active in (
        ("campaigns", _CAMPAIGN_STAMPS, RUNS),
        ("creatives", _CREATIVE_STAMPS, "creatives.state = 'active'"),
    )
)


class _Make(Protocol[R]):
    def __call__(self, row: Any, known: R | None) -> R: ...


def read_all(reads: Reads, before: Running) -> Running:
    """Read all that is active, and make anew what is not known as it stands."""
    campaigns, creatives = _pages(reads, _ACTIVE_CAMPAIGNS), _pages(reads, _ACTIVE_CREATIVES)
    return _put(reads, before, campaigns, creatives, all_of_it=True)


def read_changed(reads: Reads, before: Running, since: datetime) -> Running:
    """Read what changed since then; the same again changes nothing."""
    campaigns = reads.execute(_CHANGED_CAMPAIGNS, {"since": since}).all()
    told = {"since": since, "waiting": list(before.waiting)}
    creatives = reads.execute(_CHANGED_CREATIVES, told).all()
    return _put(reads, before, campaigns, creatives, all_of_it=False)


def _put(
    reads: Reads, before: Running, campaigns: Any, creatives: Any, *, all_of_it: bool
) -> Running:
    changed = _changes(
        reads, CAMPAIGNS, before.campaigns, campaigns, campaign_of, all_of_it=all_of_it
    )
    new = _changes(reads, CREATIVES, before.creatives, creatives, creative_of, all_of_it=all_of_it)
    waits = {row.id for row in creatives if row.waits and row.active}
    looked_at = before.waiting if all_of_it else {row.id for row in creatives}
    found = rearranged(before, changed, new)
    return replace(found, waiting=(before.waiting - looked_at) | waits)


def _changes(
    reads: Reads,
    statement: TextClause,
    known: Mapping[int, R],
    stamps: Any,
    make: _Make[R],
    *,
    all_of_it: bool,
) -> dict[int, R | None]:
    """Make those that are not as they were known; None for one that is not active any more."""
    news = [row.id for row in stamps if _is_news(known.get(row.id), row)]
    if all_of_it:
        news += known.keys() - {row.id for row in stamps}
    made: dict[int, R | None] = dict.fromkeys(news)
    for start in range(0, len(news), _PAGE):
        for row in reads.execute(statement, {"ids": news[start : start + _PAGE]}):
            made[row.id] = make(row, known.get(row.id))
    return made


def _pages(reads: Reads, statement: TextClause) -> list[Any]:
    """Read all rows, by id, in statements that are each short."""
    rows: list[Any] = []
    while True:
        page = reads.execute(statement, {"after": rows[-1].id if rows else 0}).all()
        rows += page
        if len(page) < _PAGE:
            return rows


def _is_news(known: RunningCampaign | RunningCreative | None, row: Any) -> bool:
    if known is None or not row.active:
        return bool(row.active) == (known is None)
    if known.changed_at != tuple(row.changed_at):
        return True
    if isinstance(known, RunningCreative):
        return bool(known.cid != row.cid)
    return known.examples != tuple(row.examples)
