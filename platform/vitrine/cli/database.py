"""`vitrine migrate`: bring the database to the newest schema."""

import click

from vitrine.cli import phrases
from vitrine.db import make_engine
from vitrine.migrations import current_revision, pending_migration, upgrade
from vitrine.settings import Settings, load_settings


@click.command()
@click.option("--revision", default="head", show_default=True, help="Where to stop.")
@click.option("--sql", is_flag=True, help="Print the SQL and change nothing.")
@click.option("--check", is_flag=True, help="Change nothing; exit 1 if the schema is not current.")
@click.option("--with-model", is_flag=True, help="Also give a new shop its model (VITRINE_MODEL).")
def migrate(revision: str, sql: bool, check: bool, with_model: bool) -> None:
    """Bring the database to the newest schema.

    Safe to run twice and from several machines at once: one of them migrates, the others wait.
    """
    settings = load_settings()
    engine = make_engine(settings.database_url)
    if check:
        if reason := pending_migration(engine):
            click.echo(reason, err=True)
            raise SystemExit(1)
        return
    upgrade(settings.database_url, revision, sql=sql)
    if sql:
        return
    click.echo(f"The database is at revision {current_revision(engine) or 'none'}.")
    if with_model:
        _give_model(settings)


def _give_model(settings: Settings) -> None:
    from vitrine.assembly import assemble
    from vitrine.embedded.opening import ensure_model

    platform = assemble(settings)
    model = ensure_model(platform, lambda name: platform.models.build(name, progress=click.echo))
    if model is None:
        click.secho(phrases.MODEL_GONE, fg="red", err=True)
        return
    click.echo(f"The shop uses the model {model.name}.")
