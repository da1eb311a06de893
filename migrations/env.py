"""Alembic environment: migrate the database that the settings name."""

from alembic import context
from sqlalchemy import create_engine, text

import vitrine.ads.models
import vitrine.catalog.models
import vitrine.decisions.models
import vitrine.embedding.models
import vitrine.index.models
import vitrine.recommend.models
import vitrine.search.models
import vitrine.work
from vitrine.db import Base
from vitrine.settings import load_settings

TABLES = (
    vitrine.ads.models,
    vitrine.catalog.models,
    vitrine.decisions.models,
    vitrine.embedding.models,
    vitrine.index.models,
    vitrine.recommend.models,
    vitrine.search.models,
    vitrine.work,
)

# A migration waits this long for a lock and then fails, rather than queue every request behind it.
LOCK_TIMEOUT = "5s"
# Any number: whoever holds this advisory lock migrates, the others wait their turn.
MIGRATION_LOCK = 7_283_001


def database_url() -> str:
    return context.config.attributes.get("database_url") or load_settings().database_url


def run_offline() -> None:
    context.configure(url=database_url(), target_metadata=Base.metadata, literal_binds=True)
    with context.begin_transaction():
        context.run_migrations()


def run_online() -> None:
    engine = create_engine(database_url())
    with engine.connect() as connection:
        connection.execute(text("select pg_advisory_lock(:id)"), {"id": MIGRATION_LOCK})
        connection.execute(text(f"set lock_timeout = '{LOCK_TIMEOUT}'"))
        connection.commit()
        context.configure(connection=connection, target_metadata=Base.metadata)
        with context.begin_transaction():
            context.run_migrations()
    engine.dispose()


if context.is_offline_mode():
    run_offline()
else:
    run_online()
