"""PostgreSQL: engine, sessions and the declarative base."""

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import DateTime, Engine, MetaData, Text, create_engine, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import DeclarativeBase, Session, sessionmaker

Sessions = sessionmaker[Session]


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


def make_engine(url: str, *, timeout_seconds: float = 5.0, pool_size: int = 10) -> Engine:
    """Connect lazily, with a bound on every wait.

    A connection, a statement and a lock each wait `timeout_seconds`-like bounds, so that a hung
    server becomes an error and not a pile of threads.
    """
    milliseconds = int(timeout_seconds * 1000)
    return create_engine(
        url,
        pool_size=pool_size,
        max_overflow=pool_size,
        pool_timeout=timeout_seconds,
        pool_pre_ping=True,
        connect_args={
            "connect_timeout": max(2, int(timeout_seconds)),
            # The server's own bounds are worth nothing once the network is gone.
            "tcp_user_timeout": milliseconds * 2,
            "keepalives_idle": 10,
            "keepalives_interval": 5,
            "keepalives_count": 3,
            "application_name": "vitrine",
            "options": f"-c statement_timeout={milliseconds * 6} -c lock_timeout={milliseconds * 2}"
            " -c idle_in_transaction_session_timeout=120000 -c timezone=UTC",
        },
    )


def make_sessions(engine: Engine) -> Sessions:
    """A session factory whose objects stay readable after the commit."""
    return sessionmaker(engine, expire_on_commit=False)


def ping(engine: Engine) -> str | None:
    """Say what is wrong with the database, or None."""
    try:
        with engine.connect() as connection:
            connection.execute(text("select 1"))
    except SQLAlchemyError as error:
        return str(error.__cause__ or error).strip().splitlines()[0]
    return None
