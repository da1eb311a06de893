"""The answer of a search, as a person reads it."""

import sys
from collections.abc import Iterator

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from vitrine.cli import facet_bars, phrases
from vitrine.wire import BoxOut, CategoryOut, OutOfCatalogue, ProductOut, SearchResponse

_PIPE_COLUMNS = 10_000
# Rank, score, stock and the spaces between, with title, brand and category at their narrowest.
_OTHER_COLUMNS = 3 + 5 + 5 + 7 * 2 + 3 * 6
_DECIMALS = {"text": 2, "hybrid": 4}
_STAGES = ("understand", "decode", "encode", "search", "hydrate", "facets")
_SHOWN_REGIONS = 3


def show(found: SearchResponse, seconds: float, *, before: int = 0) -> None:
    """Print a page of results, why they are there, what they took and whether they mean anything.

    `before` is how many results were shown on the pages before.
    """
    # Nothing is wrapped or cut for a pipe: what reads it wants one line a product.
    console = Console(width=None if sys.stdout.isatty() else _PIPE_COLUMNS, highlight=False)
    for note in notes(found):
        console.print(note)
    if found.results:
        show_table(found, console, before=before)
        for line in why(found, before):
            console.print(line, soft_wrap=True)
    elif found.out_of_catalogue is None or not found.out_of_catalogue.rejected:
        console.print("Nothing found. Is the shop filled, and does the filter leave anything?")
    if found.facets:
        console.print()
        for line in facet_bars.draw(found.facets):
            console.print(line)
    _show_end(found, seconds, console)


def notes(found: SearchResponse) -> Iterator[Text]:
    """Say how the question was understood, where that is not plain."""
    if found.query.corrections:
        said = ", ".join(
            f'"{one.meant}" instead of "{one.typed}"' for one in found.query.corrections
        )
        yield Text(f"Searched for {said}.", style="yellow")
    verdict = found.out_of_catalogue
    if verdict is not None and verdict.score >= verdict.threshold:
        yield _out_of_catalogue(verdict)
    # Of a photo that shows nothing sold here the neighbours say nothing.
    if found.category is not None and not (verdict and verdict.rejected):
        yield from _category(found.category)
    if found.regions:
        crops = "  ".join(f"--crop {_crop(one.box)}" for one in found.regions[:_SHOWN_REGIONS])
        yield Text(f"Parts of the photo to search for by themselves: {crops}", style="dim")


def _out_of_catalogue(verdict: OutOfCatalogue) -> Text:
    score = f"out-of-catalogue score {verdict.score:.2f}, bound {verdict.threshold:.2f}"
    if verdict.rejected:
        return Text(
            f"The photo seems to show nothing that this shop sells ({score}), so nothing is shown.",
            style="bold yellow",
        )
    return Text(
        f"The photo may show something that this shop does not sell ({score}). The bound was not "
        "measured in this shop yet, so all is shown; `vitrine calibrate` measures it.",
        style="yellow",
    )


def _category(category: CategoryOut) -> Iterator[Text]:
    if category.category is not None:
        only = "; no other is shown" if category.use == "filter" else ""
        sure = f"{_percent(category.confidence)} sure"
        yield Text(f"The photo seems to show {category.category} ({sure}{only}).")
    elif category.candidates:
        guesses = ", ".join(
            f"{one.category} ({_percent(one.confidence)})" for one in category.candidates
        )
        yield Text(f"The photo's category is not clear; perhaps {guesses}.", style="dim")


def show_table(found: SearchResponse, console: Console, *, before: int = 0) -> None:
    """Print one line a product. An id is to be copied: it is whole whatever else is cut."""
    decimals = _DECIMALS.get(found.query.by, 3)
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("#", justify="right", no_wrap=True)
    table.add_column("id", no_wrap=True)
    table.add_column("score", justify="right", no_wrap=True)
    # Of these alone rich takes away what is too wide; their cells then end in an ellipsis.
    for heading in ("title", "brand", "category"):
        table.add_column(heading)
    table.add_column("price", justify="right", no_wrap=True)
    table.add_column("stock", no_wrap=True)
    for rank, hit in enumerate(found.results, start=before + 1):
        product = hit.product
        table.add_row(
            str(rank),
            Text(product.id, style="dim"),
            f"{hit.score:.{decimals}f}",
            *map(_in_one_line, (product.title, product.brand, product.category)),
            _price(product),
            "[green]yes[/]" if product.in_stock else "[red]no[/]",
        )
    # On a terminal that is too narrow the lines run over: what runs over can still be copied.
    console.width = max(console.width, _least_columns(found))
    console.print(table)


def why(found: SearchResponse, before: int = 0) -> Iterator[Text]:
    """Say why each product is there and, if that was asked for, what its score is made of."""
    hits = [*enumerate(found.results, start=before + 1)]
    if any(hit.reasons or hit.parts for _, hit in hits):
        yield Text("\nWhy:", style="bold")
    for rank, hit in hits:
        if hit.reasons:
            yield Text(f"{rank:>3}  {'; '.join(hit.reasons)}", style="dim")
        for part in hit.parts:
            yield Text(f"     {part.value:+.4f}  {part.name}: {part.words}", style="dim")


def _show_end(found: SearchResponse, seconds: float, console: Console) -> None:
    spent = found.timing_ms
    took = {stage: getattr(spent, stage) for stage in _STAGES}
    stages = ", ".join(f"{stage} {ms:.0f}" for stage, ms in took.items() if ms)
    more = " There is another page: --pages shows more." if found.next_cursor else ""
    console.print(
        f"\n{len(found.results)} found in {spent.total:.0f} ms ({stages or 'nothing to do'}); "
        f"{seconds * 1000:.0f} ms with the way there and back. Model: {escape(found.model.name)}."
        f"{more}",
        style="dim",
    )
    if not found.model.trained:
        console.print(
            "This model is UNTRAINED: its weights are random and its scores mean little. "
            f"{phrases.HOW_TO_TRAINED}",
            style="bold yellow",
        )


def _least_columns(found: SearchResponse) -> int:
    ids = max(len(hit.product.id) for hit in found.results)
    prices = max(len(_price(hit.product)) for hit in found.results)
    return ids + prices + _OTHER_COLUMNS


def _percent(part: float) -> str:
    return f"{part * 100:.0f} %"


def _crop(box: BoxOut) -> str:
    return ",".join(f"{side:.2f}" for side in (box.x, box.y, box.width, box.height))


def _price(product: ProductOut) -> str:
    return f"{product.price:.2f} {product.currency}"


def _in_one_line(text: str) -> Text:
    return Text(" ".join(text.split()), no_wrap=True, overflow="ellipsis")
