"""What a filter may say, what is refused, and what is rendered."""

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.dialects import postgresql

from vitrine.errors import FilterInvalid
from vitrine.index.expressions import NOTHING
from vitrine.retrieval.filters import EVERYTHING, parse, to_milvus, to_sql
from vitrine.retrieval.filters.tree import AllOf, AttributeIn, Brand, Category, PriceIn, PriceRange


def wrong(document: Any) -> list[str]:
    with pytest.raises(FilterInvalid) as caught:
        parse(document)
    assert all(error["detail"].endswith(".") for error in caught.value.errors)
    return [error["pointer"] for error in caught.value.errors]


def test_the_example_of_the_documentation() -> None:
    tree = parse(
        {
            "category": "apparel/tops",
            "price": {"gte": 10, "lt": 50},
            "brand": ["a", "b"],
            "in_stock": True,
            "seller": ["x"],
            "attributes.color": "red",
            "any": [{"brand": "a"}, {"price": "12.50"}],
            "not": {"category": "apparel/tops/vests"},
        }
    )
    expression, exact = to_milvus(tree)
    assert not exact
    assert expression == (
        '((category == "apparel/tops") or'
        ' ((category >= "apparel/tops/") and (category < "apparel/tops0")))'
        " and ((price >= 10.0) and (price < 50.0))"
        ' and (brand in ["a", "b"])'
        " and (in_stock == true)"
        ' and (seller_id == "x")'
        ' and ((brand == "a") or (price == 12.5))'
        ' and (not ((category == "apparel/tops/vests") or'
        ' ((category >= "apparel/tops/vests/") and (category < "apparel/tops/vests0"))))'
    )


@pytest.mark.parametrize("document", [None, {}])
def test_nothing_asked_is_everything(document: Any) -> None:
    assert parse(document) == EVERYTHING
    assert to_milvus(parse(document)) == ("", True)


RED = {"attributes.color": "red"}
ACME = {"brand": "acme"}


@pytest.mark.parametrize(
    ("document", "expression", "exact"),
    [
        (RED, "", False),
        ({"not": RED}, "", False),
        (RED | ACME, 'brand == "acme"', False),
        ({"not": RED | ACME}, "", False),
        ({"any": [RED, ACME]}, "", False),
        ({"not": {"any": [RED, ACME]}}, 'not (brand == "acme")', False),
        ({"not": {"not": RED | ACME}}, 'brand == "acme"', False),
        ({"any": [RED, {}]}, "", True),
        ({"not": {"any": [RED, {}]}}, NOTHING, True),
        ({"not": {}}, NOTHING, True),
        ({"any": [ACME]}, 'brand == "acme"', True),
        ({"price": "1.005"}, NOTHING, True),
        ({"not": {"price": "1.005"}}, f"not ({NOTHING})", True),
        ({"seller": "x", "not": ACME}, '(seller_id == "x") and (not (brand == "acme"))', True),
    ],
)
def test_attributes_are_left_out_on_the_safe_side(
    document: Any, expression: str, exact: bool
) -> None:
    assert to_milvus(parse(document)) == (expression, exact)


@pytest.mark.parametrize(
    ("document", "pointers"),
    [
        ([], ["/filter"]),
        ("brand", ["/filter"]),
        ({"colour": "red"}, ["/filter/colour"]),
        ({"a/b~c": 1}, ["/filter/a~1b~0c"]),
        ({"brand": 1, "in_stock": "yes"}, ["/filter/brand", "/filter/in_stock"]),
        ({"brand": []}, ["/filter/brand"]),
        ({"brand": ["a", None]}, ["/filter/brand/1"]),
        ({"brand": {"gte": 1}}, ["/filter/brand"]),
        ({"brand": "a\x00"}, ["/filter/brand"]),
        ({"brand": "\ud800"}, ["/filter/brand"]),
        ({"brand": "x" * 513}, ["/filter/brand"]),
        ({"brand": ["x"] * 101}, ["/filter/brand"]),
        ({"category": "/"}, ["/filter/category"]),
        ({"category": "Apparel/Tops"}, ["/filter/category"]),
        ({"category": ["apparel", "a//b"]}, ["/filter/category/1"]),
        ({"category": "1/2/3/4/5/6/7"}, ["/filter/category"]),
        ({"category": "a_b"}, ["/filter/category"]),
        ({"seller": "Demo"}, ["/filter/seller"]),
        ({"seller": ["demo", ""]}, ["/filter/seller/1"]),
        ({"attributes.Color": "red"}, ["/filter/attributes.Color"]),
        ({"attributes.a.b": "red"}, ["/filter/attributes.a.b"]),
        ({f"attributes.{'x' * 65}": "red"}, [f"/filter/attributes.{'x' * 65}"]),
        ({"in_stock": 1}, ["/filter/in_stock"]),
        ({"price": True}, ["/filter/price"]),
        ({"price": {}}, ["/filter/price"]),
        ({"price": {"min": 1}}, ["/filter/price/min"]),
        ({"price": {"gte": "ten"}}, ["/filter/price/gte"]),
        ({"price": {"gte": float("nan")}}, ["/filter/price/gte"]),
        ({"price": {"lt": float("inf")}}, ["/filter/price/lt"]),
        ({"price": {"lt": 10**5000}}, ["/filter/price/lt"]),
        ({"price": {"lt": "1" * 16}}, ["/filter/price/lt"]),
        ({"price": "NaN"}, ["/filter/price"]),
        ({"price": "１２"}, ["/filter/price"]),
        ({"price": "1e3"}, ["/filter/price"]),
        ({"attributes.": "x"}, ["/filter/attributes."]),
        ({"attributes.color": None}, ["/filter/attributes.color"]),
        ({"attributes.size": {"gte": True}}, ["/filter/attributes.size/gte"]),
        ({"any": {}}, ["/filter/any"]),
        ({"any": []}, ["/filter/any"]),
        ({"any": [{"brand": "a"}, {"brnd": "a"}]}, ["/filter/any/1/brnd"]),
        ({"not": [{"brand": "a"}]}, ["/filter/not"]),
        ({"not": {"any": [{"x": 1}]}}, ["/filter/not/any/0/x"]),
    ],
)
def test_mistakes_are_named(document: Any, pointers: list[str]) -> None:
    assert wrong(document) == pointers


def test_an_unknown_field_is_told_which_there_are() -> None:
    with pytest.raises(
        FilterInvalid, match=r"no field colour\..*brand.*attributes.<name>.*any and not"
    ):
        parse({"colour": "red"})


def test_the_pointer_starts_where_the_filter_stands() -> None:
    with pytest.raises(FilterInvalid) as caught:
        parse({"x": 1}, pointer="")
    assert caught.value.errors[0]["pointer"] == "/x"


def test_depth_is_bounded() -> None:
    document: Any = {"brand": "a"}
    for _ in range(4):
        document = {"not": document}
    parse(document)
    assert wrong({"not": document}) == ["/filter" + "/not" * 5]


def test_the_number_of_conditions_is_bounded() -> None:
    parse({"any": [{"brand": "a"}] * 49})
    assert wrong({"any": [{"brand": "a"}] * 60}) == ["/filter/any/49"]
    assert wrong({f"attributes.{number}": 1 for number in range(101)}) == ["/filter"]


def test_the_number_of_values_is_bounded_over_the_whole_filter() -> None:
    half = {"category": [f"a{at}" for at in range(100)]}
    parse({"any": [half, {"not": half}]})
    many = {"any": [half, {"not": half}, {"price": {"lt": 5}}, half]}
    with pytest.raises(FilterInvalid, match="at most 200 values") as caught:
        parse(many)
    assert [error["pointer"] for error in caught.value.errors] == ["/filter/any/2/price"]


def test_values_are_read_as_they_were_written() -> None:
    assert parse({"price": [10.1, "10.10", 3]}) == PriceIn((Decimal("10.1"), Decimal(3)))
    assert parse({"category": "/apparel/tops/"}) == Category(("apparel/tops",))
    assert parse({"brand": ["a", "b", "a"]}) == Brand(("a", "b"))
    assert parse({"attributes.x": [1, True, "1"]}) == AttributeIn("x", (1, True, "1"))
    assert parse({"attributes.a_b": 1}) == AttributeIn("a_b", (1,))
    both = parse({"brand": "a", "seller": "b"})
    assert isinstance(both, AllOf)
    assert len(both.parts) == 2


@given(st.decimals(-5, 5, places=4), st.decimals(-4, 4, places=2))
def test_bounds_between_two_cents_decide_alike(bound: Decimal, price: Decimal) -> None:
    """Moving a bound onto the grid changes the answer for no price."""
    tests = {
        "gt": price > bound,
        "gte": price >= bound,
        "lt": price < bound,
        "lte": price <= bound,
    }
    for key, expected in tests.items():
        tree = parse({"price": {key: str(bound)}})
        assert isinstance(tree, PriceRange)
        [(_, moved)] = tree.bounds
        assert moved == moved.quantize(Decimal("0.01"))
        found = {
            "gt": price > moved,
            "gte": price >= moved,
            "lt": price < moved,
            "lte": price <= moved,
        }
        assert found[key] == expected


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["category", "brand", "seller", "price", "in_stock", "any", "not", "gte", "lt"]
            )
            | st.just("attributes.x")
            | st.text(max_size=3),
            inner,
            max_size=3,
        )
    ),
    max_leaves=12,
)


@given(json_values)
def test_any_json_is_understood_or_refused(document: Any) -> None:
    try:
        tree = parse(document)
    except FilterInvalid as error:
        assert error.errors
        assert all(one["pointer"].startswith("/filter") for one in error.errors)
        return
    expression, _ = to_milvus(tree)
    expression.encode()
    str(to_sql(tree).compile(dialect=postgresql.dialect()))
    json.dumps(document)  # nothing was changed in place into something else
