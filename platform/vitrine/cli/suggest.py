"""`vitrine suggest`: what a search box would offer while somebody types."""

import sys

import click
from rich.console import Console
from rich.text import Text

from vitrine.cli.storefront import address_options, open_shop
from vitrine.wire.suggest import Suggestion

_PIPE_COLUMNS = 10_000
_KIND_COLUMNS = 10


@click.command()
@click.argument("text")
@click.option(
    "--limit",
    type=click.IntRange(1, 50),
    default=10,
    show_default=True,
    help="At most so many suggestions.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the api's answer as it came.")
@address_options
def suggest(text: str, limit: int, as_json: bool, url: str | None, key: str | None) -> None:
    """Complete TEXT: with words, categories, brands and products of this shop.

    \b
    The last word may be half typed, or typed wrong:
      vitrine suggest bl
      vitrine suggest "blue stonw"
    """
    with open_shop(url, key) as client:
        found = client.suggest(text, limit=limit)
    if as_json:
        click.echo(found.model_dump_json(indent=2))
        return
    console = Console(width=None if sys.stdout.isatty() else _PIPE_COLUMNS, highlight=False)
    for one in found.suggestions:
        console.print(line(one))
    if not found.suggestions:
        console.print("Nothing in this shop is called so. Try fewer or other letters.")


def line(one: Suggestion) -> Text:
    """One suggestion: its kind, its text with what was typed underlined, and what it leads to."""
    said = Text(one.text.replace("\n", " "), style="bold")
    for first, after in one.highlight:
        said.stylize("underline", first, after)
    leads_to = one.product or one.category
    return Text.assemble(
        (f"{one.kind:<{_KIND_COLUMNS}}", "dim"), said, (f"  {leads_to}" if leads_to else "", "dim")
    )
