"""`vitrine ads verify`: do the books add up?"""

import sys

import click

from vitrine.ads.audit import verify_books
from vitrine.assembly import assemble
from vitrine.settings import load_settings


@click.command()
def verify() -> None:
    """Compare every budget and every billed event with the ledger; exit 1 if anything differs.

    It reads all of the ledger as it stands at one moment, and changes nothing.
    """
    platform = assemble(load_settings())
    with platform.engine.connect().execution_options(isolation_level="REPEATABLE READ") as reads:
        wrong = verify_books(reads)
    for sentence in wrong:
        click.echo(sentence, err=True)
    if wrong:
        sys.exit(1)
    click.echo("The books add up.")
