"""`vitrine migrate`: bring the database to the newest schema."""

import click

from vitrine.db import make_engine
from vitrine.migrations import current_revision, upgrade
from vitrine.settings import load_settings


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
        click.echo(f"The database is at revision {current_revision(make_engine(url)) or 'none'}.")
