"""What a search sends."""

import json
from typing import Any

import pytest
from flask import request
from tests.unit.client.conftest import FOUND, PRODUCT, Shop

from vitrine.wire import Box, BoxOut, Rocchio, SearchQuery


def test_search_by_photo_and_by_product(shop: Shop, client: Any) -> None:
    got: list[Any] = []

    def search() -> Any:
        if request.is_json:
            got.append(request.get_json())
        else:
            got.append((request.files["image"].read(), json.loads(request.form["query"])))
        return FOUND

    shop.on("POST", "/v1/search", search)
    found = client.search(b"photo", filter={"in_stock": True}, limit=3)
    client.search(product_id="acme:mug-1")
    assert got[0] == (b"photo", {"filter": {"in_stock": True}, "limit": 3})
    assert got[1] == {"product_id": "acme:mug-1", "limit": 20}
    assert found.results[0].product.attributes == {"a": ["x"]}


@pytest.fixture
def asked(shop: Shop) -> list[Any]:
    """The queries that the shop was sent, and how many photos with each."""
    got: list[Any] = []

    def search() -> Any:
        if request.is_json:
            got.append(request.get_json())
        else:
            query = json.loads(request.form["query"])
            got.append({**query, "photos": len(request.files.getlist("image"))})
        return FOUND

    shop.on("POST", "/v1/search", search)
    return got


def test_everything_that_a_query_may_say(asked: list[Any], client: Any) -> None:
    client.search(
        images=[b"front", b"side"],
        text="red",
        crop={"x": 0, "y": 0, "width": 0.5, "height": 1},
        filter={"in_stock": True},
        limit=5,
        sort="newest",
        more_like=["acme:a"],
        less_like=("acme:b",),
        rocchio=Rocchio(less=0.5),
        fusion={"method": "weights"},
        diversity=0.3,
        min_score=0.1,
        exclude=["acme:c"],
        facets=["brand"],
        category="off",
        explain=True,
    )
    (query,) = asked
    assert query.pop("photos") == 2
    read = SearchQuery.model_validate(query)
    assert read.model_dump(exclude_unset=True) == {
        "text": "red",
        "crop": {"x": 0, "y": 0, "width": 0.5, "height": 1},
        "filter": {"in_stock": True},
        "limit": 5,
        "sort": "newest",
        "more_like": ["acme:a"],
        "less_like": ["acme:b"],
        "rocchio": {"query": 1, "more": 0.75, "less": 0.5},
        "fusion": {"method": "weights"},
        "diversity": 0.3,
        "min_score": 0.1,
        "exclude": ["acme:c"],
        "facets": ["brand"],
        "category": "off",
        "explain": True,
    }


def test_a_region_of_an_answer_is_a_crop_of_the_next_question(
    asked: list[Any], client: Any
) -> None:
    box = {"x": 0.1, "y": 0.2, "width": 0.3, "height": 0.4}
    client.search(upload_id="u" * 22, crop=BoxOut(**box))
    client.search(upload_id="u" * 22, boxes=[Box(**box), box])
    assert [asked[0]["crop"], *asked[1]["boxes"]] == [box] * 3


def test_what_is_not_said_is_not_sent(asked: list[Any], client: Any) -> None:
    client.search(text="mug")
    client.search(cursor="c", limit=7)
    assert asked == [{"text": "mug", "limit": 20}, {"cursor": "c", "limit": 7}]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"image": b"a", "images": [b"b"]}, "not both"),
        ({"images": []}, "empty"),
    ],
)
def test_photos_that_are_no_question(client: Any, wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        client.search(**wrong)


def test_iter_search_follows_the_cursor(shop: Shop, client: Any) -> None:
    asked: list[Any] = []
    pages = {None: ("a", "2"), "2": ("b", "3"), "3": ("c", None)}

    def search() -> Any:
        query = request.get_json()
        asked.append(query)
        sku, following = pages[query.get("cursor")]
        hit = {**FOUND["results"][0], "product": {**PRODUCT, "sku": sku}}
        return {**FOUND, "results": [hit], "next_cursor": following}

    shop.on("POST", "/v1/search", search)
    found = client.iter_search(text="mug", limit=3, facets=["brand"])
    assert [hit.product.sku for hit in found] == ["a", "b", "c"]
    assert asked[0] == {"text": "mug", "limit": 3, "facets": ["brand"]}
    assert asked[1:] == [{"cursor": "2", "limit": 3}, {"cursor": "3", "limit": 3}]


def test_iter_search_refuses_boxes(client: Any) -> None:
    with pytest.raises(ValueError, match="each box has results of its own"):
        client.iter_search(b"photo", boxes=[{"x": 0, "y": 0, "width": 1, "height": 1}])
