"""What do recommendations cost, and what of it is ours? At 10,000 products and long histories.

    .venv/bin/python bench/recommend.py
    .venv/bin/python bench/recommend.py --products 1000 --events 100 --only home

It uses the shops of bench/search.py under `--directory`, and gives shoppers of its own a history
of `--events` each. Each request is asked of the service in this process, which says how much of it
Milvus took; and as its floor the very same call of Milvus, with the same vectors, expression and
depth, is made with pymilvus and nothing else. All take turns. Percentiles are of each turn, and
what is shown is their median over the turns.
"""

import argparse
import json
import os
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from _bare import Call, tap, watching
from _histories import give_histories, shopper
from _standing import Shop, open_shop
from _synthetic import SEED, public_id
from _turns import Turns
from pymilvus import MilvusClient
from sqlalchemy import text

from vitrine import logs, work
from vitrine.cli.progress import counting
from vitrine.demo.products import product
from vitrine.embedding.cores import usable_cores
from vitrine.recommend.service import Recommender
from vitrine.recommend.visit import RecommendationRequest
from vitrine.settings import load_settings

LIMIT = 20
WARM_UP = 8
STAGES = ("person", "sources", "rank", "hydrate")


@dataclass
class Asked:
    """One request; `owed`: an event came since, so the profile is made on the spot."""

    request: RecommendationRequest
    owed: int | None = None


@dataclass
class Found:
    """What was measured of one kind."""

    service: Turns = field(default_factory=Turns)
    milvus: Turns = field(default_factory=Turns)
    floor: Turns = field(default_factory=Turns)
    stages: dict[str, Turns] = field(default_factory=lambda: {one: Turns() for one in STAGES})
    sources: Counter[str] = field(default_factory=Counter)

    def ratio(self, hundredths: int) -> float:
        return self.service.percentile(hundredths) / self.floor.percentile(hundredths)

    def out(self) -> dict[str, Any]:
        return {
            "service": self.service.out(),
            "milvus": self.milvus.out(),
            "floor": self.floor.out(),
            "stages": {name: turns.out() for name, turns in self.stages.items()},
            "sources": dict(self.sources),
        }


def requests(people: Sequence[int], products: int, count: int) -> dict[str, list[Asked]]:
    """`count` requests of each kind, no two alike one after the other."""
    dice = np.random.default_rng(SEED)
    page = [public_id(product(SEED, int(at))) for at in dice.integers(0, products, count * 3)]
    users = [shopper(at % len(people)) for at in range(count)]

    def of(**how: Any) -> list[Asked]:
        return [Asked(RecommendationRequest(user, limit=LIMIT, **how)) for user in users]

    found = {
        "home": of(),
        "product": [
            Asked(RecommendationRequest(user, "product", (page[at],), LIMIT))
            for at, user in enumerate(users)
        ],
        "cart of three": [
            Asked(RecommendationRequest(user, "cart", tuple(page[at * 3 : at * 3 + 3]), LIMIT))
            for at, user in enumerate(users)
        ],
        "home, filtered": of(filter={"price": {"lt": 80}}),
        "home, not what was seen": of(exclude_seen_days=1),
        "home, an event since": of(),
        "product, a stranger": [
            Asked(RecommendationRequest(f"stranger-{at}", "product", (page[at],), LIMIT))
            for at in range(count)
        ],
    }
    for at, one in enumerate(found["home, an event since"]):
        one.owed = people[at % len(people)]
    return found


class Desk:
    """Asks one shop everything, turn by turn."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop
        self._service: Recommender = shop.platform.recommender
        self._bare: MilvusClient = tap(shop.platform)

    def turn(self, some: Sequence[Asked], found: Found) -> None:
        service, milvus, floor = [], [], []
        stages: dict[str, list[float]] = {one: [] for one in STAGES}
        for one in some:
            self._owe(one.owed)
            with watching() as watch:
                began = time.perf_counter()
                answer = self._service.recommend(one.request, key_id=self._shop.key_id)
                service.append((time.perf_counter() - began) * 1000)
            milvus.append(watch.milliseconds)
            floor.append(self._ask(watch.calls))
            for name in STAGES:
                stages[name].append(getattr(answer.timing_ms, name))
            found.sources.update(hit.source for hit in answer.results)
            self._settle(one.owed)
        for turns, taken in (
            (found.service, service),
            (found.milvus, milvus),
            (found.floor, floor),
        ):
            turns.add(taken)
        for name, turns in found.stages.items():
            turns.add(stages[name])

    def _ask(self, calls: Sequence[Call]) -> float:
        # The first one of a fresh server is refused, until the collection is loaded.
        call = calls[-1]
        arguments = dict(call.arguments)
        arguments.pop("timeout", None)
        began = time.perf_counter()
        self._bare.search(call.collection, **arguments)
        return (time.perf_counter() - began) * 1000

    def _owe(self, person: int | None) -> None:
        if person is not None:
            with self._shop.platform.sessions.begin() as session:
                work.owe(session, work.PROFILE, [person])

    def _settle(self, person: int | None) -> None:
        if person is not None:
            with self._shop.platform.sessions.begin() as session:
                work.forget(session, work.PROFILE)


def show(found: dict[str, Found]) -> None:
    """Print one shop."""
    print(
        f"{'ms':26}{'service':^15}{'bare Milvus':^16}{'ratio':^13}{'Milvus':>8}   "
        f"{'person':>7}{'sources':>8}{'rank':>6}{'hydrate':>8}\n"
        f"{'':26}{'p50':>7}{'p95':>8}{'p50':>8}{'p95':>8}{'p50':>7}{'p95':>6}{'p50':>8}"
    )
    for name, one in found.items():
        stages = [one.stages[stage].percentile(50) for stage in STAGES]
        print(
            f"{name:26}{one.service.percentile(50):7.1f}{one.service.percentile(95):8.1f}"
            f"{one.floor.percentile(50):8.1f}{one.floor.percentile(95):8.1f}"
            f"{one.ratio(50):7.2f}{one.ratio(95):6.2f}{one.milvus.percentile(50):8.1f}   "
            f"{stages[0]:7.1f}{stages[1]:8.1f}{stages[2]:6.1f}{stages[3]:8.1f}",
            flush=True,
        )


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="What recommendations cost.")
    parser.add_argument("--products", type=int, default=10_000)
    parser.add_argument("--shoppers", type=int, default=40)
    parser.add_argument("--events", type=int, default=1000, help="of each shopper")
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--each", type=int, default=32, help="requests of a kind in one turn")
    parser.add_argument("--only", nargs="+", help="these kinds alone")
    parser.add_argument("--directory", type=Path, help="kept shops [<data dir>/bench]")
    parser.add_argument("--json", type=Path, help="write the figures there too")
    options = parser.parse_args()
    options.directory = (options.directory or load_settings().data_dir / "bench").absolute()
    return options


def main() -> int:
    options = arguments()
    logs.configure(load_settings().model_copy(update={"log_level": "ERROR"}), process="bench")
    home = options.directory / f"lite-{options.products}"
    with counting() as bar, open_shop(home, options.products, bar) as shop:
        people = give_histories(shop.platform, options.shoppers, options.events, SEED)
        desk, found = Desk(shop), {}
        wanted = requests(people, options.products, options.each * options.turns)
        wanted = {one: some for one, some in wanted.items() if one in (options.only or wanted)}
        found = {name: Found() for name in wanted}
        for turn in range(options.turns + 1):
            for name, some in wanted.items():
                part = slice((turn - 1) * options.each, turn * options.each)
                asked = some[:WARM_UP] if turn == 0 else some[part]
                desk.turn(asked, Found() if turn == 0 else found[name])
        with shop.platform.sessions() as session:
            recorded = session.scalar(text("select count(*) from decisions"))
        print(
            f"\n{shop.products:,} products, {shop.pictures:,} pictures, {options.events:,} events "
            f"of each of {options.shoppers} shoppers, {recorded:,} answers recorded; Milvus Lite "
            f"{shop.platform.index.capabilities.version}, {options.turns} turns of {options.each}, "
            f"load {os.getloadavg()[0]:.1f} on {usable_cores()} cores\n"
        )
        show(found)
    if options.json:
        options.json.write_text(
            json.dumps({name: one.out() for name, one in found.items()}, indent=1)
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
