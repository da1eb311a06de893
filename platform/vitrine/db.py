"""PostgreSQL: engine, sessions and the declarative base."""

import time
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from functools import wraps
from typing import Any, ClassVar, ParamSpec, TypeVar

import psycopg2
from psycopg2.errors import DeadlockDetected
from psycopg2.extensions import TRANSACTION_STATUS_INERROR, cursor
from sqlalchemy import Connection, DateTime, Engine, MetaData, Text, create_engine, event, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.exc import InvalidatePoolError, OperationalError, SQLAlchemyError
from sqlalchemy.orm import DeclarativeBase, Session, sessionmaker
from sqlalchemy.pool import ConnectionPoolEntry

from vitrine import deadline
from vitrine.breaker import Breaker
from vitrine.errors import Unavailable

P = ParamSpec("P")
T = TypeVar("T")
Sessions = sessionmaker[Session]
Readers = Callable[[], Connection]
Reads = Session | Connection
"""What rows can be read from; a connection makes no objects, and takes half as long."""
# A server that went away takes longer to come back.
CHECK_AFTER_SECONDS = 1.0
_IDLE_SINCE = "idle_since"
_SHORTENED = "statement_timeout_shortened"
# A server that refuses at once holds up nobody; one that lets wait does.
_LONG_SECONDS = 1.0
_CONNECT_FAILURES = 2
_MOST_ATTEMPTS = 3
# A shorter time for a statement could end the next SET of it as well.
_SHORTEST_MILLISECONDS = 50


class Base(DeclarativeBase):
    """Constraint names are fixed by rule so that a migration can name them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map: ClassVar = {
        dict[str, Any]: JSONB,
        list[Any]: JSONB,
        datetime: DateTime(timezone=True),
        str: Text,
    }


def make_engine(
    url: str,
    *,
    timeout_seconds: float = 5.0,
    statement_seconds: float | None = None,
    pool_size: int = 10,
    reading: bool = False,
    breaker: Breaker | None = None,
) -> Engine:
    """Connect lazily, with a bound on every wait.

    A connection, a statement and a lock each wait `timeout_seconds`-like bounds, so that a hung
    server becomes an error and not a pile of threads. A request's deadline (vitrine.deadline)
    shortens that of its statements; while nobody can connect, nobody tries.

    `reading`: for those who only read and whose every statement may stand alone. Without BEGIN and
    ROLLBACK around it a statement is one journey to the server instead of three. These connections
    are a pool of their own: to change one there and back takes half as long as a query. Engines of
    one server share its `breaker`.
    """
    milliseconds = int(timeout_seconds * 1000)
    statement_seconds = statement_seconds or timeout_seconds * 6
    engine = create_engine(
        url,
        pool_size=pool_size,
        max_overflow=pool_size,
        pool_timeout=timeout_seconds,
        hide_parameters=True,
        **({"isolation_level": "AUTOCOMMIT"} if reading else {}),
        connect_args={
            "cursor_factory": _Discreet,
            "connect_timeout": max(2, int(timeout_seconds)),
            # The server's own bounds are worth nothing once the network is gone.
            "tcp_user_timeout": milliseconds * 2,
            "keepalives_idle": 10,
            "keepalives_interval": 5,
            "keepalives_count": 3,
            "application_name": "vitrine",
            "options": f"-c statement_timeout={int(statement_seconds * 1000)}"
            f" -c lock_timeout={milliseconds * 2}"
            " -c idle_in_transaction_session_timeout=120000 -c timezone=UTC",
        },
    )
    _check_idle(engine)
    _heed_deadline(engine, statement_seconds)
    _give_up_connecting(engine, breaker or connecting_breaker())
    return engine


class _Discreet(cursor):
    """Says what is wrong in one line: those after it quote the statement and rows with its values.

    What is raised is logged, and no log is to hold what a shop calls its users.
    """

    def execute(self, query: Any, vars: Any = None) -> None:
        try:
            super().execute(query, vars)
        except psycopg2.Error as error:
            error.args = (str(error).partition("\n")[0],)
            raise


def _heed_deadline(engine: Engine, statement_seconds: float) -> None:
    """Let no statement run on after the request that made it."""

    @event.listens_for(engine, "before_cursor_execute")
    def bound(connection: Connection, *_: object) -> None:
        raw = connection.connection
        if raw.info.get(_SHORTENED) is None and deadline.time_left() is None:
            return
        driver: Any = raw.driver_connection
        if driver.get_transaction_status() == TRANSACTION_STATUS_INERROR:
            return  # it takes nothing but its own end
        seconds = deadline.bounded(statement_seconds)
        shortened = seconds < statement_seconds
        if shortened or raw.info.get(_SHORTENED):
            # Within a transaction it ends with that; a rollback would bring back what was before.
            how = "set" if driver.autocommit else "set local"
            milliseconds = max(_SHORTEST_MILLISECONDS, int(seconds * 1000))
            # On a connection that died the statement itself is to fail, in SQLAlchemy's words.
            with suppress(engine.dialect.loaded_dbapi.Error):
                if driver.autocommit:
                    # Stands until a later SET is done: this one may be ended by the time before.
                    raw.info[_SHORTENED] = True
                raw.cursor().execute(f"{how} statement_timeout = {milliseconds}")
                if driver.autocommit:
                    raw.info[_SHORTENED] = shortened or None


def connecting_breaker() -> Breaker:
    """Make what refuses to connect while nobody can."""
    return Breaker("The database", lambda error: None, failures=_CONNECT_FAILURES)


def _give_up_connecting(engine: Engine, breaker: Breaker) -> None:
    @event.listens_for(engine, "do_connect")
    def connect(dialect: Any, record: object, arguments: Any, options: Any) -> Any:
        began = time.monotonic()
        with breaker.attempt(lambda error: time.monotonic() - began >= _LONG_SECONDS):
            return dialect.connect(*arguments, **options)


def _check_idle(engine: Engine) -> None:
    """Ask a pooled connection whether it lives before it is used, unless it was just in use.

    As `pool_pre_ping` does it, but that asks every time, which takes a search longer than its
    queries do.
    """

    @event.listens_for(engine, "checkin")
    def begin_idling(connection: Any, record: ConnectionPoolEntry) -> None:
        record.info[_IDLE_SINCE] = time.monotonic()

    @event.listens_for(engine, "checkout")
    def check(connection: Any, record: ConnectionPoolEntry, proxy: object) -> None:
        idle_since = record.info.get(_IDLE_SINCE)
        if idle_since is None or time.monotonic() - idle_since < CHECK_AFTER_SECONDS:
            return
        try:
            engine.dialect.do_ping(connection)
        except engine.dialect.loaded_dbapi.Error as error:
            # The pool throws away all that are as old, and gives a new one.
            raise InvalidatePoolError from error


def make_sessions(engine: Engine) -> Sessions:
    """A session factory whose objects stay readable after the commit."""
    return sessionmaker(engine, expire_on_commit=False)


def again_after_deadlock(transaction: Callable[P, T]) -> Callable[P, T]:
    """Let a function that is one transaction run again when PostgreSQL ended it for another.

    Locks are taken in one order wherever they can be; the rest is found by PostgreSQL, in a second.
    """

    @wraps(transaction)
    def attempt(*args: P.args, **kwargs: P.kwargs) -> T:
        for _ in range(_MOST_ATTEMPTS - 1):
            try:
                return transaction(*args, **kwargs)
            except OperationalError as error:
                if not isinstance(error.orig, DeadlockDetected):
                    raise
        return transaction(*args, **kwargs)

    return attempt


def ping(engine: Engine) -> str | None:
    """Say what is wrong with the database, or None."""
    try:
        with engine.connect() as connection:
            connection.execute(text("select 1"))
    except (SQLAlchemyError, Unavailable) as error:
        return str(error.__cause__ or error).strip().splitlines()[0]
    return None
