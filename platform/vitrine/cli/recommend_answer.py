"""Recommendations, as a person reads them."""

import sys
from collections.abc import Iterator

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from vitrine.cli import phrases
from vitrine.wire.recommendations import RecommendationResponse, RecommendationResult

_PIPE_COLUMNS = 10_000
# Place, score and the spaces between, with title and reason at their narrowest.
_OTHER_COLUMNS = 3 + 6 + 16 + 6 * 2 + 2 * 10
_STAGES = ("person", "sources", "rank", "hydrate")


def show(found: RecommendationResponse) -> None:
    """Print a line for each product: what it is, where it comes from and why."""
    # Nothing is wrapped or cut for a pipe: what reads it wants one line a product.
    console = Console(width=None if sys.stdout.isatty() else _PIPE_COLUMNS, highlight=False)
    if not found.known:
        console.print(
            "The shop knows no events of this person: this is what a stranger sees.", style="dim"
        )
    if found.degraded is not None:
        console.print(Text(found.degraded, style="yellow"))
    if found.results:
        show_table(found, console)
        for line in parts(found):
            console.print(line, soft_wrap=True)
    else:
        console.print(
            "Nothing to recommend. Is the shop filled, and do filter and exclusions leave anything?"
        )
    _show_end(found, console)


def show_table(found: RecommendationResponse, console: Console) -> None:
    """Print the table. An id is to be copied: it is whole whatever else is cut."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("#", justify="right", no_wrap=True)
    table.add_column("id", no_wrap=True)
    table.add_column("title")
    table.add_column("price", justify="right", no_wrap=True)
    table.add_column("score", justify="right", no_wrap=True)
    table.add_column("source", no_wrap=True)
    table.add_column("why")
    for place, hit in enumerate(found.results, start=1):
        table.add_row(
            str(place),
            Text(hit.product.id, style="dim"),
            _in_one_line(hit.product.title),
            _price(hit),
            f"{hit.score:.4f}",
            hit.source,
            _in_one_line(_why(hit)),
        )
    # On a terminal that is too narrow the lines run over: what runs over can still be copied.
    console.width = max(console.width, _least_columns(found))
    console.print(table)


def parts(found: RecommendationResponse) -> Iterator[Text]:
    """Say what each score is made of, if that was asked for."""
    for place, hit in enumerate(found.results, start=1):
        if hit.parts:
            yield Text(f"\n{place:>3}  {hit.product.id}", style="bold")
        for part in hit.parts:
            yield Text(f"     {part.part:+.4f}  {part.name} {part.value:.3f}", style="dim")


def _why(hit: RecommendationResult) -> str:
    said = "; ".join(reason.text for reason in hit.reasons)
    return f"{said} (explored)" if hit.explored else said


def _show_end(found: RecommendationResponse, console: Console) -> None:
    spent = found.timing_ms
    took = {stage: getattr(spent, stage) for stage in _STAGES}
    stages = ", ".join(f"{stage} {ms:.0f}" for stage, ms in took.items() if ms)
    ranker = f"version {found.ranker.version}" if found.ranker.version else "the prior"
    console.print(
        f"\n{len(found.results)} in {spent.total:.0f} ms ({stages}). Ranker: {ranker}; model: "
        f"{escape(found.model.name)}.",
        style="dim",
    )
    if not found.model.trained:
        console.print(
            "This model is UNTRAINED: its weights are random and its scores mean little. "
            f"{phrases.HOW_TO_TRAINED}",
            style="bold yellow",
        )


def _least_columns(found: RecommendationResponse) -> int:
    ids = max(len(hit.product.id) for hit in found.results)
    prices = max(len(_price(hit)) for hit in found.results)
    return ids + prices + _OTHER_COLUMNS


def _price(hit: RecommendationResult) -> str:
    return f"{hit.product.price:.2f} {hit.product.currency}"


def _in_one_line(text: str) -> Text:
    return Text(" ".join(text.split()), no_wrap=True, overflow="ellipsis")
