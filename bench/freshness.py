"""How soon does an event count? From the POST to the recommendation that heeds it.

    .venv/bin/python bench/freshness.py
    .venv/bin/python bench/freshness.py --products 1000 --events 1000 --probes 100

On the embedded stack, with a real api and a real worker. A shopper with a long history is shown
recommendations and hides one of them (`hide_item`); from the moment that the event is sent

- `recommendation`: until an answer without that product has come, asked for again and again;
- `profile`: until `GET /v1/users/{user}/profile` names it as hidden;
- `stored`: until a worker has stored the profile, so that nobody has to make it on the spot.

All of that while the worker is idle, and while it embeds and indexes listings that come in all the
time. Ratios are to one plain request for recommendations, on the same machine at the same time.
"""

import argparse
import io
import json
import os
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from _standing import Shop, open_shop, serving
from _synthetic import SEED, public_id
from _turns import percentile
from PIL import Image
from sqlalchemy import text

from vitrine import logs
from vitrine.cli.progress import counting
from vitrine.demo.products import product
from vitrine.embedded.child import Child, Command
from vitrine.embedded.datadir import DataDir
from vitrine.embedded.programs import (
    NICE,
    STOPS,
    as_environment,
    running_settings,
    vitrine_command,
)
from vitrine.embedded.services import ServiceUrls
from vitrine.embedding.cores import usable_cores
from vitrine.settings import KEYS_FILE, load_settings

BATCH = 500
PATIENCE_SECONDS = 30.0
FIGURES = ("recommendation", "profile", "stored")
# So many listings wait for the worker, or more, whenever an event is sent.
BACKLOG = 24
_LOADERS = 2
_PENDING = text("select count(*) from work where kind in ('embed', 'sync', 'text')")
_OWED = text("select exists (select from work where kind = 'profile')")


@dataclass
class Found:
    """Milliseconds of every probe, by what was waited for; `plain`: one request."""

    waits: dict[str, list[float]] = field(default_factory=lambda: {one: [] for one in FIGURES})
    posts: list[float] = field(default_factory=list)
    plain: list[float] = field(default_factory=list)

    def out(self) -> dict[str, dict[str, float]]:
        named = {**self.waits, "post": self.posts, "plain": self.plain}
        return {
            name: {f"p{part}": round(percentile(one, part), 1) for part in (50, 95)}
            for name, one in named.items()
        }


class Desk:
    """Sends events of one shopper and waits for what comes of them."""

    def __init__(self, shop: Shop, url: str) -> None:
        self._shop, self._url = shop, url
        keys = json.loads((shop.platform.settings.data_dir / KEYS_FILE).read_text())
        self._http = httpx.Client(
            base_url=url,
            headers={"Authorization": f"Bearer {keys['admin']}"},
            timeout=30,
            trust_env=False,
        )
        self.user = f"shopper-{uuid.uuid4().hex[:8]}"

    def live(self, events: int, products: int) -> None:
        """Give the shopper a history, and wait until its profile is stored."""
        dice = np.random.default_rng(SEED)
        now = time.time()
        ids = [public_id(product(SEED, int(at))) for at in dice.integers(0, products, events)]
        did = [
            self._event("view_item", id_, now - 3600 * (events - at)) for at, id_ in enumerate(ids)
        ]
        for start in range(0, events, BATCH):
            self._post(did[start : start + BATCH])
        self._wait(self._settled)

    def probe(self, found: Found) -> None:
        """Hide what is recommended first, each time for another thing to be waited for."""
        for name, seen in (("recommendation", self._left_out), ("profile", self._named)):
            began = time.perf_counter()
            shown = self._recommended()
            found.plain.append((time.perf_counter() - began) * 1000)
            began = time.perf_counter()
            self._post([self._event("hide_item", shown[0], time.time())])
            found.posts.append((time.perf_counter() - began) * 1000)
            self._wait(lambda seen=seen, id_=shown[0]: seen(id_))
            found.waits[name].append((time.perf_counter() - began) * 1000)
            self._wait(self._settled)
        shown = self._recommended()
        began = time.perf_counter()
        self._post([self._event("hide_item", shown[0], time.time())])
        self._wait(self._settled)
        found.waits["stored"].append((time.perf_counter() - began) * 1000)

    def leave(self) -> None:
        """Erase the shopper."""
        self._http.delete(f"/v1/users/{self.user}").raise_for_status()

    def put(self, id_: str, photo: bytes) -> None:
        """List a product."""
        listed = json.dumps({"title": "A new thing", "category": "home/new", "price": "9.90"})
        answer = self._http.put(
            f"/v1/products/{id_}", data={"product": listed}, files={"images": photo}
        )
        answer.raise_for_status()

    def remove(self, id_: str) -> None:
        """Delete what was listed."""
        self._http.delete(f"/v1/products/{id_}").raise_for_status()

    def pending(self) -> int:
        """How much waits for the worker, or is in work."""
        with self._shop.platform.reading.connect() as reads:
            return int(reads.execute(_PENDING).scalar_one())

    def _event(self, name: str, id_: str, at: float) -> dict[str, Any]:
        return {
            "name": name,
            "event_id": uuid.uuid4().hex,
            "timestamp_micros": int(at * 1e6),
            "params": {"items": [{"item_id": id_}]},
        }

    def _post(self, events: list[dict[str, Any]]) -> None:
        answer = self._http.post("/v1/events", json={"user_id": self.user, "events": events})
        answer.raise_for_status()
        assert answer.json()["accepted"] == len(events), answer.text

    def _recommended(self) -> list[str]:
        answer = self._http.get(f"/v1/users/{self.user}/recommendations", params={"limit": 20})
        answer.raise_for_status()
        return [hit["product"]["id"] for hit in answer.json()["results"]]

    def _left_out(self, id_: str) -> bool:
        return id_ not in self._recommended()

    def _named(self, id_: str) -> bool:
        answer = self._http.get(f"/v1/users/{self.user}/profile")
        answer.raise_for_status()
        hidden = answer.json()["hidden"]
        return any(one["id"] == id_ for one in hidden) or len(hidden) == 20

    def _settled(self) -> bool:
        time.sleep(0.004)
        with self._shop.platform.reading.connect() as reads:
            return not reads.execute(_OWED).scalar_one()

    @staticmethod
    def _wait(condition: Callable[[], bool]) -> None:
        until = time.monotonic() + PATIENCE_SECONDS
        while not condition():
            if time.monotonic() > until:
                raise SystemExit(f"The event did not count within {PATIENCE_SECONDS:.0f} s.")


@contextmanager
def working(shop: Shop) -> Iterator[None]:
    """Run `vitrine worker` on the shop, as `vitrine up` does."""
    settings = shop.platform.settings
    servers = ServiceUrls(settings.database_url, settings.redis_url, settings.milvus_uri)
    running = running_settings(settings, servers, settings.secret_key)
    environment = as_environment(settings, {**running, "log_level": "WARNING"})
    command = Command(
        name="worker",
        argv=vitrine_command("worker"),
        env=environment,
        stop=STOPS["worker"],
        nice=NICE["worker"],
    )
    child = Child(command, DataDir.prepare(settings.data_dir))
    child.start()
    try:
        yield
    finally:
        child.stop()


@contextmanager
def listing(desk: Desk, photos: list[bytes]) -> Iterator[None]:
    """Keep the worker busy: new photos come in as fast as it takes them."""
    stop, listed = threading.Event(), []
    run = uuid.uuid4().hex[:6]

    def load(loader: int) -> None:
        for number in count():
            while desk.pending() >= BACKLOG * 2 and not stop.wait(0.05):
                pass
            if stop.is_set():
                return
            id_ = f"busy:{run}-{loader}-{number}"
            desk.put(id_, _another(photos[number % len(photos)], loader * 100_000 + number))
            listed.append(id_)

    threads = [threading.Thread(target=load, args=(one,), daemon=True) for one in range(_LOADERS)]
    for thread in threads:
        thread.start()
    while desk.pending() < BACKLOG:
        time.sleep(0.05)
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()
        print(f"{len(listed)} products were listed meanwhile", flush=True)
        for id_ in listed:
            desk.remove(id_)


def _another(photo: bytes, number: int) -> bytes:
    """The same photo in other bytes, so that it has to be embedded anew."""
    picture = Image.open(io.BytesIO(photo)).convert("RGB")
    picture.putpixel((0, 0), (number % 256, number // 256 % 256, number // 65536))
    out = io.BytesIO()
    picture.save(out, "PNG", compress_level=1)
    return out.getvalue()


def show(name: str, found: Found) -> None:
    """Print one state of the worker."""
    plain = percentile(found.plain, 50)
    print(f"\nworker {name}: {len(found.plain) // 2} probes{'p50 ms':>16}{'p95 ms':>9}{'ratio':>8}")
    rows = {"one plain request": found.plain, "POST of the event": found.posts, **found.waits}
    for label, one in rows.items():
        middle, high = percentile(one, 50), percentile(one, 95)
        print(f"  {label:34}{middle:9.1f}{high:9.1f}{middle / plain:8.2f}", flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description="How soon an event counts.")
    parser.add_argument("--products", type=int, default=1000)
    parser.add_argument("--events", type=int, default=1000, help="of the shopper's history")
    parser.add_argument("--probes", type=int, default=40)
    parser.add_argument("--directory", type=Path, help="kept shops [<data dir>/bench]")
    parser.add_argument("--json", type=Path, help="write the figures there too")
    options = parser.parse_args()
    directory = (options.directory or load_settings().data_dir / "bench").absolute()
    logs.configure(load_settings().model_copy(update={"log_level": "ERROR"}), process="bench")
    home = directory / f"fresh-{options.products}"
    results: dict[str, Any] = {}
    with (
        counting() as bar,
        open_shop(home, options.products, bar) as shop,
        serving(shop) as url,
        working(shop),
    ):
        bar.stop()
        print(f"{options.products:,} products, {options.events:,} events, {usable_cores()} cores")
        desk = Desk(shop, url)
        desk.live(options.events, options.products)
        desk.probe(Found())
        results["idle"] = _probed("idle", desk, options.probes)
        with listing(desk, shop.drawn.photos):
            results["busy"] = _probed("busy", desk, options.probes)
        desk.leave()
    if options.json:
        options.json.write_text(json.dumps({"load": os.getloadavg(), **results}, indent=1))
    return 0


def _probed(name: str, desk: Desk, probes: int) -> dict[str, dict[str, float]]:
    found = Found()
    for _ in range(probes):
        desk.probe(found)
    show(name, found)
    return found.out()


if __name__ == "__main__":
    raise SystemExit(main())
