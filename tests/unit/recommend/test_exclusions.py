"""What is never recommended."""

import pytest

from vitrine.recommend.exclusions import all_excluded, conditions, is_under
from vitrine.recommend.visit import Listed
from vitrine.retrieval import filters
from vitrine.retrieval.filters.tree import AllOf, Brand, InStock, Not, Seller


@pytest.mark.parametrize(
    ("category", "paths", "expected"),
    [
        ("grocery", ["grocery"], True),
        ("grocery/tea", ["grocery"], True),
        ("grocery-bags", ["grocery"], False),
        ("home/tea", ["grocery", "home/tea"], True),
        ("home", ["home/tea"], False),
        ("", ["grocery"], False),
    ],
)
def test_a_category_lies_under_a_path(category: str, paths: list[str], expected: bool) -> None:
    assert is_under(category, paths) == expected


def test_conditions_always_ask_for_stock() -> None:
    assert conditions(filters.EVERYTHING, None) == InStock(True)
    asked = filters.parse({"brand": "Tern"})
    assert conditions(asked, "acme") == AllOf(
        (InStock(True), Brand(("Tern",)), Not(Seller(("acme",))))
    )


def test_all_that_is_excluded() -> None:
    found = all_excluded([1], {2}, [Listed(5, "a")], [Listed(6, "b")])
    assert found == {1, 2, 5, 6}
