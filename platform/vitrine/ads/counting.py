"""Count a campaign's raw rows by group: what reports are made of. There are no roll-up tables."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    DateTime,
    Double,
    Numeric,
    Text,
    case,
    cast,
    func,
    literal,
    literal_column,
    null,
    select,
    union_all,
)
from sqlalchemy.orm import InstrumentedAttribute, Session
from sqlalchemy.sql.elements import Grouping

from vitrine.ads.figures import Counts, Terms
from vitrine.ads.models import (
    CHARGE,
    CLICK,
    IMPRESSION,
    VIEWABLE,
    AdEvent,
    AdSlot,
    Attribution,
    Conversion,
    LedgerEntry,
)
from vitrine.decisions.models import Login
from vitrine.wire.ad_reports import AttributionModel, ReportBy

Key = int | str | datetime
Table = type[AdSlot | AdEvent | LedgerEntry | Attribution]
TABLES: tuple[Table, ...] = (AdSlot, AdEvent, LedgerEntry, Attribution)
_EXACT = Numeric()
_TIMES: ARRAY[datetime] = ARRAY(DateTime(timezone=True))
# No column is called so: of the two PostgreSQL would group by the column.
_GROUP = "of_group"
_HOUR = timedelta(hours=1)
_FIELDS = {IMPRESSION: "impressions", VIEWABLE: "viewable", CLICK: "clicks"}


@dataclass(frozen=True, slots=True)
class Scope:
    """What is counted: one campaign from `begin` to before `end` (None: from, or to, the last).

    `days` are the beginnings of its days from the first row that counts to the last, for groups by
    day and hour: an hour is the sixty minutes since the one before, the first of a day begins it.
    """

    campaign_id: int
    by: ReportBy
    attribution: AttributionModel
    begin: datetime | None
    end: datetime | None
    days: Sequence[datetime] = ()

    def of(self, table: Table) -> list[ColumnElement[bool]]:
        """The conditions for the rows of a table."""
        conditions = [table.campaign_id == self.campaign_id]
        if self.begin is not None:
            conditions.append(table.at >= self.begin)
        if self.end is not None:
            conditions.append(table.at < self.end)
        return conditions

    def key(self, table: Table) -> ColumnElement[Any]:
        """What group a row is of."""
        if self.by == "campaign":
            return literal_column("''", Text()).label(_GROUP)
        if self.by == "creative":
            return table.creative_id.label(_GROUP)
        if self.by == "placement":
            return table.placement.label(_GROUP)
        days = literal(list(self.days), _TIMES)
        day = Grouping(days)[func.width_bucket(table.at, days)]
        if self.by == "hour":
            return func.date_bin(_HOUR, table.at, day).label(_GROUP)
        return day.label(_GROUP)


def extent(session: Session, scope: Scope) -> tuple[datetime, datetime] | None:
    """Find the times of the first and of the last row that counts."""
    found = [
        session.execute(
            select(func.min(table.at), func.max(table.at)).where(*scope.of(table))
        ).one()
        for table in TABLES
    ]
    times = [time for both in found for time in both if time is not None]
    return (min(times), max(times)) if times else None


def count(session: Session, scope: Scope) -> tuple[dict[Key, Counts], Counts]:
    """Count by group, and all groups together. The session must read one snapshot throughout."""
    groups: dict[Key, Counts] = defaultdict(Counts)
    for fill in (_slots, _events, _ledger, _conversions):
        fill(session, scope, groups)
    totals = Counts()
    for counts in groups.values():
        totals.add(counts)
    _reach(session, scope, groups, totals)
    return dict(groups), totals


Groups = dict[Key, Counts]


def _slots(session: Session, scope: Scope, groups: Groups) -> None:
    statement = select(scope.key(AdSlot), func.count()).where(*scope.of(AdSlot)).group_by(_GROUP)
    for key, slots in session.execute(statement):
        groups[key].served = slots


def _events(session: Session, scope: Scope, groups: Groups) -> None:
    # Of several orders that came of one ad, some may have been paid for.
    unpaid = case((AdEvent.billed_micros == 0, AdEvent.unbilled)).label("unpaid")
    statement = (
        select(
            scope.key(AdEvent),
            AdEvent.kind,
            AdEvent.invalid,
            unpaid,
            func.count(),
            func.count(AdEvent.person_id),
        )
        .where(*scope.of(AdEvent))
        .group_by(_GROUP, AdEvent.kind, AdEvent.invalid, unpaid)
    )
    for key, kind, invalid, unbilled, events, known in session.execute(statement):
        counts = groups[key]
        if invalid is not None:
            counts.invalid[invalid] += events
            continue
        if unbilled is not None:
            counts.unbilled[unbilled] += events
        if kind == IMPRESSION:
            counts.known += known
        if kind in _FIELDS:
            setattr(counts, _FIELDS[kind], getattr(counts, _FIELDS[kind]) + events)


def _reach(session: Session, scope: Scope, groups: Groups, totals: Counts) -> None:
    """A visitor who logged in, then or later, is their user."""
    people = (
        select(scope.key(AdEvent), func.coalesce(Login.user_id, AdEvent.person_id).label("person"))
        .join_from(AdEvent, Login, Login.anonymous_id == AdEvent.person_id, isouter=True)
        .where(
            *scope.of(AdEvent),
            AdEvent.kind == IMPRESSION,
            AdEvent.invalid.is_(None),
            AdEvent.person_id.is_not(None),
        )
        .distinct()
        .cte("people")
    )
    everybody = select(people.c.person).distinct().subquery()
    statement = union_all(
        select(people.c[_GROUP], func.count(), literal(False)).group_by(people.c[_GROUP]),
        select(null(), func.count(), literal(True)).select_from(everybody),
    )
    for key, reached, together in session.execute(statement):
        (totals if together else groups[key]).reach = reached


def _ledger(session: Session, scope: Scope, groups: Groups) -> None:
    amount = LedgerEntry.amount_micros
    statement = (
        select(scope.key(LedgerEntry), LedgerEntry.kind, *_terms(amount))
        .where(*scope.of(LedgerEntry))
        .group_by(_GROUP, LedgerEntry.kind)
    )
    for key, kind, *terms in session.execute(statement):
        counts, booked = groups[key], _read(terms)
        counts.spend.add(booked)
        if kind == CHARGE:
            counts.charged_micros = int(booked.total)
        else:
            counts.refunded_micros = -int(booked.total)


def _conversions(session: Session, scope: Scope, groups: Groups) -> None:
    """The worth of a part is rounded by itself, so that groups add up to their total."""
    # By way of text: as a number, a part of 0.4 that is kept in four bytes would be 0.400000006.
    part = cast(cast(getattr(Attribution, scope.attribution), Text), _EXACT)
    worth = func.round(part * Conversion.value_micros)
    statement = (
        select(scope.key(Attribution), Attribution.touch, *_terms(part), *_terms(worth))
        .join_from(Attribution, Conversion, Conversion.id == Attribution.conversion_id)
        .where(*scope.of(Attribution), Conversion.invalid.is_(None), part > 0)
        .group_by(_GROUP, Attribution.touch)
    )
    for key, touch, *terms in session.execute(statement):
        counts, conversions = groups[key], _read(terms[:3])
        counts.conversions.add(conversions)
        counts.value.add(_read(terms[3:]))
        if touch == "view":
            counts.view_conversions += conversions.total


def _terms(number: ColumnElement[Any] | InstrumentedAttribute[int]) -> list[ColumnElement[Any]]:
    size: ColumnElement[float] = cast(number, Double())
    return [func.sum(number), func.sum(size * size), func.max(func.abs(size))]


def _read(terms: Sequence[Any]) -> Terms:
    total, squares, largest = terms
    return Terms(Decimal(total), float(squares), float(largest))
