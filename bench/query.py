"""How long does a search by photo take, against the least that it could take?

Start the platform with `make up`, fill it with `vitrine demo`, then:

    .venv/bin/python bench/query.py

Each round asks the api over HTTP and then does in this process only what no answer can do
without: decode the photo, encode it, ask Milvus for as many pictures. Both use the same photo,
model, collection and machine, one after the other, so that the ratio of their medians holds still
where milliseconds do not.
"""

import argparse
import itertools
import json
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from vitrine.assembly import Platform, assemble
from vitrine.client import VitrineClient
from vitrine.index.generations import active_generation
from vitrine.media.decode import decode
from vitrine.settings import KEYS_FILE, load_settings

SUFFIXES = {".jpg", ".jpeg", ".png", ".webp"}
FLOOR_STAGES = ("decode", "encode", "search")
API_STAGES = ("decode", "encode", "search", "hydrate")
WARM_UP = 3
# The threads of OpenVINO go on spinning for a moment after their work. Without a pause those of
# one process would slow down the other's turn.
PAUSE_SECONDS = 0.2

Stages = dict[str, float]
Ask = Callable[[bytes], Stages]


@dataclass
class Series:
    """Milliseconds of every counted call: the whole, and its stages."""

    total: list[float] = field(default_factory=list)
    stages: list[Stages] = field(default_factory=list)

    def add(self, milliseconds: float, stages: Stages) -> None:
        self.total.append(milliseconds)
        self.stages.append({**stages, "rest": milliseconds - sum(stages.values())})

    def stage(self, name: str) -> list[float]:
        return [stages[name] for stages in self.stages]


class Stopwatch:
    """Names the time between two calls."""

    def __init__(self) -> None:
        self.stages: Stages = {}
        self._last = time.perf_counter()

    def lap(self, name: str) -> None:
        now = time.perf_counter()
        self.stages[name] = (now - self._last) * 1000
        self._last = now


def api(client: VitrineClient, limit: int) -> Ask:
    def ask(photo: bytes) -> Stages:
        timing = client.search(photo, limit=limit).timing_ms
        return {name: getattr(timing, name) for name in API_STAGES}

    return ask


def floor(platform: Platform, limit: int) -> Ask:
    with platform.sessions() as session:
        generation = active_generation(session)
    encoder = platform.encoders.get(generation.model)
    short_side = encoder.spec.preprocessing.short_side

    def ask(photo: bytes) -> Stages:
        watch = Stopwatch()
        picture = decode(photo, platform.limits, short_side=short_side)
        watch.lap("decode")
        vector = encoder.encode([picture]).embedding
        watch.lap("encode")
        platform.index.search(generation.images_collection, vector, limit=limit)
        watch.lap("search")
        return watch.stages

    return ask


def timed(ask: Ask, photo: bytes) -> tuple[float, Stages]:
    began = time.perf_counter()
    stages = ask(photo)
    return (time.perf_counter() - began) * 1000, stages


def measure(
    asks: dict[str, Ask], photos: list[bytes], runs: int, concurrency: int
) -> dict[str, Series]:
    """Alternate between the ways to ask, `concurrency` photos at a time, until each has `runs`."""
    found = {name: Series() for name in asks}
    endless: Iterator[bytes] = itertools.cycle(photos)
    with ThreadPoolExecutor(concurrency) as threads:
        for number in range(WARM_UP + -(-runs // concurrency)):
            batch = list(itertools.islice(endless, concurrency))
            for name, ask in asks.items():
                time.sleep(PAUSE_SECONDS)
                answers = list(threads.map(lambda photo, ask=ask: timed(ask, photo), batch))
                if number >= WARM_UP:
                    for milliseconds, stages in answers:
                        found[name].add(milliseconds, stages)
    return found


def percentile(values: list[float], part: float) -> float:
    """The value that `part` of the others do not exceed, by interpolation."""
    if len(values) == 1:
        return values[0]
    return statistics.quantiles(values, n=100, method="inclusive")[round(part * 100) - 1]


def report(found: dict[str, Series]) -> float:
    """Print the table; return api over floor, medians."""
    print(f"{'':24}{'p50 ms':>10}{'p95 ms':>10}")
    for name, stages in (("api", (*API_STAGES, "rest")), ("floor", FLOOR_STAGES)):
        series = found[name]
        rows = [(name, series.total)] + [(f"  {one}", series.stage(one)) for one in stages]
        for title, values in rows:
            print(f"{title:24}{percentile(values, 0.5):10.1f}{percentile(values, 0.95):10.1f}")
    return percentile(found["api"].total, 0.5) / percentile(found["floor"].total, 0.5)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Latency of a photo query against its floor.")
    parser.add_argument("--queries", type=Path, help="folder of photos [what the demo wrote]")
    parser.add_argument("--runs", type=int, default=100, help="counted calls of each kind")
    parser.add_argument("--concurrency", type=int, default=1, help="calls at once")
    parser.add_argument("--limit", type=int, default=20, help="products asked for")
    return parser.parse_args()


def main() -> int:
    options = arguments()
    settings = load_settings()
    folder = options.queries or settings.data_dir / "demo" / "queries"
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)
    if not paths:
        print(f"There is no photo in {folder}; `vitrine demo` writes some.")
        return 2
    photos = [path.read_bytes() for path in paths[:200]]
    key = json.loads((settings.data_dir / KEYS_FILE).read_text())["storefront"]
    platform = assemble(settings)
    with VitrineClient(settings.api_url, key) as client:
        print(
            f"{options.runs} queries of each kind, {options.concurrency} at a time, "
            f"{len(photos)} photos, Milvus {platform.index.capabilities.version}"
            f"{' Lite' if platform.index.capabilities.lite else ''}"
        )
        asks = {"api": api(client, options.limit), "floor": floor(platform, options.limit)}
        found = measure(asks, photos, options.runs, options.concurrency)
    print(f"ratio {report(found):.2f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
