"""`vitrine rankers`: what the recommendations learnt, and the way back."""

import click

from vitrine.assembly import assemble
from vitrine.cli.version_table import show_versions, withdraw_version
from vitrine.recommend.versions import RANKERS
from vitrine.settings import load_settings


@click.group()
def rankers() -> None:
    """See what the ranker of the recommendations learnt, and take it back."""


@rankers.command("list")
@click.option("--last", type=click.IntRange(1), default=10, show_default=True, help="How many.")
def list_rankers(last: int) -> None:
    """List the newest versions with their progressive validation.

    Every example is predicted before it is learnt; the figures are of the last few thousand. The
    prior is what ranks before anything is learnt. A version that predicts worse than it is held: it
    does not serve, and learning goes on.
    """
    show_versions(assemble(load_settings()).sessions, RANKERS, last=last, serves="ranks")


@rankers.command("withdraw")
@click.argument("version", type=click.IntRange(1))
def withdraw_ranker(version: int) -> None:
    """Take back VERSION and every version after it, for they were learnt from it.

    The version before serves within seconds, the prior if there is none, and learning goes on from
    there. What is withdrawn stays withdrawn.
    """
    sessions = assemble(load_settings()).sessions
    click.echo(withdraw_version(sessions, RANKERS, version, serving_is="ranking"))
