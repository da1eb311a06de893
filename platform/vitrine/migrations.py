"""Where the schema of the database stands, and where this version of Vitrine wants it."""

from functools import lru_cache
from pathlib import Path

from sqlalchemy import Engine

from vitrine.errors import Misconfigured


def migrations_dir() -> Path:
    """Find the migrations: in the wheel, or beside the source in a checkout."""
    package = Path(__file__).resolve().parent
    for place in (package / "_migrations", package.parents[1] / "migrations"):
        if (place / "alembic.ini").exists():
            return place
    raise Misconfigured("The migrations are not part of this installation; install Vitrine again.")


@lru_cache(maxsize=1)
def newest_revision() -> str | None:
    """The revision that this version wants."""
    from alembic.script import ScriptDirectory

    return ScriptDirectory(str(migrations_dir())).get_current_head()


def pending_migration(engine: Engine) -> str | None:
    """Say why the schema is not the one that this version wants, or None."""
    from alembic.runtime.migration import MigrationContext

    with engine.connect() as connection:
        current = MigrationContext.configure(connection).get_current_revision()
    newest = newest_revision()
    if current == newest:
        return None
    return (
        f"the database is at revision {current or 'none'} and this version needs {newest}: "
        "run `vitrine migrate`"
    )
