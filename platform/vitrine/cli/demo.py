"""`vitrine demo`: draw a catalogue, list it through the api, and see what a search finds."""

import shlex
import shutil
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Self

import click
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from vitrine.cli import phrases
from vitrine.cli.demo_shoppers import demo_products, let_visit
from vitrine.cli.keyring import read_keys
from vitrine.client import VitrineClient
from vitrine.demo import folder, measuring
from vitrine.demo.listing import Listing
from vitrine.demo.loader import Loader, Report
from vitrine.demo.sheet import contact_sheet
from vitrine.demo.studio import Order, shoot
from vitrine.settings import Settings, load_settings
from vitrine.wire import is_seller

SHOWN_FAILURES = 10


class SellerType(click.ParamType[str]):
    name = "seller"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if not is_seller(value):
            self.fail("a seller is lower-case letters, digits and hyphens", param, ctx)
        return value


@click.command()
@click.option(
    "--products",
    type=click.IntRange(1, 100_000),
    default=200,
    show_default=True,
    help="How many to make.",
)
@click.option(
    "--seed",
    type=click.IntRange(0),
    default=1,
    show_default=True,
    help="Another seed, another shop.",
)
@click.option(
    "--queries",
    type=click.IntRange(0),
    default=100,
    show_default=True,
    help="How many products get a shopper's photo, which is then searched for; 0: none.",
)
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where the pictures go.  [default: <data dir>/demo]",
)
@click.option("--no-load", is_flag=True, help="Only draw: needs no running platform.")
@click.option(
    "--from",
    "source",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="List your own pictures from this folder instead; a sub-folder is a category.",
)
@click.option(
    "--seller", type=SellerType(), default="demo", show_default=True, help="Who lists them."
)
@click.option(
    "--sheet",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Also write a PNG that shows the first products side by side.",
)
@click.option(
    "--shoppers",
    type=click.IntRange(0, 1000),
    default=0,
    show_default=True,
    help="Let so many simulated shoppers visit, so that there is something to recommend from.",
)
def demo(
    products: int,
    seed: int,
    queries: int,
    out: Path | None,
    no_load: bool,
    source: Path | None,
    seller: str,
    sheet: Path | None,
    shoppers: int,
) -> None:
    """Fill the shop with a catalogue, and see how well it is searched.

    Draws products of many kinds, each with 3 to 5 photos, and lists them through the api as a
    seller would. Then it searches with photos as shoppers take them (another angle, poor light,
    clutter) and prints how often the right product came first, beside what comparing colours alone
    finds.

    The same seed gives the same products, and what is drawn or listed already is not done twice:
    run it again after Ctrl-C, or with more --products.

    \b
    vitrine demo --products 50                 a small shop
    vitrine demo --no-load --sheet sheet.png   look at the pictures first
    vitrine demo --from ~/Pictures/shop        your own pictures
    vitrine demo --shoppers 30                 with shoppers, for the recommendations
    """
    if shoppers and (source or no_load):
        raise click.UsageError(
            "--shoppers need drawn products in a shop: leave out --from and --no-load."
        )
    settings, console = load_settings(), Console()
    keys = None if no_load else read_keys(settings)
    # Before the drawing: a missing key should not cost a minute.
    seller_key = keys.seller(seller) if keys else ""
    if source:
        listings, skipped = folder.scan(source, seller)
        _show_skipped(console, skipped)
    else:
        place = out or settings.data_dir / "demo"
        order = Order(seed, products, min(queries, products), seller)
        listings = _draw(console, place, order)
        console.print(f"Pictures are in {place}: catalog/, queries/ and the truth in queries.csv.",
                      highlight=False, soft_wrap=True)  # fmt: skip
    if sheet:
        contact_sheet(listings, sheet)
        console.print(f"Contact sheet: {sheet}", highlight=False, soft_wrap=True)
    measured = [listing for listing in listings if listing.query]
    if not keys:
        _compare(console, measured, listings, None)
        return
    with VitrineClient(settings.api_url, seller_key) as client:
        report = _load(console, client, listings)
    _show_report(console, report, len(listings))
    with VitrineClient(settings.api_url, keys.storefront) as client:
        complete = not (report.stopped or report.stalled)
        if complete:
            _compare(console, measured, listings, client)
            if shoppers:
                let_visit(console, client, demo_products(seed, products, seller), seed, shoppers)
    _next_commands(console, settings, keys.storefront, listings)
    if report.stopped:
        raise SystemExit(130)
    if report.failures or not complete:
        raise SystemExit(1)


def _bar(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description:<10}"), BarColumn(), MofNCompleteColumn(),
        TimeElapsedColumn(), console=console,
    )  # fmt: skip


def _draw(console: Console, place: Path, order: Order) -> list[Listing]:
    with _bar(console) as progress:
        task = progress.add_task("drawn", total=order.count)
        return shoot(place, order, lambda: progress.advance(task))


class _Bars:
    """Two bars: what the api accepted, and what can be found."""

    def __init__(self, console: Console, total: int) -> None:
        self._progress = _bar(console)
        self._uploaded = self._progress.add_task("uploaded", total=total)
        self._searchable = self._progress.add_task("searchable", total=total)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def uploaded(self) -> None:
        self._progress.advance(self._uploaded)

    def searchable(self) -> None:
        self._progress.advance(self._searchable)


def _load(console: Console, client: VitrineClient, listings: Sequence[Listing]) -> Report:
    with _Bars(console, len(listings)) as bars:
        return Loader(client, bars).load(listings)


def _show_skipped(console: Console, skipped: Sequence[folder.Skipped]) -> None:
    for one in skipped[:SHOWN_FAILURES]:
        console.print(f"skipped {escape(str(one.path))}: {escape(one.reason)}", style="yellow")
    if len(skipped) > SHOWN_FAILURES:
        console.print(f"… and {len(skipped) - SHOWN_FAILURES} more files", style="yellow")


def _show_report(console: Console, report: Report, total: int) -> None:
    console.print(
        f"\n{report.searchable} of {total} products with {report.photos} photos are searchable; "
        f"{report.seconds:.1f} s.",
        style="bold",
        highlight=False,
    )
    # The same reason once, with how often: a thousand lines help nobody.
    reasons = Counter(reason for _, reason in report.failures)
    for reason, count in reasons.most_common(SHOWN_FAILURES):
        first = next(name for name, why in report.failures if why == reason)
        more = f" and {count - 1} more" if count > 1 else ""
        console.print(f"failed: {escape(first)}{more}: {escape(reason)}", style="red")
    if report.stopped:
        console.print(
            "Stopped. Run the same command again: it goes on where it was.", style="yellow"
        )
    if report.stalled:
        console.print(
            f"Nothing became searchable for {report.listed - report.searchable} products lately. "
            "What is listed is kept and goes on by itself; is a worker running (`vitrine doctor`)?",
            style="yellow",
        )


def _compare(
    console: Console,
    measured: Sequence[Listing],
    listings: Sequence[Listing],
    client: VitrineClient | None,
) -> None:
    if not measured:
        return
    colour = measuring.baseline(listings, measured)
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column(f"{len(measured)} query photos, {len(listings)} products")
    for heading in ("R@1", "R@5"):
        table.add_column(heading, justify="right")
    found = None
    if client:
        with _bar(console) as progress:
            task = progress.add_task("searched", total=len(measured))
            found = measuring.platform(client, measured, lambda: progress.advance(task))
        quality = found.quality
        name = found.model if found.trained else f"{found.model} [yellow](untrained)[/]"
        table.add_row(f"this platform, {name}", f"{quality.first:.3f}", f"{quality.first_five:.3f}")
    table.add_row("colour histogram alone", f"{colour.first:.3f}", f"{colour.first_five:.3f}")
    console.print()
    console.print(table)
    if colour.first > measuring.TOO_EASY:
        console.print("Colour alone finds most of it: this demo is too easy to show anything.",
                      style="yellow")  # fmt: skip
    if found and not found.trained:
        console.print(
            "The model is UNTRAINED: its weights are random, and its figures say nothing about "
            f"what a trained one finds. {phrases.HOW_TO_TRAINED}",
            style="bold yellow",
        )


def _next_commands(
    console: Console, settings: Settings, key: str, listings: Sequence[Listing]
) -> None:
    listing = next((one for one in listings if one.query), listings[0])
    photo = shlex.quote(str(listing.query or listing.photos[0]))
    console.print("\nNow search with a shopper's photo:" if listing.query else "\nNow search:")
    lines = (
        f"{_called(settings)} search {photo}",
        f"curl -s -H 'Authorization: Bearer {key}' -F image=@{photo} {settings.api_url}/v1/search",
    )
    for line in lines:
        # Not through rich: a folded line cannot be pasted.
        click.echo(f"    {line}")


def _called(settings: Settings) -> str:
    """Return how this program was called, so that another shell finds it and the same data."""
    program = sys.argv[0]
    name = "vitrine" if shutil.which("vitrine") == shutil.which(program) else shlex.quote(program)
    if settings.data_dir == Path(".vitrine").absolute():
        return name
    return f"VITRINE_DATA_DIR={shlex.quote(str(settings.data_dir))} {name}"
