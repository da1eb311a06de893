"""`vitrine search`: find products by a photo, as a storefront would."""

import json
import sys
import time
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from vitrine.cli import phrases
from vitrine.cli.keyring import read_keys
from vitrine.client import VitrineClient
from vitrine.settings import load_settings
from vitrine.wire import MAX_LIMIT, ProductOut, SearchResponse

_PIPE_COLUMNS = 10_000
# Rank, score, stock and the spaces between, with title, brand and category at their narrowest.
_OTHER_COLUMNS = 3 + 5 + 5 + 7 * 2 + 3 * 6


class FilterType(click.ParamType[dict[str, Any]]):
    """A JSON object."""

    name = "json"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> dict[str, Any]:
        try:
            found = json.loads(value)
        except ValueError as error:
            self.fail(f"it is not JSON ({error}). Example: '{{\"in_stock\": true}}'", param, ctx)
        if not isinstance(found, dict):
            self.fail("it must be a JSON object, such as '{\"in_stock\": true}'", param, ctx)
        return found


@click.command()
@click.argument(
    "photo", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
@click.option("--product", metavar="ID", help="Search by this product's picture instead.")
@click.option(
    "--limit",
    type=click.IntRange(1, MAX_LIMIT),
    default=10,
    show_default=True,
    help="At most so many products.",
)
@click.option("--filter", "conditions", type=FilterType(), help='Such as {"price": {"lt": 50}}.')
@click.option("--json", "as_json", is_flag=True, help="Print the api's answer as it came.")
@click.option("--url", help="Address of the api.  [default: VITRINE_API_URL, or the running one]")
@click.option("--key", help="A storefront key.  [default: the one that `vitrine up` made]")
def search(
    photo: Path | None,
    product: str | None,
    limit: int,
    conditions: dict[str, Any] | None,
    as_json: bool,
    url: str | None,
    key: str | None,
) -> None:
    """Find products that look like PHOTO, best first."""
    if (photo is None) == (product is None):
        raise click.UsageError("Give either a PHOTO or --product ID.")
    settings = load_settings()
    with VitrineClient(url or settings.api_url, key or read_keys(settings).storefront) as client:
        began = time.perf_counter()
        found = client.search(photo, product_id=product, filter=conditions, limit=limit)
        seconds = time.perf_counter() - began
    if as_json:
        click.echo(found.model_dump_json(indent=2))
    else:
        show(found, seconds)


def show(found: SearchResponse, seconds: float) -> None:
    """Print the results as a table, what they took and whether they mean anything."""
    # Nothing is wrapped or cut for a pipe: what reads it wants one line a product.
    console = Console(width=None if sys.stdout.isatty() else _PIPE_COLUMNS)
    if found.results:
        show_table(found, console)
    else:
        console.print("Nothing found. Is the shop filled, and does the filter leave anything?")
    spent = found.timing_ms
    console.print(
        f"\n{len(found.results)} found in {spent.total:.0f} ms (decode {spent.decode:.0f}, encode "
        f"{spent.encode:.0f}, search {spent.search:.0f}, hydrate {spent.hydrate:.0f}); "
        f"{seconds * 1000:.0f} ms with the way there and back. Model: {escape(found.model.name)}.",
        style="dim",
        highlight=False,
    )
    if not found.model.trained:
        console.print(
            "This model is UNTRAINED: its weights are random and its scores mean little. "
            f"{phrases.HOW_TO_TRAINED}",
            style="bold yellow",
            highlight=False,
        )


def show_table(found: SearchResponse, console: Console) -> None:
    """Print one line a product. An id is to be copied: it is whole whatever else is cut."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("#", justify="right", no_wrap=True)
    table.add_column("id", no_wrap=True)
    table.add_column("score", justify="right", no_wrap=True)
    # Of these alone rich takes away what is too wide; their cells then end in an ellipsis.
    for heading in ("title", "brand", "category"):
        table.add_column(heading)
    table.add_column("price", justify="right", no_wrap=True)
    table.add_column("stock", no_wrap=True)
    for rank, hit in enumerate(found.results, start=1):
        product = hit.product
        table.add_row(
            str(rank),
            Text(product.id, style="dim"),
            f"{hit.score:.3f}",
            *map(_in_one_line, (product.title, product.brand, product.category)),
            _price(product),
            "[green]yes[/]" if product.in_stock else "[red]no[/]",
        )
    # On a terminal that is too narrow the lines run over: what runs over can still be copied.
    console.width = max(console.width, _least_columns(found))
    console.print(table)


def _least_columns(found: SearchResponse) -> int:
    ids = max(len(hit.product.id) for hit in found.results)
    prices = max(len(_price(hit.product)) for hit in found.results)
    return ids + prices + _OTHER_COLUMNS


def _price(product: ProductOut) -> str:
    return f"{product.price:.2f} {product.currency}"


def _in_one_line(text: str) -> Text:
    return Text(" ".join(text.split()), no_wrap=True, overflow="ellipsis")
