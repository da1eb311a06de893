"""What is sent again, what is given up, and what is said then."""

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
from flask import Response
from tests.unit.client.conftest import JOB, PRODUCT, Opened, Shop

from vitrine.client import ApiError, attempts
from vitrine.client.products import get_product
from vitrine.client.request import ATTEMPTS
from vitrine.errors import Unavailable, VitrineError


def test_a_problem_becomes_an_error_that_says_what_it_says(shop: Shop, client: Any) -> None:
    shop.problem(422, instance="r-1", errors=[{"pointer": "/a", "detail": "is wrong"}])
    with pytest.raises(ApiError, match=r"Do this\.") as caught:
        client.get_product("acme:mug-1")
    error = caught.value
    assert isinstance(error, VitrineError)
    assert (error.status, error.slug, error.request_id) == (422, "x-y", "r-1")
    assert error.errors == [{"pointer": "/a", "detail": "is wrong"}]


def test_an_answer_of_somebody_else_is_explained(shop: Shop, client: Any) -> None:
    shop.answers.append(Response("<h1>Bad gateway</h1>", 502))
    with pytest.raises(ApiError, match="502") as caught:
        client.get_product("acme:mug-1")
    assert caught.value.status == 502
    shop.answers.append(Response("hello", 200))
    with pytest.raises(ApiError, match="is this the address of a Vitrine api"):
        client.get_product("acme:mug-1")


def test_503_is_tried_again_where_that_does_no_harm(shop: Shop, client: Any) -> None:
    shop.on("GET", "/v1/products/<id>", lambda id: PRODUCT)
    shop.problem(503)
    shop.problem(503)
    assert client.get_product("acme:mug-1").sku == "mug-1"
    assert len(shop.seen) == 3


def test_503_for_ever_ends(shop: Shop, client: Any) -> None:
    for _ in range(10):
        shop.problem(503)
    with pytest.raises(ApiError) as caught:
        client.get_product("acme:mug-1")
    assert caught.value.status == 503
    assert len(shop.seen) == ATTEMPTS


def test_a_patch_is_not_sent_twice(shop: Shop, client: Any) -> None:
    shop.problem(503)
    with pytest.raises(ApiError):
        client.patch_product("acme:mug-1", title="x")
    assert len(shop.seen) == 1


def test_429_is_tried_again_whatever_was_sent(shop: Shop, client: Any) -> None:
    shop.on("PATCH", "/v1/products/<id>", lambda id: ({"product": PRODUCT, "job": JOB}, 202))
    shop.problem(429)
    assert client.patch_product("acme:mug-1", title="x").product.sku == "mug-1"
    assert len(shop.seen) == 2


def test_429_for_long_is_said_at_once(shop: Shop, client: Any) -> None:
    shop.problem(429, retry_after=40)
    with pytest.raises(ApiError) as caught:
        client.get_product("acme:mug-1")
    assert (caught.value.status, caught.value.retry_after_seconds) == (429, 40)
    assert len(shop.seen) == 1


def test_the_pause_is_the_one_that_the_server_asks_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attempts, "LONGEST_PAUSE_SECONDS", 10.0)

    def pauses(*answers: tuple[int, str]) -> list[Any]:
        made = attempts.Attempts(get_product("acme:mug-1"), "http://x")
        return [
            made.judge(httpx.Response(status, headers={"Retry-After": said}))
            for status, said in answers
        ]

    assert pauses((503, "3"), (429, "4"), (503, "40")) == [3.0, 4.0, 10.0]
    assert pauses((503, ""), (503, "soon"), (503, "-1")) == pytest.approx([0.1, 0.3, 0.9])


def test_nobody_there(opened: Opened) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{free.getsockname()[1]}"
    with pytest.raises(Unavailable, match=r"Is `vitrine up` running"):
        opened(address, "k").get_product("acme:mug-1")


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


def test_a_broken_connection_is_tried_again(opened: Opened) -> None:
    with breaking_server(2) as (url, received):
        assert opened(url, "k").get_product("acme:mug-1").sku == "mug-1"
        assert len(received) == 3


def test_a_broken_patch_is_not(opened: Opened) -> None:
    with breaking_server(1) as (url, received):
        with pytest.raises(Unavailable, match="broke off PATCH"):
            opened(url, "k").patch_product("acme:mug-1", title="x")
        assert len(received) == 1


def test_a_slow_answer_is_named(shop: Shop, url: str, opened: Opened) -> None:
    def get(id: str) -> Any:
        time.sleep(0.5)
        return PRODUCT

    shop.on("GET", "/v1/products/<id>", get)
    with pytest.raises(Unavailable, match="in time"):
        opened(url, "k", timeout=0.1).get_product("acme:mug-1")
    assert len(shop.seen) == 1
