"""Connections that died are noticed, and reading takes no more journeys than it needs."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from vitrine import db
from vitrine.db import make_engine, make_reading_sessions, make_sessions

ME = text("select pg_backend_pid()")


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = make_engine(database_url)
    yield engine
    engine.dispose()


def kill(maintenance: Engine, pid: int) -> None:
    with maintenance.connect() as connection:
        assert connection.scalar(text("select pg_terminate_backend(:pid, 5000)"), {"pid": pid})


def test_a_connection_that_idled_is_checked(
    engine: Engine, maintenance: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(db, "CHECK_AFTER_SECONDS", 0.0)
    with engine.connect() as one, engine.connect() as other:
        pids = {one.scalar(ME), other.scalar(ME)}
    for pid in pids:
        kill(maintenance, pid)
    with engine.connect() as connection:
        assert connection.scalar(ME) not in pids


def test_one_in_use_is_not_and_its_error_is_the_last(engine: Engine, maintenance: Engine) -> None:
    with engine.connect() as connection:
        pid = connection.scalar(ME)
    with engine.connect() as connection:
        assert connection.scalar(ME) == pid
    kill(maintenance, pid)
    with pytest.raises(DBAPIError), engine.connect() as connection:
        connection.scalar(ME)
    with engine.connect() as connection:
        assert connection.scalar(ME) != pid


def test_reading_needs_no_transaction_and_leaves_none_behind(engine: Engine) -> None:
    clock = text("select transaction_timestamp()")
    with make_reading_sessions(engine)() as session:
        assert session.scalar(clock) != session.scalar(clock)
    # The same connection goes on to writers, in transactions as ever.
    with make_sessions(engine)() as session:
        assert session.scalar(clock) == session.scalar(clock)
    assert engine.pool.checkedin() == 1  # type: ignore[attr-defined]
