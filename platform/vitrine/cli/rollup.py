"""`vitrine rollup`: what beat has counted every few minutes, at once."""

import click

from vitrine.assembly import assemble
from vitrine.errors import Conflict
from vitrine.recommend.rollups import roll_up
from vitrine.settings import load_settings


@click.command()
def rollup() -> None:
    """Count anew which products go together, and which are wanted now.

    The workers do it every VITRINE_ROLLUP_SECONDS. Recommendations use it from the next request on.
    """
    platform = assemble(load_settings())
    counted = roll_up(platform.sessions, platform.event_weights, platform.rollup_bounds)
    if counted is None:
        raise Conflict("Another process counts right now; its figures are as good.")
    click.echo(
        f"{counted.pairs} products stand with one that they go together with; of {counted.trends} "
        "it is known how much they are wanted."
    )
