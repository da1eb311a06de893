"""`vitrine ads model`: what the click model learnt, and the way back."""

import click

from vitrine.ads.clicks import CLICK_MODELS
from vitrine.assembly import assemble
from vitrine.cli.version_table import show_versions, withdraw_version
from vitrine.settings import load_settings


@click.group()
def model() -> None:
    """See what the click model of the ads learnt, and take it back."""


@model.command("list")
@click.option("--last", type=click.IntRange(1), default=10, show_default=True, help="How many.")
def list_models(last: int) -> None:
    """List the newest versions with their progressive validation.

    Every ad that was seen is predicted before it is learnt, as auctions would have predicted it;
    the figures are of the last tens of thousands. The prior is what predicts before anything is
    learnt. A version that predicts worse than it is held: it does not serve, and learning goes on.
    """
    show_versions(assemble(load_settings()).sessions, CLICK_MODELS, last=last, serves="predicts")


@model.command("withdraw")
@click.argument("version", type=click.IntRange(1))
def withdraw_model(version: int) -> None:
    """Take back VERSION and every version after it, for they were learnt from it.

    The version before serves within seconds, the prior if there is none, and learning goes on from
    there. What is withdrawn stays withdrawn; the counts of the creatives stay too.
    """
    sessions = assemble(load_settings()).sessions
    click.echo(withdraw_version(sessions, CLICK_MODELS, version, serving_is="predicting"))
