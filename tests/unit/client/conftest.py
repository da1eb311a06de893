"""Both clients against a real server on a real socket, asked in the same way."""

import asyncio
import inspect
import json
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
from flask import Flask, Response, request
from werkzeug.serving import make_server

from vitrine.client import AsyncVitrineClient, VitrineClient, attempts

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


Opened = Callable[..., Any]


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

    def problem(self, status: int, *, retry_after: int = 0, **more: Any) -> None:
        """Answer the next request with a problem."""
        body = {"type": "/problems/x-y", "title": "T", "status": status, "detail": "Do this."}
        self.answers.append(
            Response(
                json.dumps({**body, **more}),
                status,
                content_type="application/problem+json",
                headers={"Retry-After": str(retry_after)},
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
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()


class Awaited:
    """An async client whose calls are awaited, and whose pages are read, where they are made."""

    def __init__(self, client: AsyncVitrineClient, runner: asyncio.Runner) -> None:
        self._client = client
        self._runner = runner

    def __repr__(self) -> str:
        return repr(self._client)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self._client, name)

        def run(*args: Any, **kwargs: Any) -> Any:
            begun = method(*args, **kwargs)
            if inspect.isawaitable(begun):
                return self._runner.run(begun)  # type: ignore[arg-type]
            return iter(self._runner.run(_all(begun)))

        return run


async def _all(items: AsyncIterator[Any]) -> list[Any]:
    return [item async for item in items]


@pytest.fixture(params=["blocking", "async"])
def opened(request: pytest.FixtureRequest) -> Iterator[Opened]:
    """Opens clients of either kind."""
    if request.param == "blocking":
        clients: list[VitrineClient] = []

        def open_blocking(*args: Any, **kwargs: Any) -> VitrineClient:
            clients.append(VitrineClient(*args, **kwargs))
            return clients[-1].__enter__()

        yield open_blocking
        for client in clients:
            client.__exit__(None, None, None)
        return
    with asyncio.Runner() as runner:
        others: list[AsyncVitrineClient] = []

        def open_async(*args: Any, **kwargs: Any) -> Awaited:
            others.append(AsyncVitrineClient(*args, **kwargs))
            return Awaited(runner.run(others[-1].__aenter__()), runner)

        yield open_async
        for other in others:
            runner.run(other.__aexit__(None, None, None))


@pytest.fixture
def client(url: str, opened: Opened) -> Any:
    return opened(url, "vt_secret")


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attempts, "LONGEST_PAUSE_SECONDS", 0.01)
