"""Where the schema of the database stands, and where this version of Vitrine wants it."""

from functools import lru_cache
from pathlib import Path

from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError

from vitrine.errors import Misconfigured, Unavailable


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


def current_revision(engine: Engine) -> str | None:
    """The revision that the database is at; None before the first."""
    from alembic.runtime.migration import MigrationContext

    with engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def pending_migration(engine: Engine) -> str | None:
    """Say why the schema is not the one that this version wants, or None."""
    current = current_revision(engine)
    newest = newest_revision()
    if current == newest:
        return None
    return (
        f"the database is at revision {current or 'none'} and this version needs {newest}: "
        "run `vitrine migrate`"
    )


def upgrade(database_url: str, revision: str = "head", *, sql: bool = False) -> None:
    """Run the migrations, or with `sql` print them.

    Raises Unavailable when the database does not answer, Misconfigured for an unknown revision.
    """
    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError

    configuration = Config(migrations_dir() / "alembic.ini")
    configuration.attributes["database_url"] = database_url
    try:
        command.upgrade(configuration, revision, sql=sql)
    except CommandError as error:
        raise Misconfigured(f"The database cannot be migrated: {error}") from error
    except OperationalError as error:
        raise Unavailable(
            f"The database cannot be migrated: {str(error.orig).strip()}. Look at "
            "VITRINE_DATABASE_URL; `vitrine doctor` says what can be reached."
        ) from error
