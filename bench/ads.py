"""How long does it take to match ads, and where does it go? At 100, 10,000 and 100,000 creatives.

    .venv/bin/python bench/ads.py                              # the embedded stack, over HTTP
    .venv/bin/python bench/ads.py --creatives 100 --requests 200
    .venv/bin/python bench/ads.py --rate 20                    # visitors come, so many a second
    .venv/bin/python bench/ads.py --real-milvus                # 100,000, on a real Milvus

It uses the shops of bench/search.py under `--directory` and gives shoppers a history. A turn asks

- `POST /v1/ads/match` of a `vitrine api`, on kept connections, by 1 and by 16 clients;
- the matcher in this process, which says how much of it Milvus took;
- as its floor, pymilvus for the same vectors, as deep, and nothing else. Where creatives are few
  enough the matcher compares with them in memory and asks Milvus for nothing.

The pages differ: no two requests alike follow each other. Percentiles are of each turn, and what is
shown is their median over the turns. CPU milliseconds of a request, by process, hold also where the
machine is busy with other things; the clients run on the same cores, and what they took is said.
"""

import argparse
import json
import os
import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path
from typing import Any, cast

from _ad_floor import Floor, Noting
from _ad_pages import EVENTS, SHOPPERS, SLOTS, Stream, streams
from _ad_stock import Stocked, stock_ads
from _bare import tap, watching
from _cpu import cpu_seconds
from _histories import give_histories
from _milvus import WHEEL, await_index, milvus
from _questions import Api, Question, Refused
from _standing import Shop, open_shop, serving
from _synthetic import SEED
from _turns import HUNDREDTHS, Turns, ask_all
from rich.progress import Progress

from vitrine import logs
from vitrine.ads.candidates import Finder
from vitrine.ads.matching import AdMatcher
from vitrine.catalog.keys import authenticate
from vitrine.cli.progress import counting
from vitrine.embedding.cores import usable_cores
from vitrine.settings import load_settings
from vitrine.wire.ads import MatchQuery

SIZES, ON_MILVUS = (100, 10_000), 100_000
PRODUCTS = 10_000
CLIENTS = (1, 16)
STAGES = ("context", "candidates", "eligibility", "auction", "record", "total")
ALL = "all"
READ_SECONDS = 60.0


@dataclass
class Found:
    """What was measured of one kind of page; `http` and `stages` by clients."""

    http: dict[int, Turns] = field(default_factory=dict)
    stages: dict[int, dict[str, list[float]]] = field(default_factory=dict)
    service: Turns = field(default_factory=Turns)
    milvus: Turns = field(default_factory=Turns)
    floor: Turns = field(default_factory=Turns)

    def median_of(self, clients: int, stage: str) -> float:
        return statistics.median(self.stages[clients][stage])

    @property
    def ratio(self) -> float | None:
        """The matcher over the bare call; None where Milvus has no part in it."""
        floor = self.floor.percentile(50) if self.floor.milliseconds else 0.0
        return self.service.percentile(50) / floor if floor > 0.5 else None

    def out(self) -> dict[str, Any]:
        parts = {"service": self.service, "milvus": self.milvus, "floor": self.floor}
        return {
            "http": {str(clients): turns.out() for clients, turns in self.http.items()},
            "stages": {
                str(clients): {name: round(statistics.median(some), 2) for name, some in by.items()}
                for clients, by in self.stages.items()
            },
            **{name: turns.out() for name, turns in parts.items() if turns.milliseconds},
            "ratio": self.ratio,
        }


@dataclass
class Cpu:
    """CPU milliseconds of a request by process, and the part of all cores that clients took."""

    spent: dict[str, list[float]] = field(default_factory=dict)
    clients: list[float] = field(default_factory=list)

    def out(self) -> dict[str, float]:
        found = {name: round(statistics.median(some), 2) for name, some in self.spent.items()}
        return {**found, "share of clients": round(statistics.median(self.clients), 3)}


class Desk:
    """Asks one shop everything, turn by turn."""

    def __init__(
        self,
        shop: Shop,
        collection: str,
        url: str,
        clients: Sequence[int],
        rate: float | None = None,
    ) -> None:
        key = shop.api_key("ads")
        with shop.platform.sessions() as session:
            known = authenticate(session, key)
        assert known is not None
        self._key_id = known.id
        self._api = Api(url, key)
        self._floor = Floor(shop, collection, tap(shop.platform))
        matcher = shop.platform.matcher
        self._noting = Noting(matcher.tools.finder)
        self._matcher = AdMatcher(replace(matcher.tools, finder=cast(Finder, self._noting)))
        self._processes = shop.processes
        self._clients = clients
        self._rate = rate
        self.cpu = {one: Cpu() for one in clients}
        self.found: dict[str, Found] = {}

    def await_ads(self, asked: Stream) -> None:
        """Wait until the api has read what runs: of 100,000 creatives that takes it ten seconds."""
        self._api.connect(1)
        ends = time.monotonic() + READ_SECONDS
        while True:
            try:
                self._api(self._api.prepare(asked[0][1]))
            except Refused:
                if time.monotonic() > ends:
                    raise
            else:
                return

    def turn(self, streams: Iterator[Stream], *, counted: bool = True) -> None:
        """One turn, each part with requests of its own; the uncounted ones warm up."""
        for clients in self._clients:
            self._over_http(next(streams), clients, counted=counted)
        self._in_process(next(streams), counted=counted)

    def _over_http(self, asked: Stream, clients: int, *, counted: bool) -> None:
        self._api.connect(clients)
        prepared = [(kind, self._api.prepare(one)) for kind, one in asked]
        answers: list[tuple[str, bytes]] = []

        def ask(one: tuple[str, Question]) -> None:
            answers.append((one[0], self._api(one[1])))

        before, mine = cpu_seconds(self._processes), time.process_time()
        taken, seconds = ask_all(ask, prepared, clients, self._rate)
        mine = time.process_time() - mine
        if not counted:
            return
        cpu = self.cpu[clients]
        for name, spent in cpu_seconds(self._processes).items():
            cpu.spent.setdefault(name, []).append((spent - before[name]) * 1000 / len(asked))
        cpu.clients.append(mine / seconds / usable_cores())
        kinds = [kind for kind, _ in asked]
        for kind in dict.fromkeys([ALL, *kinds]):
            some = [each for each, of in zip(taken, kinds, strict=True) if kind in {ALL, of}]
            turns = self._of(kind).http.setdefault(clients, Turns())
            turns.add(some, seconds * len(some) / len(taken))
        for kind, answer in answers:
            timing = json.loads(answer)["timing_ms"]
            for each in (ALL, kind):
                stages = self._of(each).stages.setdefault(clients, {one: [] for one in STAGES})
                for stage in STAGES:
                    stages[stage].append(timing[stage])

    def _in_process(self, asked: Stream, *, counted: bool) -> None:
        whole: dict[str, tuple[list[float], list[float], list[float]]] = {}
        for kind, question in asked:
            if question.before != "nothing":
                continue
            query = MatchQuery.model_validate(question.query)
            with watching() as watch:
                began = time.perf_counter()
                self._matcher.match(query, key_id=self._key_id)
                spent = (time.perf_counter() - began) * 1000
            began, probes = time.perf_counter(), self._noting.probes
            if probes is not None and len(probes):
                self._floor(probes)
            floor = (time.perf_counter() - began) * 1000
            for each in (ALL, kind):
                mine = whole.setdefault(each, ([], [], []))
                mine[0].append(spent)
                mine[1].append(watch.milliseconds)
                mine[2].append(floor)
        if counted:
            for kind, (service, milvus_took, floor_took) in whole.items():
                one = self._of(kind)
                one.service.add(service)
                one.milvus.add(milvus_took)
                one.floor.add(floor_took)

    def _of(self, kind: str) -> Found:
        return self.found.setdefault(kind, Found())


def show(desk: Desk, clients: Sequence[int]) -> None:
    """Print one shop."""
    heads = "".join(f"{f'HTTP, {one} client' + 's' * (one > 1):^28}" for one in clients)
    numbers = "".join(f"{'p50':>7}{'p95':>7}{'p99':>7}{'/s':>7}" for _ in clients)
    print(
        f"{'ms':27}{heads}{'in process':^14}{'Milvus':>7}{'bare':>7}\n"
        f"{'':27}{numbers}{'p50':>7}{'p95':>7}{'p50':>7}{'p50':>7}{'ratio':>7}"
    )
    for kind, one in desk.found.items():
        line = f"{kind:27}"
        for turns in one.http.values():
            line += "".join(f"{turns.percentile(part):7.1f}" for part in HUNDREDTHS)
            line += f"{turns.rate:7.1f}"
        if one.service.milliseconds:
            line += f"{one.service.percentile(50):7.1f}{one.service.percentile(95):7.1f}"
            line += f"{one.milvus.percentile(50):7.1f}"
            if one.ratio is not None:
                line += f"{one.floor.percentile(50):7.1f}{one.ratio:7.2f}"
        print(line, flush=True)
    for amount in clients:
        print(f"\nwhere it goes, {amount} client{'s' * (amount > 1)}, medians in ms")
        print(f"{'':27}" + "".join(f"{stage:>12}" for stage in STAGES))
        for kind, one in desk.found.items():
            cells = "".join(f"{one.median_of(amount, stage):12.1f}" for stage in STAGES)
            print(f"{kind:27}{cells}")
        told = desk.cpu[amount].out()
        share = told.pop("share of clients")
        spent = ", ".join(f"{name} {value:.1f}" for name, value in told.items())
        print(f"CPU ms a request: {spent}; clients took {share:.1%} of the cores", flush=True)


def measure(
    options: argparse.Namespace, shop: Shop, stocked: Stocked, bar: Progress
) -> dict[str, Any]:
    """Ask one shop in turns, and print it."""
    give_histories(shop.platform, SHOPPERS, EVENTS, SEED)
    with serving(shop, api_processes=options.processes) as url:
        desk = Desk(shop, stocked.collection, url, options.clients, options.rate)
        asked = streams(shop, options)
        task = bar.add_task("asking", total=options.turns)
        warming = next(asked)
        desk.await_ads(warming)
        asked = chain([warming], asked)
        desk.turn(asked, counted=False)
        for _ in range(options.turns):
            desk.turn(asked)
            bar.advance(task)
        bar.remove_task(task)
        index = shop.platform.index.capabilities
        print(
            f"\n{stocked.creatives:,} creatives of {stocked.campaigns:,} campaigns of "
            f"{stocked.advertisers:,} advertisers, {shop.products:,} products, {SLOTS} slots; "
            f"Milvus {'Lite ' if index.lite else ''}{index.version}; {options.turns} turns of "
            f"{options.requests}, load {os.getloadavg()[0]:.1f} on {usable_cores()} cores\n"
        )
        show(desk, options.clients)
    return {
        "kinds": {kind: one.out() for kind, one in desk.found.items()},
        "cpu": {str(clients): one.out() for clients, one in desk.cpu.items()},
    }


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="How long matching ads takes.")
    parser.add_argument("--creatives", type=int, nargs="+", help="so many, one run after another")
    parser.add_argument("--products", type=int, help="size of the shop")
    parser.add_argument("--clients", type=int, nargs="+", default=list(CLIENTS))
    parser.add_argument(
        "--rate",
        type=float,
        help="requests a second, of all clients [as fast as they are answered]",
    )
    parser.add_argument("--processes", type=int, default=1, help="of the api")
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--requests", type=int, default=400, help="in a turn, of all kinds")
    parser.add_argument("--photos", action="store_true", help="ask by photos as well")
    parser.add_argument(
        "--real-milvus", action="store_true", help=f"on {WHEEL}, which is installed by itself"
    )
    parser.add_argument("--directory", type=Path, help="kept shops [<data dir>/bench]")
    parser.add_argument("--json", type=Path, help="write the figures there too")
    options = parser.parse_args()
    options.directory = (options.directory or load_settings().data_dir / "bench").absolute()
    options.creatives = options.creatives or ([ON_MILVUS] if options.real_milvus else list(SIZES))
    options.products = options.products or (ON_MILVUS if options.real_milvus else PRODUCTS)
    return options


def main() -> int:
    options = arguments()
    logs.configure(load_settings().model_copy(update={"log_level": "ERROR"}), process="bench")
    found = {}
    with counting() as bar, ExitStack() as stack:
        home, how = options.directory / f"lite-{options.products}", {}
        if options.real_milvus:
            home = options.directory / f"milvus-{options.products}"
            uri = stack.enter_context(milvus(options.directory / "milvus"))
            how = {"milvus_uri": uri, "two_pictures": 0.0}
        shop = stack.enter_context(open_shop(home, options.products, bar, **how))
        for creatives in options.creatives:
            stocked = stock_ads(shop, creatives, bar)
            if options.real_milvus:
                await_index(shop.platform.index.uri, stocked.collection, creatives, bar)
            found[str(creatives)] = measure(options, shop, stocked, bar)
    if options.json:
        options.json.write_text(json.dumps(found, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
