"""`vitrine migrate`: bring the database to the newest schema."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from vitrine.errors import Misconfigured, Unavailable
from vitrine.settings import load_settings

if TYPE_CHECKING:
    from alembic.config import Config


@click.command()
@click.option("--revision", default="head", show_default=True, help="Where to stop.")
@click.option("--sql", is_flag=True, help="Print the SQL and change nothing.")
def migrate(revision: str, sql: bool) -> None:
    """Bring the database to the newest schema.

    Safe to run twice and from several machines at once: one of them migrates, the others wait.
    """
    url = load_settings().database_url
    upgrade(url, revision, sql=sql)
    if not sql:
        click.echo(f"The database is at revision {current_revision(url) or 'none'}.")


def upgrade(database_url: str, revision: str = "head", *, sql: bool = False) -> None:
    """Run the migrations. Raises Unavailable when the database does not answer."""
    from alembic import command
    from alembic.util import CommandError
    from sqlalchemy.exc import OperationalError

    try:
        command.upgrade(_configuration(database_url), revision, sql=sql)
    except CommandError as error:
        raise Misconfigured(f"The database cannot be migrated: {error}") from error
    except OperationalError as error:
        raise Unavailable(
            f"The database cannot be migrated: {error.orig}. `vitrine doctor` checks what is "
            "reachable; VITRINE_DATABASE_URL says where it is."
        ) from error


def current_revision(database_url: str) -> str | None:
    """The revision that the database is at; None before the first."""
    from alembic.runtime.migration import MigrationContext
    from sqlalchemy import create_engine

    engine = create_engine(database_url, connect_args={"connect_timeout": 5})
    try:
        with engine.connect() as connection:
            return MigrationContext.configure(connection).get_current_revision()
    finally:
        engine.dispose()


def newest_revision() -> str | None:
    """The revision that this version of Vitrine wants."""
    from alembic.script import ScriptDirectory

    return ScriptDirectory.from_config(_configuration("")).get_current_head()


def _configuration(database_url: str) -> "Config":
    from alembic.config import Config

    configuration = Config(migrations_dir() / "alembic.ini")
    configuration.attributes["database_url"] = database_url
    return configuration


def migrations_dir() -> Path:
    """Find the migrations: in the wheel, or beside the source in a checkout."""
    package = Path(__file__).resolve().parents[1]
    for place in (package / "_migrations", package.parents[1] / "migrations"):
        if (place / "alembic.ini").exists():
            return place
    raise Misconfigured("The migrations are not part of this installation; install Vitrine again.")
