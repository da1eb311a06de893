"""What is old goes, and no month is missing when it begins."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, insert, text
from sqlalchemy.event import listen
from sqlalchemy.orm import Session

from tests.integration.ad_history import add_campaign
from vitrine.ads.models import (
    AdDecision,
    AdEvent,
    AdSlot,
    Advertiser,
    AdvertiserMember,
    Attribution,
    Conversion,
    Creative,
    LedgerEntry,
    Unsigned,
)
from vitrine.db import Sessions, make_engine, make_sessions
from vitrine.decisions.models import ANONYMOUS, USER, Decision, Event, EventId, Feedback, Login
from vitrine.decisions.months import DECISIONS, EVENTS, TABLES, Month, make_months
from vitrine.decisions.people import ensure
from vitrine.decisions.retention import Kept, forget_idle, keep_behaviour

NOW = datetime.now(UTC)
KEPT = Kept(event_days=100, decision_days=40)


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = make_engine(database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def sessions(engine: Engine) -> Sessions:
    return make_sessions(engine)


def parts(engine: Engine, table: str) -> list[str]:
    statement = text(
        "select relname from pg_inherits join pg_class on pg_class.oid = inhrelid "
        "where inhparent = cast(:table as regclass) order by relname"
    )
    with engine.connect() as connection:
        return list(connection.execute(statement, {"table": table}).scalars())


def count(engine: Engine, table: str) -> int:
    with engine.connect() as connection:
        return int(connection.execute(text(f"select count(*) from {table}")).scalar_one())


def decision(at: datetime, **values: Any) -> Any:
    slots = {"products": [], "sources": [], "propensities": []}
    fields = {"id": f"d{at.timestamp()}", "kind": "search", "model": "m", "at": at, **slots}
    return insert(Decision).values(**{**fields, **values})


def happen(sessions: Sessions, days: float, **who: int) -> None:
    """An event so many days ago, with its id; and an answer with feedback to it."""
    at = NOW - timedelta(days=days)
    key = f"{days}{who}".encode()
    make_months(sessions, EVENTS, [Month.of(at)])
    make_months(sessions, DECISIONS, [Month.of(at)])
    with sessions.begin() as session:
        session.execute(insert(Event).values(at=at, event=key, line=0, name="view_item", **who))
        session.execute(insert(EventId).values(at=at, event=key))
        session.execute(decision(at, id=key.decode()))
        session.execute(
            insert(Feedback).values(decision=key.decode(), position=0, name="view_item", at=at)
        )


def test_a_month_begins_and_ends_in_utc() -> None:
    last = datetime(2026, 12, 31, 23, 30, tzinfo=UTC)
    assert Month.of(last) == Month(2026, 12)
    assert Month.of(last).after() == Month.of(last + timedelta(minutes=30)) == Month(2027, 1)
    assert Month(2027, 1).after(-1) == Month(2026, 12)
    assert (Month(2026, 2).begin, Month(2026, 2).end) == (
        datetime(2026, 2, 1, tzinfo=UTC),
        datetime(2026, 3, 1, tzinfo=UTC),
    )


def test_a_migrated_shop_has_this_month_and_two_more(engine: Engine) -> None:
    months = [Month.of(NOW).after(ahead) for ahead in range(3)]
    for table in TABLES:
        found = [part for part in parts(engine, table) if not part.endswith("default")]
        assert found == [month.part_of(table) for month in months]


def test_the_months_to_come_are_made_once(engine: Engine, sessions: Sessions) -> None:
    before = {table: len(parts(engine, table)) for table in TABLES}
    keep_behaviour(sessions, KEPT, now=NOW.replace(day=1) + timedelta(days=45))
    after = {table: len(parts(engine, table)) for table in TABLES}
    assert after != before
    keep_behaviour(sessions, KEPT, now=NOW.replace(day=1) + timedelta(days=45))
    assert {table: len(parts(engine, table)) for table in TABLES} == after


def test_many_make_a_month_at_once_and_one_does(engine: Engine, sessions: Sessions) -> None:
    ready = threading.Barrier(4)

    def make(_: int) -> int:
        ready.wait(10)
        return make_months(sessions, EVENTS, [Month(2020, 5), Month(2020, 4)])

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(make, range(4))) == 2
    assert {"events_2020_04", "events_2020_05"} <= set(parts(engine, EVENTS))


def test_a_part_has_what_its_table_has(engine: Engine, sessions: Sessions) -> None:
    make_months(sessions, EVENTS, [Month(2020, 5)])
    make_months(sessions, DECISIONS, [Month(2020, 5)])
    with engine.connect() as connection:
        for table in TABLES:
            made = Month.of(NOW).part_of(table)
            for kind in ("pg_index where indrelid", "pg_constraint where conrelid"):
                found = text(f"select count(*) from {kind} = cast(:part as regclass)")
                late, first = (
                    connection.execute(found, {"part": part}).scalar_one()
                    for part in (f"{table}_2020_05", made)
                )
                assert late == first > 0, (table, kind)


def test_what_was_shown_in_a_month_without_a_part_is_kept_and_put_right(
    engine: Engine, sessions: Sessions
) -> None:
    """The turn of a month that nobody prepared: no answer fails for it."""
    later = Month.of(NOW).after(3)
    with sessions.begin() as session:
        session.execute(decision(later.begin, id="first"))
        session.execute(decision(later.after().begin, id="of the next"))
    assert count(engine, "decisions_default") == 2
    make_months(sessions, DECISIONS, [later])
    assert count(engine, "decisions_default") == count(engine, later.part_of(DECISIONS)) == 1
    keep_behaviour(sessions, KEPT, now=later.after().begin)
    assert count(engine, "decisions_default") == 0


def test_readers_do_not_wait_while_a_month_is_made(engine: Engine, sessions: Sessions) -> None:
    with sessions.begin() as reading:
        reading.execute(text("select count(*) from events")).scalar_one()
        reading.execute(text("select count(*) from people")).scalar_one()
        assert make_months(sessions, EVENTS, [Month(2020, 5)]) == 1


def test_what_is_old_goes_by_months_and_by_rows(engine: Engine, sessions: Sessions) -> None:
    with sessions.begin() as session:
        ada = ensure(session, USER, ["ada"])["ada"]
    for days in (1, 39, 41, 99, 101, 200):
        happen(sessions, days, user_id=ada)
    done = keep_behaviour(sessions, KEPT, now=NOW)
    assert [count(engine, table) for table in ("events", "event_ids")] == [4, 4]
    assert [count(engine, table) for table in ("decisions", "feedback")] == [2, 2]
    assert done.months >= 3, "those that lie before the cut as a whole"
    assert Month.of(NOW - timedelta(days=200)).part_of(EVENTS) not in parts(engine, EVENTS)
    assert Month.of(NOW - timedelta(days=99)).part_of(EVENTS) in parts(engine, EVENTS)


def test_what_is_old_of_ads_goes_and_the_books_stay(engine: Engine, sessions: Sessions) -> None:
    with sessions.begin() as session:
        session.execute(insert(Advertiser).values(id="acme", name="Acme"))
        campaign = add_campaign(session, "mugs")
        creative = insert(Creative).values(slug="mug", campaign_id=campaign)
        creative_id = session.execute(creative.returning(Creative.id)).scalar_one()
        of = {"campaign_id": campaign, "creative_id": creative_id, "placement": "top"}
        for days in (1, 39, 41, 99, 101, 200):
            _advertise(session, NOW - timedelta(days=days), of)
    keep_behaviour(sessions, KEPT, now=NOW)
    for table, left in (
        ("ad_decisions", 2), ("ad_slots", 2), ("ad_events", 4), ("ad_unsigned", 4),
        ("conversions", 4), ("attributions", 4), ("ledger", 6),
    ):  # fmt: skip
        assert count(engine, table) == left, table


def _advertise(session: Session, at: datetime, of: dict[str, Any]) -> None:
    """An ad with an event, a conversion, an entry in the books, and something unsigned."""
    decision = f"ad {at}"
    slot = {"decision": decision, "position": 1, "at": at, **of}
    money = dict.fromkeys(("bid_micros", "price_micros", "expected_micros"), 1)
    told = {"event": "click", "probability": 0.01, "relevance": 0.5}
    auction = {"key_id": "k", "placement": "top", "seed": 1, "model": "m", "click_model": 0}
    jsons: dict[str, Any] = {"context": {}, "trace": {}}
    session.execute(insert(AdDecision).values(id=decision, at=at, **auction, **jsons))
    session.execute(insert(AdSlot).values(**slot, **money, **told))
    session.execute(insert(AdEvent).values(**slot, kind="click"))
    session.execute(insert(Unsigned).values(hour=at, kind="click", reason="forged", count=1))
    sold = insert(Conversion).values(key=decision, at=at, value_micros=1)
    id_ = session.execute(sold.returning(Conversion.id)).scalar_one()
    parts = {"touch": "click", "last_touch": 1.0, "position_based": 1.0}
    session.execute(insert(Attribution).values(conversion_id=id_, **slot, **parts))
    booked = {"key": decision, "kind": "charge", "event": "click", "amount_micros": 1}
    session.execute(insert(LedgerEntry).values(**slot, **booked, day=at.date()))


def test_nobody_is_forgotten_who_saw_an_ad_or_is_of_an_advertiser(
    engine: Engine, sessions: Sessions
) -> None:
    with sessions.begin() as session:
        people = ensure(session, USER, ["idle", "saw", "did", "bought", "member"])
        session.execute(text("update people set created_at = now() - interval '2d'"))
        session.execute(insert(Advertiser).values(id="acme", name="Acme"))
        of = {"campaign_id": 1, "creative_id": 1, "placement": "top", "at": NOW, "position": 1}
        money = dict.fromkeys(("bid_micros", "price_micros", "expected_micros"), 1)
        told = {"event": "click", "probability": 0.01, "relevance": 0.5, "decision": "a"}
        session.execute(insert(AdSlot).values(**of, **money, **told, person_id=people["saw"]))
        event = {"decision": "b", "kind": "click", "person_id": people["did"]}
        session.execute(insert(AdEvent).values(**of, **event))
        sold = {"key": "o", "at": NOW, "value_micros": 1, "person_id": people["bought"]}
        session.execute(insert(Conversion).values(**sold))
        member = {"advertiser_id": "acme", "person_id": people["member"]}
        session.execute(insert(AdvertiserMember).values(**member))
    assert forget_idle(sessions, NOW, slices=1) == 1
    with engine.connect() as connection:
        names = set(connection.execute(text("select name from people")).scalars())
    assert names == {"saw", "did", "bought", "member"}


def test_for_what_is_old_only_the_parts_that_have_it_are_looked_at(
    engine: Engine, sessions: Sessions
) -> None:
    with sessions.begin() as session:
        ada = ensure(session, USER, ["ada"])["ada"]
    for days in (1, 41, 101):
        happen(sessions, days, user_id=ada)
    sent: dict[str, Any] = {}

    def remember(connection: object, cursor: object, sql: str, values: Any, *more: object) -> None:
        for table in (*TABLES, "feedback"):
            if f"delete from {table} " in sql:
                sent[table] = (sql, values)

    listen(engine, "before_cursor_execute", remember)
    keep_behaviour(sessions, KEPT, now=NOW)
    with engine.connect() as connection:
        connection.execute(text("set local enable_seqscan = off"))  # the tables are small here
        plans = {
            table: "\n".join(connection.exec_driver_sql(f"explain {sql}", values).scalars())
            for table, (sql, values) in sent.items()
        }
    for table in TABLES:
        assert Month.of(NOW).part_of(table) not in plans[table]
    assert "Tid Scan on feedback" in plans["feedback"]


def test_a_month_in_use_is_emptied_and_dropped_another_time(
    engine: Engine, sessions: Sessions
) -> None:
    with sessions.begin() as session:
        ada = ensure(session, USER, ["ada"])["ada"]
    happen(sessions, 200, user_id=ada)
    old = Month.of(NOW - timedelta(days=200)).part_of(EVENTS)
    with sessions.begin() as reading:
        reading.execute(text(f"select count(*) from {old}")).scalar_one()
        keep_behaviour(sessions, KEPT, now=NOW)
        assert old in parts(engine, EVENTS)
        assert count(engine, "events") == 0
    keep_behaviour(sessions, KEPT, now=NOW)
    assert old not in parts(engine, EVENTS)


def test_people_of_whom_nothing_is_left_go(engine: Engine, sessions: Sessions) -> None:
    with sessions.begin() as session:
        users = ensure(session, USER, ["ada", "bob", "new"])
        visitors = ensure(session, ANONYMOUS, ["ada-1", "bob-1", "alone", "shown"])
        for user in ("ada", "bob"):
            values = {"anonymous_id": visitors[f"{user}-1"], "user_id": users[user]}
            session.add(Login(**values, at=NOW, event=b"x"))
        session.execute(decision(NOW, person_id=visitors["shown"]))
        session.execute(text("update people set created_at = now() - interval '2d'"))
        session.execute(text("update people set created_at = now() where name = 'new'"))
    happen(sessions, 1, anonymous_id=visitors["bob-1"])
    assert forget_idle(sessions, NOW, slices=1) == 3
    with engine.connect() as connection:
        names = set(connection.execute(text("select name from people")).scalars())
    assert names == {"bob", "bob-1", "new", "shown"}


def test_a_profile_goes_with_the_last_event_that_it_was_made_of(
    engine: Engine, sessions: Sessions
) -> None:
    with sessions.begin() as session:
        users = ensure(session, USER, ["gone", "own", "by browser"])
        browser = ensure(session, ANONYMOUS, ["browser"])["browser"]
        session.add(Login(anonymous_id=browser, user_id=users["by browser"], at=NOW, event=b"x"))
        session.execute(text("update people set created_at = now() - interval '2d'"))
        for number, one in enumerate(users.values()):
            session.execute(decision(NOW, id=f"shown {number}", person_id=one))
        statement = "insert into profiles select id, 'm', '1', '{}' from people"
        session.execute(text(statement))
    happen(sessions, 99, user_id=users["own"])
    happen(sessions, 99, anonymous_id=browser)
    assert forget_idle(sessions, NOW, slices=1) == 0
    with engine.connect() as connection:
        statement = "select name from people join profiles on person_id = people.id"
        names = set(connection.execute(text(statement)).scalars())
    assert names == {"own", "by browser", "browser"}


def test_nobody_is_forgotten_who_is_being_given_an_event(sessions: Sessions) -> None:
    with sessions.begin() as session:
        ensure(session, USER, ["ada"])
        session.execute(text("update people set created_at = now() - interval '2d'"))
    with sessions.begin() as taking:
        ensure(taking, USER, ["ada"])
        assert forget_idle(sessions, NOW, slices=1) == 0
    assert forget_idle(sessions, NOW, slices=1) == 1


def test_everybody_is_looked_at_once_a_day(sessions: Sessions) -> None:
    with sessions.begin() as session:
        ensure(session, ANONYMOUS, [f"v{at}" for at in range(48)])
        session.execute(text("update people set created_at = now() - interval '9d'"))
    hours = [forget_idle(sessions, NOW + timedelta(hours=hour), slices=24) for hour in range(24)]
    assert hours == [2] * 24
