"""What a seller may send."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vitrine.errors import Invalid
from vitrine.wire import ProductIn, ProductPatch, read

GOOD: dict[str, Any] = {"title": "Mug", "category": "home/mugs", "price": "12.50"}


def listing(**changes: Any) -> ProductIn:
    return read(ProductIn, {**GOOD, **changes})


def refusal(**changes: Any) -> tuple[str, str]:
    """Pointer and sentence of the first wrong field."""
    with pytest.raises(Invalid) as caught:
        listing(**changes)
    error = caught.value.errors[0]
    return error["pointer"], error["detail"]


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("12.50", "12.50"),
        ("12.5", "12.50"),
        ("012", "12.00"),
        (12.1, "12.10"),
        (12, "12.00"),
        (0, "0.00"),
        (-0.0, "0.00"),
        ("1.500", "1.50"),
        ("9999999999.99", "9999999999.99"),
    ],
)
def test_price_is_exact(sent: Any, kept: str) -> None:
    product = listing(price=sent)
    assert product.price == Decimal(kept)
    assert f'"price":"{kept}"' in product.model_dump_json()


@given(st.decimals(min_value=0, max_value=Decimal("9999999999.99"), places=2))
def test_price_survives_the_way_there_and_back(price: Decimal) -> None:
    product = listing(price=price)
    assert product.price == price
    assert ProductIn.model_validate_json(product.model_dump_json()) == product


@given(st.integers(0, 10**7))
def test_a_float_means_the_decimal_its_sender_wrote(cents: int) -> None:
    assert listing(price=cents / 100).price == Decimal(cents) / 100


@pytest.mark.parametrize(
    "price",
    [
        *(True, None, [], "", ".", "1.", "-1", -1, "+1", "1e3", " 1", "1_0", "١٢", "12.345", "1\n"),
        *(0.1 + 0.2, float("nan"), float("inf"), 1e300, 10**10, 10**4000, "9" * 5000),
    ],
)
def test_price_refused(price: Any) -> None:
    assert refusal(price=price)[0] == "/price"


@pytest.mark.parametrize(
    "category", ["", "A", "a/", "/a", "a//b", "a b", "a\n", "a/b/c/d/e/f/g", "a" * 513, "ä", None]
)
def test_category_refused(category: Any) -> None:
    assert refusal(category=category)[0] == "/category"


@pytest.mark.parametrize("category", ["a", "apparel/tops/t-shirts", "1/2/3/4/5/6"])
def test_category_kept(category: str) -> None:
    assert listing(category=category).category == category


@pytest.mark.parametrize("field", ["title", "description", "brand"])
@pytest.mark.parametrize("text", ["a\x00b", "\ud800", 3, None])
def test_text_that_postgres_cannot_keep_is_refused(field: str, text: Any) -> None:
    assert refusal(**{field: text})[0] == f"/{field}"


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("title", "   "),
        ("title", "x" * 301),
        ("description", "x" * 10_001),
        ("brand", "é" * 129),
    ],
)
def test_text_bounds(field: str, text: str) -> None:
    assert refusal(**{field: text})[0] == f"/{field}"


def test_title_and_brand_lose_the_space_around_them() -> None:
    product = listing(title="  Mug ", brand=" Tern\n")
    assert (product.title, product.brand) == ("Mug", "Tern")


@pytest.mark.parametrize(
    "value", ["red", "", 3, 3.5, True, False, -7, ["a", "b"], [], "x" * 500, 2**53 - 1]
)
def test_attribute_kept_as_it_is(value: Any) -> None:
    kept = listing(attributes={"a": value}).attributes["a"]
    assert (kept, type(kept)) == (value, type(value))


@pytest.mark.parametrize(
    "value",
    [
        *(None, {}, {"a": 1}, [1], ["a", None], [["a"]], "\x00", ["\x00"], "\ud800", "x" * 501),
        *(float("nan"), float("inf"), 2**53, ["x"] * 51, ["x" * 501]),
    ],
)
def test_attribute_refused(value: Any) -> None:
    assert refusal(attributes={"a": value})[0] == "/attributes/a"


@pytest.mark.parametrize("name", ["", "A", "a b", "a.b", "a/b", "ä", "a\x00", "x" * 65])
def test_attribute_name_refused(name: str) -> None:
    assert refusal(attributes={name: 1})[0].startswith("/attributes/")


def test_too_many_attributes() -> None:
    assert refusal(attributes={f"a{i}": i for i in range(51)})[0] == "/attributes"


def test_unknown_field_is_named_with_those_that_exist() -> None:
    pointer, detail = refusal(colour="red")
    assert pointer == "/colour"
    assert "attributes" in detail


@pytest.mark.parametrize("urls", [["https://example.com/a.jpg"], [], None])
def test_image_urls_are_refused_clearly(urls: Any) -> None:
    pointer, detail = refusal(image_urls=urls)
    assert pointer == "/image_urls"
    assert "not supported yet; send the files" in detail


def test_every_wrong_field_is_named() -> None:
    with pytest.raises(Invalid) as caught:
        read(ProductIn, {"title": "", "price": -1, "category": "A", "x": 1})
    pointers = {error["pointer"] for error in caught.value.errors}
    assert pointers == {"/title", "/price", "/category", "/x"}


@pytest.mark.parametrize("body", [None, [], "x", 3])
def test_a_body_that_is_no_object(body: Any) -> None:
    with pytest.raises(Invalid, match="JSON object"):
        read(ProductIn, body)


def test_patch_holds_only_what_was_given() -> None:
    patch = read(ProductPatch, {"price": 9.9, "attributes": {}})
    assert patch.changes() == {"price": Decimal("9.90"), "attributes": {}}
    assert patch.model_dump_json(exclude_unset=True) == '{"price":"9.90","attributes":{}}'


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, ""),
        ({"title": None}, "/title"),
        ({"price": None}, "/price"),
        ({"sku": "x"}, "/sku"),
        ({"image_urls": []}, "/image_urls"),
    ],
)
def test_patch_refused(body: dict[str, Any], pointer: str) -> None:
    with pytest.raises(Invalid) as caught:
        read(ProductPatch, body)
    assert caught.value.errors[0]["pointer"] == pointer
