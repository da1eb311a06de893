"""What each call sends, and what it makes of the answer."""

import json
import time
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from flask import Response, request
from tests.unit.client.conftest import FOUND, JOB, NOW, PRODUCT, Shop

from vitrine.client import ApiError, Picture
from vitrine.wire import ProductIn

MUG = ProductIn.model_validate({"title": "Mug", "category": "home/mugs", "price": 12.5})


def test_put_sends_a_form_with_the_product_and_its_pictures(
    shop: Shop, client: Any, tmp_path: Path
) -> None:
    got: dict[str, Any] = {}

    def put(id: str) -> tuple[Any, int]:
        got["id"] = id
        got["key"] = request.headers["Authorization"]
        got["product"] = json.loads(request.form["product"])
        got["images"] = [file.read() for file in request.files.getlist("images")]
        return {"product": PRODUCT, "job": JOB}, 202

    shop.on("PUT", "/v1/products/<id>", put)
    (tmp_path / "b.jpg").write_bytes(b"from a file")
    pictures: list[Picture] = [b"from bytes", tmp_path / "b.jpg", str(tmp_path / "b.jpg")]
    accepted = client.put_product("acme:mug-1", MUG, pictures)
    assert got["id"] == "acme:mug-1"
    assert got["key"] == "Bearer vt_secret"
    assert got["product"]["price"] == "12.50"
    assert got["images"] == [b"from bytes", b"from a file", b"from a file"]
    assert (accepted.job.finished, str(accepted.product.price)) == (True, "12.50")


def test_put_without_pictures_is_plain_json(shop: Shop, client: Any) -> None:
    got: list[Any] = []

    def put(id: str) -> tuple[Any, int]:
        got.append(request.get_json())
        return {"product": PRODUCT, "job": JOB}, 202

    shop.on("PUT", "/v1/products/<id>", put)
    client.put_product("acme:mug-1", MUG)
    assert got[0]["title"] == "Mug"
    with pytest.raises(ValueError, match="at least one picture"):
        client.put_product("acme:mug-1", MUG, [])


def test_patch_sends_only_what_is_named(shop: Shop, client: Any) -> None:
    got: list[Any] = []

    def patch(id: str) -> tuple[Any, int]:
        got.append(request.get_json())
        return {"product": PRODUCT, "job": JOB}, 202

    shop.on("PATCH", "/v1/products/<id>", patch)
    client.patch_product("acme:mug-1", price=9.9)
    assert got == [{"price": "9.90"}]


def test_similar_sends_the_filter_as_json(shop: Shop, client: Any) -> None:
    got: list[Any] = []

    def similar(id: str) -> Any:
        got.append((id, dict(request.args)))
        return FOUND

    shop.on("GET", "/v1/products/<id>/similar", similar)
    client.similar("acme:mug-1", filter={"brand": ["a&b"]}, limit=5)
    assert got == [("acme:mug-1", {"filter": '{"brand": ["a&b"]}', "limit": "5"})]


def test_an_id_cannot_leave_its_place_in_the_address(shop: Shop, client: Any) -> None:
    with pytest.raises(ApiError):
        client.get_product("../jobs/x?y#z")
    assert shop.seen == [("GET", "/v1/products/../jobs/x?y#z")]


def test_iter_products_reads_every_page(shop: Shop, client: Any) -> None:
    pages = {"": ("a", "2"), "2": ("b", "3"), "3": ("c", None)}

    def page() -> Any:
        sku, following = pages[request.args.get("cursor", "")]
        return {"products": [{**PRODUCT, "sku": sku}], "next_cursor": following}

    shop.on("GET", "/v1/products", page)
    assert [product.sku for product in client.iter_products()] == ["a", "b", "c"]


def test_wait_polls_until_the_end(shop: Shop, client: Any) -> None:
    states = iter(["queued", "running", "done"])
    shop.on("GET", "/v1/jobs/<id>", lambda id: {**JOB, "state": next(states)})
    assert client.wait("j1").state == "done"


def test_wait_gives_up_with_the_last_state(shop: Shop, client: Any) -> None:
    shop.on("GET", "/v1/jobs/<id>", lambda id: {**JOB, "state": "running"})
    began = time.monotonic()
    with pytest.raises(TimeoutError, match=r"still running after 0\.2 s"):
        client.wait("j1", timeout=0.2)
    assert time.monotonic() - began < 2


def test_the_key_is_in_no_repr_and_goes_to_no_other_host(client: Any) -> None:
    assert "vt_secret" not in repr(client)
    for elsewhere in ("https://elsewhere.example/x.jpg", "//elsewhere.example/x.jpg", "x.jpg"):
        with pytest.raises(ValueError, match="not a path"):
            client.media(elsewhere)


def test_ready_reads_the_answer_of_a_platform_that_is_not(shop: Shop, client: Any) -> None:
    body = {"ready": False, "checks": {"redis": {"ok": False, "reason": "gone"}}}
    shop.answers.append(Response(json.dumps(body), 503, content_type="application/json"))
    found = client.ready()
    assert not found.ready
    assert found.checks["redis"].reason == "gone"


def test_media(shop: Shop, client: Any) -> None:
    shop.on("GET", "/media/<cid>", lambda cid: f"{cid} {request.args.get('w')}".encode())
    assert client.media("/media/abc", width=320) == b"abc 320"


def test_an_upload_sends_the_photo_and_can_be_taken_back(shop: Shop, client: Any) -> None:
    got: list[Any] = []
    kept = {
        "upload_id": "u" * 22,
        "expires_at": NOW,
        "width": 30,
        "height": 20,
        "regions": [{"box": {"x": 0, "y": 0.5, "width": 1, "height": 0.5}, "score": 0.7}],
        "model": FOUND["model"],
    }

    def create() -> tuple[Any, int]:
        got.append((list(request.form), request.files["image"].read()))
        return kept, 201

    def delete(id: str) -> tuple[str, int]:
        got.append(id)
        return "", 204

    shop.on("POST", "/v1/uploads", create)
    shop.on("DELETE", "/v1/uploads/<id>", delete)
    photo = client.upload(b"photo")
    assert (photo.upload_id, photo.regions[0].box.y) == ("u" * 22, 0.5)
    assert client.delete_upload(photo.upload_id) is None
    assert got == [([], b"photo"), "u" * 22]


def test_an_explanation_and_its_picture(shop: Shop, client: Any) -> None:
    box = {"x": 0, "y": 0, "width": 1, "height": 1}
    heat = {"box": box, "rows": [[0.5, 0.25]]}
    place = "/v1/search/<search>/explanations/<product>"

    def explain(search: str, product: str) -> Any:
        return {
            "search_id": search,
            "product_id": product,
            "image": {"id": "c", "url": "/media/c"},
            "cosine": 0.75,
            "query": heat,
            "product": heat,
            "pairs": [{"query": box, "product": box, "share": 0.5, "words": "left and left"}],
            "picture": f"/v1/search/{search}/explanations/{product}/picture",
            "model": FOUND["model"],
        }

    shop.on("GET", place, explain)
    shop.on("GET", f"{place}/picture", lambda search, product: f"{search} {product}".encode())
    told = client.explanation("s" * 22, "acme:mug-1")
    assert (told.product_id, told.query.rows, told.pairs[0].share) == (
        "acme:mug-1",
        [[0.5, 0.25]],
        0.5,
    )
    assert client.explanation_picture("s" * 22, "acme:mug-1") == b"s" * 22 + b" acme:mug-1"


def test_suggestions_for_what_is_typed(shop: Shop, client: Any) -> None:
    got: list[Any] = []

    def suggest() -> Any:
        got.append(dict(request.args))
        line = {"kind": "product", "text": "Blue mug", "product": "a:b", "highlight": [[0, 2]]}
        return {"query": request.args["q"], "suggestions": [line]}

    shop.on("GET", "/v1/suggest", suggest)
    (line,) = client.suggest("bl&u=", limit=3).suggestions
    client.suggest("x")
    assert (line.product, line.highlight) == ("a:b", [(0, 2)])
    assert got == [{"q": "bl&u=", "limit": "3"}, {"q": "x"}]


def test_searches_that_found_nothing(shop: Shop, client: Any) -> None:
    got: list[Any] = []

    def empty() -> Any:
        got.append(dict(request.args))
        if request.args.get("format") == "csv":
            return "text\r\nmug\r\n"
        one = {"kind": "text", "text": "mug", "filter": None, "searches": 3, "last_at": NOW}
        following = None if "cursor" in request.args else "3:a"
        return {"since": "2026-01-01", "searches": [one], "next_cursor": following}

    shop.on("GET", "/v1/searches/empty", empty)
    assert client.empty_searches(limit=5).searches[0].searches == 3
    assert [one.text for one in client.iter_empty_searches(page_size=1)] == ["mug", "mug"]
    assert client.empty_searches_csv(since=date(2026, 1, 2)) == b"text\r\nmug\r\n"
    assert got == [
        {"limit": "5"},
        {"limit": "1"},
        {"since": "2026-01-01", "limit": "1", "cursor": "3:a"},
        {"since": "2026-01-02", "limit": "10000", "format": "csv"},
    ]
