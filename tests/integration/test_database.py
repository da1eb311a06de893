"""Connections that died are noticed, and reading takes no more journeys than it needs."""

import socket
import time
from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import QueuePool

from vitrine import db, deadline
from vitrine.assembly import assemble
from vitrine.db import make_engine, make_sessions
from vitrine.errors import Unavailable
from vitrine.settings import Settings

ME = text("select pg_backend_pid()")


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = make_engine(database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def reading(database_url: str) -> Iterator[Engine]:
    engine = make_engine(database_url, reading=True)
    yield engine
    engine.dispose()


def idle(engine: Engine) -> int:
    """Count the connections that the pool keeps."""
    assert isinstance(engine.pool, QueuePool)
    return engine.pool.checkedin()


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


def test_reading_needs_no_transaction(engine: Engine, reading: Engine) -> None:
    clock = text("select transaction_timestamp()")
    with make_sessions(reading)() as session:
        assert session.scalar(clock) != session.scalar(clock)
    with reading.connect() as connection:
        assert connection.scalar(clock) != connection.scalar(clock)
    with make_sessions(engine)() as session:
        assert session.scalar(clock) == session.scalar(clock)


def test_a_platform_lets_go_of_both_pools(database_url: str) -> None:
    platform = assemble(Settings(database_url=database_url))
    for engine in (platform.engine, platform.reading):
        with engine.connect():
            pass
        assert idle(engine) == 1
    platform.engine.dispose()
    for engine in (platform.engine, platform.reading):
        assert idle(engine) == 0


def statement_timeout(engine: Engine) -> str:
    with engine.connect() as connection:
        return str(connection.scalar(text("show statement_timeout")))


def test_a_statement_ends_with_its_request(engine: Engine) -> None:
    assert statement_timeout(engine) == "30s"
    began = time.monotonic()
    with deadline.within(0.2), engine.connect() as connection:
        with pytest.raises(DBAPIError, match="statement timeout"):
            connection.execute(text("select pg_sleep(5)"))
        # The transaction failed; cleaning it up is not refused.
        connection.rollback()
        with pytest.raises(Unavailable, match="longer than a request may"):
            connection.execute(text("select 1"))
    assert time.monotonic() - began < 2
    assert statement_timeout(engine) == "30s", "the next one to use the connection has it all"


def test_a_short_time_does_not_stay_with_the_connection(engine: Engine, reading: Engine) -> None:
    shown = text("show statement_timeout")
    with deadline.within(2), reading.connect() as connection:
        assert connection.scalar(shown) != "30s"
    with deadline.within(60), reading.connect() as connection:
        assert connection.scalar(shown) == "30s"
    with deadline.within(2), engine.begin() as connection:
        assert connection.scalar(shown) != "30s"
    with engine.connect() as connection:
        assert connection.scalar(shown) == "30s"
    with deadline.within(2), reading.connect() as connection:
        assert connection.scalar(shown) != "30s"
    with reading.connect() as connection:
        assert connection.scalar(shown) == "30s"
    assert idle(engine) == idle(reading) == 1


def test_a_savepoint_is_rolled_back_within_a_deadline(engine: Engine) -> None:
    with deadline.within(5), engine.begin() as connection:
        with pytest.raises(DBAPIError), connection.begin_nested():
            connection.execute(text("select 1/0"))
        assert connection.scalar(ME)


def test_nobody_waits_to_connect_to_a_server_that_let_two_wait_in_vain() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        engine = make_engine(f"postgresql+psycopg2://x:x@127.0.0.1:{port}/x", timeout_seconds=2)
        for _ in range(2):
            with pytest.raises(DBAPIError):
                engine.connect()
        began = time.monotonic()
        with pytest.raises(Unavailable, match="The database does not answer"):
            engine.connect()
        assert "does not answer" in str(db.ping(engine))
        assert time.monotonic() - began < 0.5


def test_what_one_pool_waited_for_in_vain_the_other_does_not_try() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"postgresql+psycopg2://x:x@127.0.0.1:{silent.getsockname()[1]}/x"
        platform = assemble(Settings(database_url=url, dependency_timeout_seconds=2))
        for engine in (platform.engine, platform.reading):
            with pytest.raises(DBAPIError):
                engine.connect()
        began = time.monotonic()
        for engine in (platform.engine, platform.reading):
            with pytest.raises(Unavailable, match="The database does not answer"):
                engine.connect()
        assert time.monotonic() - began < 0.5


def test_no_statement_gets_less_time_than_the_next_set_needs(reading: Engine) -> None:
    with reading.connect() as connection, deadline.within(0.04):
        assert connection.scalar(text("show statement_timeout")) == "50ms"
