"""Forget what is older than the shop keeps it: whole months at once, the rest row by row.

The parts of the months to come are made here as well, so that no event and no answer waits for one.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from sqlalchemy import CursorResult, TextClause, text
from sqlalchemy.exc import OperationalError

from vitrine import logs
from vitrine.db import Sessions
from vitrine.decisions.months import (
    DECISIONS,
    EVENTS,
    Table,
    drop_month,
    make_months_ahead,
    months_before,
)

log = logs.get(__name__)

_ROWS_AT_ONCE = 5000
# Few: while they are looked at, their events wait.
_PEOPLE_AT_ONCE = 500
# Whoever took an event in a moment ago went by a clock of its own.
_GRACE = timedelta(hours=1)
# Everybody is looked at once a day, a part of them at every hour.
_SLICES = 24

# `at` stands there twice so that only the parts that hold such rows are looked at.
_OLD_EVENTS = text(
    """
    delete from events where at < :before and (at, event, line) in (
        select at, event, line from events where at < :before limit :limit
    )
    """
)
_OLD_DECISIONS = text(
    """
    delete from decisions where at < :before and (id, at) in (
        select id, at from decisions where at < :before limit :limit
    )
    """
)
_OLD_EVENT_IDS = text(
    """
    delete from event_ids where event in (
        select event from event_ids where at < :before limit :limit
    )
    """
)
# By their place on disk: there is no index to find them by their time.
_OLD_FEEDBACK = text(
    """
    delete from feedback where ctid = any(array(
        select ctid from feedback where at < :before limit :limit
    ))
    """
)
_OLD_AD_DECISIONS = text(
    """
    delete from ad_decisions where id in (
        select id from ad_decisions where at < :before limit :limit
    )
    """
)
_OLD_AD_SLOTS = text(
    """
    delete from ad_slots where (decision, position) in (
        select decision, position from ad_slots where at < :before limit :limit
    )
    """
)
_OLD_AD_EVENTS = text(
    """
    delete from ad_events where (decision, position, kind) in (
        select decision, position, kind from ad_events where at < :before limit :limit
    )
    """
)
_OLD_UNSIGNED = text(
    """
    delete from ad_unsigned where (hour, kind, reason) in (
        select hour, kind, reason from ad_unsigned where hour < :before limit :limit
    )
    """
)
# With the parts that ads had in them. The ledger stays: it is nobody's behaviour.
_OLD_CONVERSIONS = text(
    """
    with old as (
        select id from conversions where at < :before limit :limit
    ),
    parts as (
        delete from attributions using old where attributions.conversion_id = old.id
    )
    delete from conversions using old where conversions.id = old.id
    """
)
_SOME_PEOPLE = text(
    """
    select id from people
    where id > :after and id % :slices = :slice and kind = :kind and created_at < :before
    order by id limit :limit
    """
)
# Those who are being given events are left out: whoever gives them some holds them.
_HOLD = text(
    """
    select id from people where id = any(cast(:ids as bigint[])) order by id
    for update skip locked
    """
)
# In a statement of its own, which sees what was committed before the hold.
_FORGET_IDLE = text(
    """
    delete from people where id = any(cast(:ids as bigint[]))
      and not exists (select from events where user_id = people.id)
      and not exists (select from events where anonymous_id = people.id)
      and not exists (select from decisions where person_id = people.id)
      and not exists (select from logins where user_id = people.id)
      and not exists (select from ad_decisions where person_id = people.id)
      and not exists (select from ad_slots where person_id = people.id)
      and not exists (select from ad_events where person_id = people.id)
      and not exists (select from conversions where person_id = people.id)
      and not exists (select from advertiser_members where person_id = people.id)
    """
)
# Those who stay for what was shown to them: nothing is left of what their profile says. Who takes
# an event of one of their browsers in meanwhile owes the profile anew.
_FORGET_PROFILES = text(
    """
    delete from profiles where person_id = any(cast(:ids as bigint[]))
      and not exists (select from events where user_id = person_id)
      and not exists (select from events where anonymous_id = person_id)
      and not exists (
        select from logins join events on events.anonymous_id = logins.anonymous_id
        where logins.user_id = person_id
      )
    """
)


@dataclass(frozen=True, slots=True)
class Kept:
    """How long what is kept, in days."""

    event_days: int
    decision_days: int


@dataclass(slots=True)
class Forgotten:
    """How much was forgotten: months as a whole, rows beside them, and people."""

    months: int = 0
    rows: int = 0
    people: int = 0


def kept_since(now: datetime, days: int) -> datetime:
    """From when on something is kept that is kept so many days."""
    return now - timedelta(days=days) - _GRACE


def keep_behaviour(sessions: Sessions, kept: Kept, *, now: datetime | None = None) -> Forgotten:
    """Make the months to come, and forget what is too old; each step commits by itself."""
    now = now or datetime.now(UTC)
    made = make_months_ahead(sessions, now)
    events_before = kept_since(now, kept.event_days)
    decisions_before = kept_since(now, kept.decision_days)
    done = Forgotten()
    for table, old, before in (
        (EVENTS, _OLD_EVENTS, events_before),
        (DECISIONS, _OLD_DECISIONS, decisions_before),
    ):
        done.months += _drop_months(sessions, table, before)
        done.rows += _forget_rows(sessions, old, before)
    for old, before in (
        (_OLD_FEEDBACK, decisions_before),
        (_OLD_EVENT_IDS, events_before),
        (_OLD_AD_DECISIONS, decisions_before),
        (_OLD_AD_SLOTS, decisions_before),
        (_OLD_AD_EVENTS, events_before),
        (_OLD_UNSIGNED, events_before),
        (_OLD_CONVERSIONS, events_before),
    ):
        done.rows += _forget_rows(sessions, old, before)
    done.people = forget_idle(sessions, now, slices=_SLICES)
    log.info(
        "behaviour.kept",
        months_made=made,
        months_dropped=done.months,
        rows=done.rows,
        people=done.people,
    )
    return done


def forget_idle(sessions: Sessions, now: datetime, *, slices: int) -> int:
    """Forget people of whom nothing is left, of one slice by the hour; return how many.

    Visitors go first: a user stays for the visitors that it owns. Of those who stay without an
    event the profile goes.
    """
    hour = int(now.timestamp() // 3600)
    values = {"slices": slices, "slice": hour % slices, "before": now - timedelta(days=1)}
    forgotten = 0
    for kind in ("anonymous", "user"):
        after = 0
        while True:
            with sessions.begin() as session:
                some = {**values, "kind": kind, "after": after, "limit": _PEOPLE_AT_ONCE}
                ids = list(session.scalars(_SOME_PEOPLE, some))
                held = list(session.scalars(_HOLD, {"ids": ids}))
                forgotten += _count(session.execute(_FORGET_IDLE, {"ids": held}))
                session.execute(_FORGET_PROFILES, {"ids": held})
            if len(ids) < _PEOPLE_AT_ONCE:
                break
            after = ids[-1]
    return forgotten


def _drop_months(sessions: Sessions, table: Table, before: datetime) -> int:
    with sessions() as session:
        months = months_before(session, table, before)
    dropped = 0
    for month in months:
        try:
            with sessions.begin() as session:
                drop_month(session, table, month)
            dropped += 1
        except OperationalError as error:
            # In use for long, by an evaluation perhaps: its rows go, and it goes another time.
            log.warning("month.in_use", month=month.part_of(table), error=str(error.orig))
    return dropped


def _forget_rows(sessions: Sessions, old: TextClause, before: datetime) -> int:
    forgotten = 0
    while True:
        with sessions.begin() as session:
            count = _count(session.execute(old, {"before": before, "limit": _ROWS_AT_ONCE}))
        forgotten += count
        if count < _ROWS_AT_ONCE:
            return forgotten


def _count(result: object) -> int:
    return cast(CursorResult[Any], result).rowcount
