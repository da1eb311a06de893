"""Facets count what a loop over the products counts."""

from collections import Counter
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vitrine.errors import Invalid
from vitrine.search.facets import Counted, check_fields, count_facets
from vitrine.wire import FacetValue

PATHS = st.sampled_from(["home", "home/mugs", "home/mugs/blue", "shoes", "shoes/boots"])
PRODUCTS = st.lists(
    st.builds(
        Counted,
        category=PATHS,
        brand=st.sampled_from(["", "Tern", "Gull"]),
        price=st.decimals(0, 500, places=2),
        in_stock=st.booleans(),
        attributes=st.dictionaries(
            st.sampled_from(["color", "size", "handmade"]),
            st.sampled_from(["red", "blue", 1, True, ["red", "blue"], ["red", "red"]]),
        ),
    ),
    max_size=30,
)


def flat(values: list[FacetValue]) -> dict[str, int]:
    return {
        path: count
        for one in values
        for path, count in {one.value: one.count, **flat(one.children)}.items()
    }


@given(PRODUCTS)
def test_a_category_counts_what_is_under_it(products: list[Counted]) -> None:
    (facet,) = count_facets(products, ["category"], exact=True)
    wanted = {
        path: sum(f"{one.category}/".startswith(f"{path}/") for one in products)
        for path in ("home", "home/mugs", "home/mugs/blue", "shoes", "shoes/boots")
    }
    assert flat(facet.values) == {path: count for path, count in wanted.items() if count}
    assert facet.products == len(products)


@given(PRODUCTS)
def test_every_price_is_in_the_bin_that_says_so(products: list[Counted]) -> None:
    (facet,) = count_facets(products, ["price"], exact=False)
    assert sum(one.count for one in facet.bins) == len(products)
    for one in facet.bins:
        inside = [p for p in products if Decimal(one.gte) <= p.price < Decimal(one.lt)]
        assert one.count == len(inside)
    for one, other in zip(facet.bins, facet.bins[1:], strict=False):
        assert one.lt == other.gte
    assert len(facet.bins) <= 12
    assert not facet.exact


@given(PRODUCTS)
def test_attributes_count_once_a_product(products: list[Counted]) -> None:
    (facet,) = count_facets(products, ["attributes.color"], exact=True)
    wanted: Counter[tuple[bool, object]] = Counter()
    for one in products:
        held = one.attributes.get("color")
        for value in ("red", "blue", 1, True):
            items = held if isinstance(held, list) else [held]
            if any(item == value and isinstance(item, bool) == isinstance(value, bool)
                   for item in items):  # fmt: skip
                wanted[isinstance(value, bool), value] += 1
    found = {(isinstance(one.value, bool), one.value): one.count for one in facet.values}
    assert found == dict(wanted)


def test_brands_most_frequent_first_and_none_without_a_name() -> None:
    products = [Counted("home", brand, Decimal(1), True, {}) for brand in ("b", "a", "", "c", "c")]
    (facet,) = count_facets(products, ["brand"], exact=True)
    assert [(one.value, one.count) for one in facet.values] == [("c", 2), ("a", 1), ("b", 1)]


def test_attributes_alone_names_the_most_frequent() -> None:
    products = [
        Counted("home", "", Decimal(1), True, {"color": "red"}),
        Counted("home", "", Decimal(2), True, {"color": "red", "size": 4}),
    ]
    facets = count_facets(products, ["attributes", "in_stock"], exact=True)
    assert [one.field for one in facets] == ["attributes.color", "attributes.size", "in_stock"]


@pytest.mark.parametrize("name", ["colour", "attributes.", "attributes.Not Good", "seller"])
def test_an_unknown_facet_is_refused_by_its_place(name: str) -> None:
    with pytest.raises(Invalid) as refused:
        check_fields(["brand", name])
    assert refused.value.errors[0]["pointer"] == "/facets/1"


def test_known_facets_pass() -> None:
    check_fields(["category", "brand", "price", "in_stock", "attributes", "attributes.color"])
