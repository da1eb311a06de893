"""Facets as small bars, for a terminal."""

from collections.abc import Iterator, Sequence

from rich.text import Text

from vitrine.wire import Facet, FacetValue

BAR_COLUMNS = 24
MOST_SHOWN = 10
_EIGHTHS = " ▏▎▍▌▋▊▉"


def draw(facets: Sequence[Facet]) -> Iterator[Text]:
    """Draw each facet: a heading, then a line a value, the longest bar for the highest count."""
    for facet in facets:
        counted = f"all {facet.products}" if facet.exact else f"the nearest {facet.products}"
        yield Text.assemble((facet.field, "bold"), (f"  of {counted} products", "dim"))
        rows = [*_values(facet.values), *_bins(facet)]
        shown = rows[:MOST_SHOWN]
        widest = max((len(label) for label, _ in shown), default=0)
        most = max((count for _, count in shown), default=0)
        for label, count in shown:
            yield Text.assemble(f"  {label:<{widest}}  ", (bar(count, most), "cyan"), f" {count}")
        if not rows:
            yield Text("  none of them has it", style="dim")
        elif len(rows) > len(shown):
            yield Text(f"  and {len(rows) - len(shown)} more", style="dim")


def bar(count: int, most: int) -> str:
    """A bar of whole and eighth blocks; something that is there at all can be seen."""
    eighths = max(1, round(BAR_COLUMNS * 8 * count / most)) if count else 0
    whole, rest = divmod(eighths, 8)
    return "█" * whole + (_EIGHTHS[rest] if rest else "")


def _values(values: Sequence[FacetValue], depth: int = 0) -> Iterator[tuple[str, int]]:
    for value in values:
        yield "  " * depth + _label(value.value, depth), value.count
        yield from _values(value.children, depth + 1)


def _label(value: object, depth: int) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = " ".join(str(value).split())
    return text.rpartition("/")[2] if depth else text


def _bins(facet: Facet) -> Iterator[tuple[str, int]]:
    for one in facet.bins:
        yield f"{one.gte} – {one.lt}", one.count
