"""Searches that found nothing: what shoppers want and the shop has not got."""

import csv
import datetime as dt
import hashlib
import io
import json
import re
from collections.abc import Iterable
from typing import Any

from sqlalchemy import delete, func, select, text

from vitrine import logs
from vitrine.db import Sessions
from vitrine.errors import Invalid
from vitrine.search.models import EmptySearch
from vitrine.wire.suggest import EmptySearchOut, EmptySearchPage

log = logs.get(__name__)

MOST_A_DAY = 10_000
"""So many different searches of one day are kept; others of that day are let go."""

_LONGEST = 300
# Addresses and long numbers may belong to a person.
_PERSONAL = re.compile(r"@|\d(?:[\s()/.-]*\d){6,}")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_CURSOR = re.compile(r"(\d{1,18}):([0-9a-f]{64})")

_RECORD = text(
    """
    insert into empty_searches (day, digest, kind, text, filter)
    select :day, :digest, :kind, :text, cast(:filter as jsonb)
    where exists (select 1 from empty_searches where day = :day and digest = :digest)
       or (select count(*) from empty_searches where day = :day) < :most
    on conflict (day, digest) do update
    set searches = empty_searches.searches + 1, last_at = now()
    """
)


def record(sessions: Sessions, *, kind: str, text: str, filter: dict[str, Any] | None) -> None:
    """Count a search that found nothing. Never raises: the search has its answer already.

    Neither who asked nor a photo is kept, and no text that may name a person.
    """
    try:
        asked = " ".join(text.lower().split())[:_LONGEST]
        if _PERSONAL.search(asked):
            return
        narrowed = json.dumps(filter, sort_keys=True, default=str) if filter else None
        if narrowed is not None and _PERSONAL.search(narrowed):
            return
        digest = hashlib.sha256(json.dumps([kind, asked, narrowed]).encode()).hexdigest()
        values = {"kind": kind, "text": asked, "filter": narrowed, "digest": digest}
        with sessions.begin() as session:
            today = dt.datetime.now(dt.UTC).date()
            session.execute(_RECORD, {**values, "day": today, "most": MOST_A_DAY})
    except Exception as error:  # noqa: BLE001 - whatever it is, no search fails for it
        log.warning("gap.not_recorded", error=type(error).__name__)


def read_gaps(
    sessions: Sessions, *, since: dt.date, limit: int, cursor: str | None = None
) -> EmptySearchPage:
    """Read what was not found since a day, the most frequent first. Raises Invalid.

    Counts grow while pages are read, so a search may move between two of them.
    """
    count = func.sum(EmptySearch.searches)
    statement = (
        select(
            EmptySearch.digest,
            func.min(EmptySearch.kind).label("kind"),
            func.min(EmptySearch.text).label("text"),
            func.array_agg(EmptySearch.filter)[1].label("filter"),
            count.label("searches"),
            func.max(EmptySearch.last_at).label("last_at"),
        )
        .where(EmptySearch.day >= since)
        .group_by(EmptySearch.digest)
        .order_by(count.desc(), EmptySearch.digest)
        .limit(limit + 1)
    )
    if cursor:
        found = _CURSOR.fullmatch(cursor)
        if found is None:
            raise Invalid("This cursor was not made by this api; start again without one.")
        seen, last = int(found[1]), found[2]
        statement = statement.having(
            (count < seen) | ((count == seen) & (EmptySearch.digest > last))
        )
    with sessions() as session:
        rows = session.execute(statement).all()
    shown = rows[:limit]
    return EmptySearchPage(
        since=since,
        searches=[
            EmptySearchOut(
                kind=row.kind,
                text=row.text,
                filter=row.filter,
                searches=row.searches,
                last_at=row.last_at,
            )
            for row in shown
        ],
        next_cursor=f"{shown[-1].searches}:{shown[-1].digest}" if len(rows) > limit else None,
    )


def as_csv(searches: Iterable[EmptySearchOut]) -> str:
    """Write them for a spreadsheet, which takes none of their texts for a formula (RFC 4180)."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(["kind", "text", "filter", "searches", "last_at"])
    for one in searches:
        narrowed = json.dumps(one.filter, ensure_ascii=False) if one.filter else ""
        writer.writerow(
            [one.kind, harmless(one.text), narrowed, one.searches, one.last_at.isoformat()]
        )
    return out.getvalue()


def forget_gaps(sessions: Sessions, *, days: int) -> int:
    """Delete what is older than so many days; return how many rows there were."""
    oldest = dt.datetime.now(dt.UTC).date() - dt.timedelta(days=days)
    with sessions.begin() as session:
        gone = session.scalars(
            delete(EmptySearch).where(EmptySearch.day < oldest).returning(EmptySearch.digest)
        )
        return len(gone.all())


def harmless(cell: str) -> str:
    """Keep a spreadsheet from taking a text for a formula."""
    return f"'{cell}" if cell.startswith(_FORMULA) else cell
