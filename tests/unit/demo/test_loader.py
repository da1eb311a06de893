"""The loader against a server that misbehaves on command; the real api is in tests/e2e."""

import json
import threading
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from vitrine.client import VitrineClient
from vitrine.demo import loader
from vitrine.demo.listing import Listing
from vitrine.demo.loader import Loader, Report
from vitrine.wire import ProductIn

NOW = "2026-01-01T00:00:00Z"


class Shop(ThreadingHTTPServer):
    """Accepts products; `busy` times it first answers 503, `refused` ids get 422."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.busy = 0
        self.refused: set[str] = set()
        self.broken: set[str] = set()
        self.stuck = False
        self.puts: Counter[str] = Counter()
        self.lock = threading.Lock()


class Handler(BaseHTTPRequestHandler):
    server: Shop

    def log_message(self, *_: Any) -> None: ...

    def do_PUT(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        product = self.path.rsplit("/", 1)[1]
        with self.server.lock:
            self.server.puts[product] += 1
            busy = self.server.busy > 0
            self.server.busy -= busy
        if busy:
            self.answer(503, {"title": "busy", "status": 503, "detail": "Try again."})
        elif product in self.server.refused:
            self.answer(422, {"title": "no", "status": 422, "detail": "The price is odd."})
        else:
            self.answer(202, {"product": _product(product), "job": self.job(product)})

    def do_GET(self) -> None:
        self.answer(200, self.job(self.path.rsplit("/", 1)[1]))

    def job(self, product: str) -> dict[str, Any]:
        bad = product in self.server.broken
        done = not self.server.stuck
        return {
            "id": product, "kind": "put", "state": "done" if done else "running",
            "product": product, "created_at": NOW,
            "counts": {"total": 2, "searchable": 1 if bad else 2, "failed": int(bad)},
            "errors": [{"image": "x", "reason": "The picture is cut short."}] if bad else [],
        }  # fmt: skip

    def answer(self, status: int, body: dict[str, Any]) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


def _product(product: str) -> dict[str, Any]:
    return {
        "id": product, "seller": "demo", "sku": "x", "title": "x", "description": "", "brand": "",
        "category": "x", "price": "1.00", "currency": "EUR", "availability": "in_stock",
        "in_stock": True, "attributes": {}, "images": [], "version": 1, "created_at": NOW,
        "updated_at": NOW,
    }  # fmt: skip


class Count:
    def __init__(self) -> None:
        self.uploads = self.found = 0

    def uploaded(self) -> None:
        self.uploads += 1

    def searchable(self) -> None:
        self.found += 1


@pytest.fixture
def shop() -> Iterator[Shop]:
    server = Shop()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def listings(tmp_path: Path) -> list[Listing]:
    photo = tmp_path / "photo.jpg"
    photo.write_bytes(b"a picture")
    product = ProductIn.model_validate({"title": "x", "category": "x", "price": "1"})
    return [Listing(f"demo:p{k}", product, (photo, photo)) for k in range(9)]


def load(shop: Shop, listings: list[Listing], watcher: loader.Watcher | None = None) -> Report:
    with VitrineClient(f"http://127.0.0.1:{shop.server_port}", "key") as client:
        return Loader(client, watcher or Count()).load(listings)


def test_all_products_are_listed_and_followed(shop: Shop, listings: list[Listing]) -> None:
    count = Count()
    report = load(shop, listings, count)
    assert (report.listed, report.searchable, report.photos) == (9, 9, 18)
    assert (count.uploads, count.found) == (9, 9)
    assert not report.failures and not report.stopped and not report.stalled


def test_a_busy_shop_is_asked_again(shop: Shop, listings: list[Listing]) -> None:
    shop.busy = 7
    report = load(shop, listings)
    assert report.searchable == 9 and not report.failures
    assert sum(shop.puts.values()) == 16


def test_what_is_refused_is_told_and_the_rest_goes_on(shop: Shop, listings: list[Listing]) -> None:
    shop.refused, shop.broken = {"demo:p3"}, {"demo:p5"}
    report = load(shop, listings)
    assert sorted(report.failures) == [
        ("demo:p3", "The price is odd."),
        ("demo:p5", "The picture is cut short."),
    ]
    assert report.searchable == 7
    # A refusal is not asked again.
    assert shop.puts["demo:p3"] == 1


def test_a_missing_photo_is_a_failure_of_its_product(shop: Shop, listings: list[Listing]) -> None:
    gone = Listing("demo:gone", listings[0].product, (Path("/nowhere.jpg"),))
    report = load(shop, [*listings, gone])
    assert report.searchable == 9
    assert [name for name, _ in report.failures] == ["demo:gone"]


def test_a_platform_without_a_worker_is_not_waited_for_for_ever(
    shop: Shop, listings: list[Listing], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loader, "PATIENCE_SECONDS", 0.5)
    shop.stuck = True
    report = load(shop, listings)
    assert report.stalled and report.listed == 9 and report.searchable == 0


def test_interrupted_it_stops_in_order(shop: Shop, listings: list[Listing]) -> None:
    class Interrupt(Count):
        def searchable(self) -> None:
            raise KeyboardInterrupt

    report = load(shop, listings, Interrupt())
    assert report.stopped
    assert not [t for t in threading.enumerate() if t.name.startswith("upload")]
