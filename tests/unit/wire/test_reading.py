"""Findings of the validation become pointers into what was sent."""

from typing import Any

import pytest

from vitrine.errors import Invalid
from vitrine.wire import ProductIn, SearchBody, parse_product_id, read


def pointers(model: Any, body: Any) -> list[str]:
    with pytest.raises(Invalid) as caught:
        read(model, body)
    return [error["pointer"] for error in caught.value.errors]


def test_names_are_escaped_as_rfc_6901_wants() -> None:
    body = {"title": "x", "category": "a", "price": 1, "attributes": {"a/b~c": 1}}
    assert pointers(ProductIn, body) == ["/attributes/a~1b~0c"]


def test_a_name_that_is_no_text_belongs_to_its_object() -> None:
    body = {"title": "x", "category": "a", "price": 1}
    assert pointers(ProductIn, {**body, "\ud800": 1}) == [""]
    assert pointers(ProductIn, {**body, "attributes": {"\ud800": 1}}) == ["/attributes"]


def test_a_union_gives_one_pointer_without_the_names_of_its_branches() -> None:
    assert pointers(SearchBody, {"product_id": "no id"}) == ["/product_id"]


@pytest.mark.parametrize("limit", [0, 101, "3", 3.5, True, None])
def test_limit(limit: Any) -> None:
    assert pointers(SearchBody, {"limit": limit}) == ["/limit"]


@pytest.mark.parametrize(
    "text", ["acme:mug-1", "0:._-", "a" * 63 + ":" + "B" * 128, "acme:..", "a-:x"]
)
def test_product_id(text: str) -> None:
    assert str(parse_product_id(text)) == text


@pytest.mark.parametrize(
    "text",
    [
        *("", "acme", ":x", "acme:", "Acme:x", "-a:x", "a:b:c", "a:x\n", "a:é", "a/b:c", "a:b/c"),
        *("a" * 64 + ":x", "a:" + "x" * 129, "a:\x00"),
    ],
)
def test_product_id_refused(text: str) -> None:
    with pytest.raises(Invalid, match="seller:sku"):
        parse_product_id(text)
