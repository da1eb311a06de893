"""Who somebody is, and what one person did across a login."""

import hashlib
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, delete, text

from vitrine.db import make_engine, make_sessions
from vitrine.decisions.history import read_history
from vitrine.decisions.models import ANONYMOUS, USER, Event, Login, Person
from vitrine.decisions.people import Who, ensure, resolve, resolve_visitor

NOW = datetime.now(UTC)
# The months from this one on are there.
LATER = NOW + timedelta(minutes=1)


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = make_engine(database_url)
    yield engine
    engine.dispose()


def make(engine: Engine, kind: str, *names: str) -> list[int]:
    with make_sessions(engine).begin() as session:
        found = ensure(session, kind, names)
    return [found[name] for name in names]


def log_in(engine: Engine, visitor: int, user: int) -> None:
    with make_sessions(engine).begin() as session:
        session.add(Login(anonymous_id=visitor, user_id=user, at=NOW, event=b"x"))


def do(engine: Engine, name: str, seconds: float, **who: int) -> None:
    digest = hashlib.sha256(f"{name}{seconds}{who}".encode()).digest()
    with make_sessions(engine).begin() as session:
        session.add(
            Event(at=LATER - timedelta(seconds=seconds), event=digest, line=0, name=name, **who)
        )


def test_a_name_is_one_person_however_often_it_is_made(engine: Engine) -> None:
    ada, bob = make(engine, USER, "ada", "bob")
    assert make(engine, USER, "bob", "ada", "bob") == [bob, ada, bob]
    assert make(engine, ANONYMOUS, "ada") != [ada], "users and visitors are called alike"


def test_many_make_the_same_people_at_once(engine: Engine) -> None:
    ready = threading.Barrier(4)

    def make_all(turn: int) -> list[int]:
        names = [f"visitor {at}" for at in range(40)]
        ready.wait(10)
        return make(engine, ANONYMOUS, *(names if turn % 2 else reversed(names)))

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(make_all, range(4)))
    assert found[0] == found[2] == found[1][::-1] == found[3][::-1]


def test_somebody_erased_meanwhile_is_made_anew_and_then_held(engine: Engine) -> None:
    (ada,) = make(engine, USER, "ada")
    sessions = make_sessions(engine)
    with sessions.begin() as holding:
        assert ensure(holding, USER, ["ada"]) == {"ada": ada}
        with sessions.begin() as erasing:
            erasing.execute(text("set local lock_timeout = '100ms'"))
            with pytest.raises(Exception, match="lock timeout"), erasing.begin_nested():
                erasing.execute(delete(Person))
    with sessions.begin() as erasing:
        erasing.execute(delete(Person))
    assert make(engine, USER, "ada") != [ada]


def test_a_visitor_who_logged_in_is_the_user(engine: Engine) -> None:
    ada, bob = make(engine, USER, "ada", "bob")
    first, second, other = make(engine, ANONYMOUS, "v1", "v2", "v3")
    log_in(engine, first, ada)
    log_in(engine, second, ada)
    with engine.connect() as reads:
        assert resolve(reads, "ada") == Who(ada, USER, (ada, first, second))
        assert resolve(reads, "v2") == resolve(reads, "ada")
        assert resolve(reads, "v3") == Who(other, ANONYMOUS, (other,))
        assert resolve(reads, "bob") == Who(bob, USER, (bob,))
        assert resolve(reads, "nobody") is resolve(reads, "nul\x00") is None


def test_a_user_is_found_before_a_visitor_of_the_same_name(engine: Engine) -> None:
    (visitor,) = make(engine, ANONYMOUS, "ada")
    (user,) = make(engine, USER, "ada")
    with engine.connect() as reads:
        assert resolve(reads, "ada") == Who(user, USER, (user,))
        assert resolve_visitor(reads, "ada") == Who(visitor, ANONYMOUS, (visitor,))


def test_a_visitor_asked_for_alone_opens_nothing_of_the_user(engine: Engine) -> None:
    (ada,) = make(engine, USER, "ada")
    (visitor,) = make(engine, ANONYMOUS, "v1")
    log_in(engine, visitor, ada)
    with engine.connect() as reads:
        assert resolve_visitor(reads, "v1") == Who(visitor, ANONYMOUS, (visitor,))
        assert resolve_visitor(reads, "ada") is None


def test_a_history_goes_across_the_login_and_ends_with_the_newest(engine: Engine) -> None:
    ada, bob = make(engine, USER, "ada", "bob")
    first, second = make(engine, ANONYMOUS, "v1", "v2")
    log_in(engine, first, ada)
    log_in(engine, second, ada)
    do(engine, "own", 10, user_id=ada)
    do(engine, "before", 30, anonymous_id=first)
    do(engine, "elsewhere", 20, anonymous_id=second)
    do(engine, "both", 5, user_id=ada, anonymous_id=first)
    do(engine, "of bob", 4, user_id=bob, anonymous_id=first)
    with engine.connect() as reads:
        names = [one.name for one in read_history(reads, ada, limit=10)]
        assert names == ["before", "elsewhere", "own", "both"]
        assert [one.name for one in read_history(reads, ada, limit=2)] == ["own", "both"]
        assert [one.name for one in read_history(reads, bob, limit=9)] == ["of bob"]
        assert [one.name for one in read_history(reads, first, limit=9)] == ["before"]


def test_at_one_time_the_line_and_the_event_decide(engine: Engine) -> None:
    (ada,) = make(engine, USER, "ada")
    rows = [(bytes([event]) * 32, line) for event in (3, 1, 2) for line in (1, 0)]
    with make_sessions(engine).begin() as session:
        for event, line in rows:
            session.add(Event(at=NOW, event=event, line=line, name="view_item", user_id=ada))
    with engine.connect() as reads:
        found = read_history(reads, ada, limit=10)
    # Those that have no key: by line, since the event's digest says whose it is.
    assert [(one.line, one.event) for one in found] == sorted((line, event) for event, line in rows)
