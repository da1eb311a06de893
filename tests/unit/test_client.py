"""The client against a real server on a real socket."""

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from flask import Flask, Response, request
from werkzeug.serving import make_server

from vitrine import client as client_module
from vitrine.client import ApiError, Picture, VitrineClient
from vitrine.errors import Unavailable, VitrineError
from vitrine.wire import ProductIn

NOW = "2026-01-02T03:04:05Z"
JOB: dict[str, Any] = {
    "id": "j1",
    "kind": "product.put",
    "state": "done",
    "product": "acme:mug-1",
    "counts": {"total": 1, "pending": 0, "searchable": 1, "failed": 0, "removed": 0},
    "images": [],
    "errors": [],
    "created_at": NOW,
    "finished_at": NOW,
}
PRODUCT: dict[str, Any] = {
    "id": "acme:mug-1",
    "seller": "acme",
    "sku": "mug-1",
    "title": "Mug",
    "description": "",
    "brand": "",
    "category": "home/mugs",
    "price": "12.50",
    "currency": "EUR",
    "availability": "in_stock",
    "in_stock": True,
    "attributes": {"a": ["x"]},
    "images": [],
    "version": 1,
    "created_at": NOW,
    "updated_at": NOW,
    "a_field_of_the_future": 1,
}
FOUND: dict[str, Any] = {
    "search_id": "s",
    "query": {"by": "image", "limit": 3},
    "results": [
        {"product": PRODUCT, "score": 0.5, "image": {"id": "c", "url": "/media/c"}, "token": "t"}
    ],
    "timing_ms": {"total": 3},
    "model": {"name": "m", "digest": "d", "trained": False},
}
MUG = ProductIn.model_validate({"title": "Mug", "category": "home/mugs", "price": 12.5})


class Shop:
    """A tiny server that remembers what it was sent."""

    def __init__(self) -> None:
        self.app = Flask("shop")
        self.seen: list[tuple[str, str]] = []
        self.answers: list[Response] = []

        @self.app.before_request
        def note() -> Response | None:
            self.seen.append((request.method, request.path))
            return self.answers.pop(0) if self.answers else None

    def problem(self, status: int, **more: Any) -> None:
        """Answer the next request with a problem."""
        body = {"type": "/problems/x-y", "title": "T", "status": status, "detail": "Do this."}
        self.answers.append(
            Response(
                json.dumps({**body, **more}),
                status,
                content_type="application/problem+json",
                headers={"Retry-After": "0"},
            )
        )

    def on(self, method: str, path: str, answer: Callable[..., Any]) -> None:
        self.app.add_url_rule(path, f"{method} {path}", answer, methods=[method])


@pytest.fixture
def shop() -> Shop:
    return Shop()


@pytest.fixture
def url(shop: Shop) -> Iterator[str]:
    server = make_server("127.0.0.1", 0, shop.app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()


@pytest.fixture
def client(url: str) -> Iterator[VitrineClient]:
    with VitrineClient(url, "vt_secret") as opened:
        yield opened


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "LONGEST_PAUSE_SECONDS", 0.01)


def test_put_sends_a_form_with_the_product_and_its_pictures(
    shop: Shop, client: VitrineClient, tmp_path: Path
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


def test_put_without_pictures_is_plain_json(shop: Shop, client: VitrineClient) -> None:
    got: list[Any] = []

    def put(id: str) -> tuple[Any, int]:
        got.append(request.get_json())
        return {"product": PRODUCT, "job": JOB}, 202

    shop.on("PUT", "/v1/products/<id>", put)
    client.put_product("acme:mug-1", MUG)
    assert got[0]["title"] == "Mug"
    with pytest.raises(ValueError, match="at least one picture"):
        client.put_product("acme:mug-1", MUG, [])


def test_patch_sends_only_what_is_named(shop: Shop, client: VitrineClient) -> None:
    got: list[Any] = []

    def patch(id: str) -> tuple[Any, int]:
        got.append(request.get_json())
        return {"product": PRODUCT, "job": JOB}, 202

    shop.on("PATCH", "/v1/products/<id>", patch)
    client.patch_product("acme:mug-1", price=9.9)
    assert got == [{"price": "9.90"}]


def test_search_by_photo_and_by_product(shop: Shop, client: VitrineClient) -> None:
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


def test_similar_sends_the_filter_as_json(shop: Shop, client: VitrineClient) -> None:
    got: list[Any] = []

    def similar(id: str) -> Any:
        got.append((id, dict(request.args)))
        return FOUND

    shop.on("GET", "/v1/products/<id>/similar", similar)
    client.similar("acme:mug-1", filter={"brand": ["a&b"]}, limit=5)
    assert got == [("acme:mug-1", {"filter": '{"brand": ["a&b"]}', "limit": "5"})]


def test_an_id_cannot_leave_its_place_in_the_address(shop: Shop, client: VitrineClient) -> None:
    with pytest.raises(ApiError):
        client.get_product("../jobs/x?y#z")
    assert shop.seen == [("GET", "/v1/products/../jobs/x?y#z")]


def test_iter_products_reads_every_page(shop: Shop, client: VitrineClient) -> None:
    pages = {"": ("a", "2"), "2": ("b", "3"), "3": ("c", None)}

    def page() -> Any:
        sku, following = pages[request.args.get("cursor", "")]
        return {"products": [{**PRODUCT, "sku": sku}], "next_cursor": following}

    shop.on("GET", "/v1/products", page)
    assert [product.sku for product in client.iter_products()] == ["a", "b", "c"]


def test_wait_polls_until_the_end(shop: Shop, client: VitrineClient) -> None:
    states = iter(["queued", "running", "done"])
    shop.on("GET", "/v1/jobs/<id>", lambda id: {**JOB, "state": next(states)})
    assert client.wait("j1").state == "done"


def test_wait_gives_up_with_the_last_state(shop: Shop, client: VitrineClient) -> None:
    shop.on("GET", "/v1/jobs/<id>", lambda id: {**JOB, "state": "running"})
    began = time.monotonic()
    with pytest.raises(TimeoutError, match=r"still running after 0\.2 s"):
        client.wait("j1", timeout=0.2)
    assert time.monotonic() - began < 2


def test_a_problem_becomes_an_error_that_says_what_it_says(
    shop: Shop, client: VitrineClient
) -> None:
    shop.problem(422, instance="r-1", errors=[{"pointer": "/a", "detail": "is wrong"}])
    with pytest.raises(ApiError, match=r"Do this\.") as caught:
        client.get_product("acme:mug-1")
    error = caught.value
    assert isinstance(error, VitrineError)
    assert (error.status, error.slug, error.request_id) == (422, "x-y", "r-1")
    assert error.errors == [{"pointer": "/a", "detail": "is wrong"}]


def test_an_answer_of_somebody_else_is_explained(shop: Shop, client: VitrineClient) -> None:
    shop.answers.append(Response("<h1>Bad gateway</h1>", 502))
    with pytest.raises(ApiError, match="502") as caught:
        client.get_product("acme:mug-1")
    assert caught.value.status == 502
    shop.answers.append(Response("hello", 200))
    with pytest.raises(ApiError, match="is this the address of a Vitrine api"):
        client.get_product("acme:mug-1")


def test_503_is_tried_again_where_that_does_no_harm(shop: Shop, client: VitrineClient) -> None:
    shop.on("GET", "/v1/products/<id>", lambda id: PRODUCT)
    shop.problem(503)
    shop.problem(503)
    assert client.get_product("acme:mug-1").sku == "mug-1"
    assert len(shop.seen) == 3


def test_503_for_ever_ends(shop: Shop, client: VitrineClient) -> None:
    for _ in range(10):
        shop.problem(503)
    with pytest.raises(ApiError) as caught:
        client.get_product("acme:mug-1")
    assert caught.value.status == 503
    assert len(shop.seen) == client_module.ATTEMPTS


def test_a_patch_is_not_sent_twice(shop: Shop, client: VitrineClient) -> None:
    shop.problem(503)
    with pytest.raises(ApiError):
        client.patch_product("acme:mug-1", title="x")
    assert len(shop.seen) == 1


def test_nobody_there() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{free.getsockname()[1]}"
    with (
        VitrineClient(address, "k") as client,
        pytest.raises(Unavailable, match=r"Is `vitrine up` running"),
    ):
        client.get_product("acme:mug-1")


@contextmanager
def breaking_server(times: int) -> Iterator[tuple[str, list[bytes]]]:
    """A server that hangs up `times` times in the middle of an exchange, then answers."""
    received: list[bytes] = []
    body = json.dumps(PRODUCT).encode()
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % len(body)
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        for turn in range(times + 1):
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                received.append(connection.recv(65536))
                if turn >= times:
                    connection.sendall(answer + body)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}", received
    listener.close()


def test_a_broken_connection_is_tried_again() -> None:
    with breaking_server(2) as (url, received), VitrineClient(url, "k") as client:
        assert client.get_product("acme:mug-1").sku == "mug-1"
        assert len(received) == 3


def test_a_broken_patch_is_not() -> None:
    with breaking_server(1) as (url, received), VitrineClient(url, "k") as client:
        with pytest.raises(Unavailable, match="broke off PATCH"):
            client.patch_product("acme:mug-1", title="x")
        assert len(received) == 1


def test_a_slow_answer_is_named(shop: Shop, url: str) -> None:
    def get(id: str) -> Any:
        time.sleep(0.5)
        return PRODUCT

    shop.on("GET", "/v1/products/<id>", get)
    with (
        VitrineClient(url, "k", timeout=0.1) as client,
        pytest.raises(Unavailable, match="in time"),
    ):
        client.get_product("acme:mug-1")
    assert len(shop.seen) == 1


def test_the_key_is_in_no_repr_and_goes_to_no_other_host(client: VitrineClient) -> None:
    assert "vt_secret" not in repr(client)
    with pytest.raises(ValueError, match="not a path"):
        client.media("https://elsewhere.example/x.jpg")


def test_ready_reads_the_answer_of_a_platform_that_is_not(
    shop: Shop, client: VitrineClient
) -> None:
    body = {"ready": False, "checks": {"redis": {"ok": False, "reason": "gone"}}}
    shop.answers.append(Response(json.dumps(body), 503, content_type="application/json"))
    found = client.ready()
    assert not found.ready
    assert found.checks["redis"].reason == "gone"


def test_threads_may_share_a_client(shop: Shop, client: VitrineClient) -> None:
    shop.on("GET", "/v1/products/<id>", lambda id: {**PRODUCT, "sku": id})
    wrong: list[str] = []

    def work(number: int) -> None:
        for turn in range(10):
            wanted = f"{number}-{turn}"
            if client.get_product(wanted).sku != wanted:
                wrong.append(wanted)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    assert len(shop.seen) == 80


def test_media(shop: Shop, client: VitrineClient) -> None:
    shop.on("GET", "/media/<cid>", lambda cid: f"{cid} {request.args.get('w')}".encode())
    assert client.media("/media/abc", width=320) == b"abc 320"
