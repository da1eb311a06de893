"""Facets as bars."""

from typing import Any

import pytest

from vitrine.cli.facet_bars import BAR_COLUMNS, bar, draw
from vitrine.wire import Facet


def drawn(**facet: Any) -> list[str]:
    facets = [Facet.model_validate({"exact": True, "products": 12, **facet})]
    return [line.plain for line in draw(facets)]


def test_the_highest_count_has_the_whole_bar() -> None:
    values = [{"value": "Tern", "count": 8}, {"value": "Gull &\nSons", "count": 4}]
    heading, first, second = drawn(field="brand", values=values)
    assert heading == "brand  of all 12 products"
    assert first == f"  Tern         {'█' * BAR_COLUMNS} 8"
    assert second == f"  Gull & Sons  {'█' * (BAR_COLUMNS // 2)} 4"


def test_a_tree_is_indented_and_prices_are_bins() -> None:
    mugs = {"value": "home/mugs", "count": 6}
    lines = drawn(
        field="category", exact=False, values=[{"value": "home", "count": 6, "children": [mugs]}]
    )
    assert lines[0] == "category  of the nearest 12 products"
    assert [line.split()[0] for line in lines[1:]] == ["home", "mugs"]
    assert lines[2].startswith("    mugs")
    (_, line) = drawn(field="price", bins=[{"gte": "10.00", "lt": "20.00", "count": 3}])
    assert line.startswith("  10.00 – 20.00  █")


def test_truth_in_words_and_what_is_left_out() -> None:
    lines = drawn(field="in_stock", values=[{"value": True, "count": 1}])
    assert lines[1].split()[0] == "yes"
    many = [{"value": f"v{number}", "count": 1} for number in range(13)]
    assert drawn(field="attributes.a", values=many)[-1] == "  and 3 more"
    assert drawn(field="attributes.a")[-1] == "  none of them has it"


@pytest.mark.parametrize(
    ("count", "most", "expected"), [(0, 9, ""), (1, 10_000, "▏"), (5, 10, "█" * 12), (1, 64, "▍")]
)
def test_what_is_there_can_be_seen(count: int, most: int, expected: str) -> None:
    assert bar(count, most) == expected
