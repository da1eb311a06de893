"""`vitrine profile`: what the shop makes of what somebody did."""

import sys
from collections.abc import Iterable
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from vitrine.cli.heat_file import check_file
from vitrine.cli.keyring import read_keys
from vitrine.client import VitrineClient
from vitrine.settings import load_settings
from vitrine.wire.profiles import AffinityOut, InterestOut, ProfileOut, ProfileProduct

_PIPE_COLUMNS = 10_000
_SHOWN = 5


@click.command()
@click.argument("user")
@click.option(
    "--picture",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    metavar="FILE",
    callback=check_file,
    help="Draw the interests with their products, as a PNG.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the api's answer as it came.")
@click.option("--url", help="Address of the api.  [default: VITRINE_API_URL, or the running one]")
@click.option("--key", help="An admin key.  [default: the one that `vitrine up` made]")
def profile(
    user: str, picture: Path | None, as_json: bool, url: str | None, key: str | None
) -> None:
    """Tell what the shop makes of what USER did; an anonymous visitor is one, too.

    \b
      vitrine profile u-1042
      vitrine profile u-1042 --picture interests.png
    """
    settings = load_settings()
    with VitrineClient(url or settings.api_url, key or read_keys(settings).admin) as client:
        found = client.profile(user)
        if as_json:
            click.echo(found.model_dump_json(indent=2))
        else:
            show(found)
        if picture is not None:
            picture.write_bytes(client.profile_picture(user))
            click.echo(f"{picture} shows the interests.", err=True)


def show(found: ProfileOut) -> None:
    """Print a profile: sentences, a line for each interest, and what came last."""
    # Nothing is wrapped or cut for a pipe: what reads it wants one line an interest.
    console = Console(width=None if sys.stdout.isatty() else _PIPE_COLUMNS, highlight=False)
    for sentence in found.words:
        console.print(Text(sentence))
    for title, interests in (("Interests", found.interests), ("Dislikes", found.dislikes)):
        if interests:
            console.print(Text(f"\n{title}:", style="bold"))
            console.print(_table(interests))
    for title, affinities in (("Categories", found.categories), ("Brands", found.brands)):
        if affinities:
            console.print(_line(title, map(_affinity, affinities)))
    for title, products in (
        ("Viewed last", found.viewed),
        ("Bought", found.bought),
        ("In the cart", found.carted),
        ("Hidden", found.hidden),
    ):
        if products:
            console.print(_line(title, map(_product, products[:_SHOWN]), len(products) - _SHOWN))


def _table(interests: Iterable[InterestOut]) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("weight", justify="right", no_wrap=True)
    table.add_column("products", justify="right", no_wrap=True)
    table.add_column("id", no_wrap=True)
    table.add_column("what")
    for one in interests:
        table.add_row(
            f"{one.weight * 100:.0f} %",
            str(one.count),
            Text(one.product.id, style="dim"),
            Text(one.words),
        )
    return table


def _line(title: str, parts: Iterable[str], more: int = 0) -> Text:
    rest = f", and {more} more" if more > 0 else ""
    return Text.assemble((f"\n{title}: ", "bold"), ", ".join(parts) + rest)


def _affinity(one: AffinityOut) -> str:
    return f"{one.name} {one.share:+.2f}"


def _product(one: ProfileProduct) -> str:
    when = f" on {one.at:%Y-%m-%d}" if one.at else ""
    return f"{' '.join(one.title.split())} ({one.id}{when})"
