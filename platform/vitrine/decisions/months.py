"""The monthly parts of `events` and `decisions`: made when they are needed, dropped when old.

A part is made beside its table and then attached, which keeps no reader waiting. What was shown
also has a part for every other time, so that an answer is recorded where nobody keeps house.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Literal, NamedTuple

from sqlalchemy import text
from sqlalchemy.orm import Session

from vitrine.db import Sessions, again_after_deadlock

Table = Literal["events", "decisions"]
EVENTS: Table = "events"
DECISIONS: Table = "decisions"
TABLES: tuple[Table, ...] = (EVENTS, DECISIONS)
MONTHS_AHEAD = 2
_ELSEWHERE = "decisions_default"
# Whoever holds it makes or drops parts; any number that nothing else uses.
_LOCK = 7_283_002
# What waits for a table lets nobody else at it meanwhile; the next turn of the clock tries again.
_PATIENCE = "2s"

_PARTS = text(
    """
    select child.relname from pg_inherits
    join pg_class as child on child.oid = inhrelid
    where inhparent = cast(:table as regclass)
    """
)


class Month(NamedTuple):
    """A month in UTC."""

    year: int
    month: int

    @classmethod
    def of(cls, at: datetime) -> "Month":
        """The month in which a time lies."""
        at = at.astimezone(UTC)
        return cls(at.year, at.month)

    def after(self, count: int = 1) -> "Month":
        """The month so many later."""
        year, month = divmod(self.year * 12 + self.month - 1 + count, 12)
        return Month(year, month + 1)

    @property
    def begin(self) -> datetime:
        """Its first moment."""
        return datetime(self.year, self.month, 1, tzinfo=UTC)

    @property
    def end(self) -> datetime:
        """The first moment after it."""
        return self.after().begin

    def part_of(self, table: Table) -> str:
        """What its part of a table is called."""
        return f"{table}_{self.year:04}_{self.month:02}"


@again_after_deadlock
def make_months(sessions: Sessions, table: Table, wanted: Iterable[Month]) -> int:
    """Make the parts that are missing; return how many were. Safe with many doing it at once."""
    made = 0
    for month in sorted(set(wanted)):
        with sessions.begin() as session:
            if month.part_of(table) in _parts(session, table):
                continue
            _take_turn(session)
            # Somebody may have made it while this one waited.
            if month.part_of(table) not in _parts(session, table):
                _make(session, table, month)
                made += 1
    return made


def make_months_ahead(sessions: Sessions, now: datetime) -> int:
    """Make the parts of this month and the next ones of both tables; return how many were made."""
    months = [Month.of(now).after(count) for count in range(MONTHS_AHEAD + 1)]
    return sum(make_months(sessions, table, months) for table in TABLES)


def months_before(session: Session, table: Table, cutoff: datetime) -> list[Month]:
    """Find the parts that lie before `cutoff` as a whole, oldest first."""
    months = (_month_of(part, table) for part in _parts(session, table))
    return sorted(month for month in months if month is not None and month.end <= cutoff)


def drop_month(session: Session, table: Table, month: Month) -> None:
    """Drop a part with all that is in it. Raises OperationalError where it is in use for long."""
    _take_turn(session)
    session.execute(text(f"drop table if exists {month.part_of(table)}"))


def _parts(session: Session, table: Table) -> set[str]:
    return set(session.scalars(_PARTS, {"table": table}))


def _month_of(part: str, table: Table) -> Month | None:
    """Read the name of a part; None for one that is of no month."""
    numbers = part.removeprefix(f"{table}_").split("_")
    if len(numbers) != 2 or not all(number.isdigit() for number in numbers):
        return None
    return Month(int(numbers[0]), int(numbers[1]))


def _take_turn(session: Session) -> None:
    session.execute(text(f"set local lock_timeout = '{_PATIENCE}'"))
    session.execute(text("select pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})


def _make(session: Session, table: Table, month: Month) -> None:
    """Make a part and attach it; names and bounds are made of numbers alone."""
    part = month.part_of(table)
    within = f"at >= '{month.begin.isoformat()}' and at < '{month.end.isoformat()}'"
    session.execute(text(f"create table {part} (like {table} including defaults)"))
    if table == DECISIONS:
        # What was recorded while this part was missing; the lock keeps more from coming.
        session.execute(text(f"lock table {_ELSEWHERE} in access exclusive mode"))
        session.execute(
            text(
                f"with moved as (delete from {_ELSEWHERE} where {within} returning *) "  # noqa: S608
                f"insert into {part} select * from moved"
            )
        )
    session.execute(
        text(
            f"alter table {table} attach partition {part} "
            f"for values from ('{month.begin.isoformat()}') to ('{month.end.isoformat()}')"
        )
    )
