"""Findings of the validation become pointers into what was sent."""

from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict

from vitrine.errors import Invalid
from vitrine.wire import (
    ImageOut,
    ProductIn,
    ProductPatch,
    SearchBody,
    TimingMs,
    parse_product_id,
    read,
)


class NoQuery(BaseModel):
    model_config = ConfigDict(extra="forbid")


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


@pytest.mark.parametrize(
    ("model", "body", "said"),
    [
        (SearchBody, {"product_id": "no id"}, "must be `seller:sku`: the seller in lower-case"),
        (SearchBody, {"limit": "3"}, "must be a whole number"),
        (SearchBody, {"limit": 101}, "must be at most 100"),
        (ProductPatch, {"category": "Apparel/Tops"}, "must be a path of one to six segments"),
        (ProductPatch, {"attributes": {"Color": "red"}}, "must be named with 1 to 64 lower-case"),
        (ProductPatch, {"attributes": []}, "must be a JSON object"),
        (ProductPatch, {"title": "  "}, "must not be empty"),
        (ProductPatch, {"title": "x" * 301}, "must have at most 300 characters"),
        (ProductPatch, {"title": 3}, "must be a text"),
        (ProductPatch, {"availability": "sold"}, "must be 'in_stock', 'out_of_stock'"),
        (ProductPatch, {"attributes": {f"a{i}": i for i in range(51)}}, "at most 50 entries"),
        (NoQuery, {"dry_run": "1"}, "is not a known field; leave it out"),
    ],
)
def test_what_is_wrong_is_said_in_plain_words(model: Any, body: Any, said: str) -> None:
    with pytest.raises(Invalid) as caught:
        read(model, body)
    [error] = caught.value.errors
    assert said in error["detail"]
    for leak in ("String", "Input", "should", "valid dict", "^", "$", "known are ."):
        assert leak not in str(caught.value), str(caught.value)


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


def test_a_picture_that_failed_has_no_address() -> None:
    found = ImageOut.model_validate({"id": "c", "url": None, "position": 0, "state": "failed"})
    assert found.url is None


def test_milliseconds_have_two_decimals() -> None:
    assert TimingMs(decode=4.123456, total=22.987654).model_dump(include={"decode", "total"}) == {
        "decode": 4.12,
        "total": 22.99,
    }


@pytest.mark.parametrize("filter", [[], "price<10", 3, {"a": 1}, None])
def test_a_filter_of_any_shape_is_left_to_the_search(filter: Any) -> None:
    assert read(SearchBody, {"filter": filter}).filter == filter
