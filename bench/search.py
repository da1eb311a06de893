"""What does a search cost, of each kind, and what of it is ours? At 1,000, 10,000 and 100,000.

    .venv/bin/python bench/search.py lite                    # the embedded stack, over HTTP
    .venv/bin/python bench/search.py lite --products 1000 --only photo words
    .venv/bin/python bench/search.py milvus                  # dense queries on a real Milvus

Both use shops of their own, filled once and kept under `--directory`. Each question is asked

- over HTTP of a `vitrine api`, on kept connections, by 1 and by 16 callers;
- of the service in this process, which says how much of it Milvus took, and decoding and encoding.
  What is left is ours: understanding, ranking, hydration, tokens, remembering it for the next page;
- as its floor: decode and encode the photo if there is one, and ask pymilvus for what was asked
  for, with the same expression and for the `limit` of the question alone.

CPU milliseconds of a question over HTTP, by process, hold also where the machine is busy with other
things. All take turns. Percentiles are of each turn, and what is shown is their median over the
turns. What a question presupposes (a first page, an upload) is asked before and not counted. The
callers run on the same cores, so they are as thin as can be.
"""

import argparse
import json
import os
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from _bare import Bare, Call, tap, watching
from _cpu import cpu_seconds
from _questions import LIMIT, Api, InProcess, Question, Refused, questions
from _standing import Shop, open_shop, serving
from _turns import HUNDREDTHS, Turns, ask_all
from rich.progress import Progress

from vitrine import logs
from vitrine.cli.progress import counting
from vitrine.embedding.cores import usable_cores
from vitrine.media.decode import decode
from vitrine.settings import load_settings

CALLERS = (1, 16)
WARM_UP = 6
SIZES, VECTORS = (1_000, 10_000), 100_000


@dataclass
class Found:
    """What was measured of one kind of question; `http` by callers."""

    http: dict[int, Turns] = field(default_factory=lambda: {one: Turns() for one in CALLERS})
    service: Turns = field(default_factory=Turns)
    milvus: Turns = field(default_factory=Turns)
    ours: Turns = field(default_factory=Turns)
    floor: Turns = field(default_factory=Turns)
    cpu: dict[str, list[float]] = field(default_factory=dict)

    def cpu_of(self, process: str) -> float:
        """CPU milliseconds of a question in this process, over HTTP; median over the turns."""
        return statistics.median(self.cpu[process])

    def out(self) -> dict[str, Any]:
        parts = {name: getattr(self, name) for name in ("service", "milvus", "ours", "floor")}
        found = {name: turns.out() for name, turns in parts.items() if turns.milliseconds}
        http = {str(one): turns.out() for one, turns in self.http.items()}
        cpu = {process: round(self.cpu_of(process), 2) for process in self.cpu}
        return {"http": http, "cpu": cpu, **found}


Results = dict[str, Found]


class Floor:
    """Decodes, encodes and asks Milvus, and nothing else."""

    def __init__(self, shop: Shop, bare: Bare) -> None:
        self._limits, self._bare, self._encoder = shop.platform.limits, bare, shop.encoder

    def __call__(self, asked: tuple[Question, Sequence[Call]]) -> None:
        question, calls = asked
        boxes = question.query.get("boxes") or [question.query.get("crop")]
        if question.photo is not None:
            side = self._encoder.spec.preprocessing.short_side
            for box in boxes:
                part = None if box is None else (box["x"], box["y"], box["width"], box["height"])
                picture = decode(question.photo, self._limits, short_side=side, part=part)
                self._encoder.encode([picture])
        self._bare(calls, LIMIT, times=len(boxes))


class Desk:
    """Asks one shop everything, turn by turn."""

    def __init__(self, shop: Shop, url: str) -> None:
        self._api = Api(url, shop.key)
        self._service = InProcess(shop.platform, shop.key_id)
        self._floor = Floor(shop, Bare(tap(shop.platform)))
        self._processes = shop.processes

    def turn(self, some: Sequence[Question], found: Found) -> None:
        """One turn of one kind."""
        for callers, turns in found.http.items():
            # Again for each: a page that was asked for is remembered.
            self._api.connect(callers)
            prepared = [self._api.prepare(one) for one in some]
            before = cpu_seconds(self._processes)
            turns.add(*ask_all(self._api, prepared, callers))
            for process, seconds in cpu_seconds(self._processes).items():
                spent = (seconds - before[process]) * 1000 / len(some)
                found.cpu.setdefault(process, []).append(spent)
        if some[0].kind in {"search", "similar"}:
            self._in_process(some, found)

    def _in_process(self, some: Sequence[Question], found: Found) -> None:
        asked: list[tuple[Question, Sequence[Call]]] = []
        whole, milvus, ours = [], [], []
        for one in some:
            question = self._service.prepare(one)
            with watching() as watch:
                began = time.perf_counter()
                stages = self._service(question).timing_ms
                spent = (time.perf_counter() - began) * 1000
            whole.append(spent)
            milvus.append(watch.milliseconds)
            ours.append(spent - watch.milliseconds - stages.decode - stages.encode)
            asked.append((one if one.before == "upload" else question, watch.calls))
        for turns, taken in ((found.service, whole), (found.milvus, milvus), (found.ours, ours)):
            turns.add(taken)
        found.floor.add(*ask_all(self._floor, asked, 1))


def measure(desk: Desk, wanted: dict[str, list[Question]], turns: int, bar: Progress) -> Results:
    """Ask every kind, turn by turn; a kind that the api has not got is left out."""
    found = {name: Found() for name in wanted}
    task = bar.add_task("asking", total=len(wanted) * (turns + 1))
    for turn in range(turns + 1):
        for name, asked in wanted.items():
            bar.update(task, description=name, advance=1)
            if name not in found:
                continue
            each = len(asked) // turns
            some = asked[:WARM_UP] if turn == 0 else asked[(turn - 1) * each : turn * each]
            try:
                desk.turn(some, Found() if turn == 0 else found[name])
            except Refused as refused:
                del found[name]
                print(f"{name}: left out ({refused})", file=sys.stderr)
    bar.remove_task(task)
    return found


def show(results: Results) -> None:
    """Print one shop."""
    print(
        f"{'':26}{'HTTP, 1 caller':^27}{'16 callers':^27}{'floor':^8}{'in process':^17}"
        f"{'Milvus':^8}{'ours':^15}{'CPU of':>8}{'Milvus':>8}{'Postgres':>9}\n"
        f"{'ms':26}{'p50':>6}{'p95':>7}{'p99':>7}{'/s':>6} {'p50':>6}{'p95':>7}{'p99':>7}{'/s':>6} "
        f"{'p50':>7} {'p50':>7}{'/ floor':>8} {'p50':>7} {'p50':>7}{'p95':>7} {'api':>7}"
    )
    for name, one in results.items():
        line = f"{name:26}"
        for turns in one.http.values():
            cells = "".join(f"{turns.percentile(part):7.1f}" for part in HUNDREDTHS)
            line += f"{cells[1:]}{turns.rate:6.1f} "
        if one.service.milliseconds:
            service, floor = one.service.percentile(50), one.floor.percentile(50)
            ratio = f"{service / floor:8.2f}" if floor > 0.5 else f"{'–':>8}"
            line += f"{floor:7.1f} {service:7.1f}{ratio} {one.milvus.percentile(50):7.1f} "
            line += f"{one.ours.percentile(50):7.1f}{one.ours.percentile(95):7.1f}"
        else:
            line += " " * 47
        line += f" {one.cpu_of('api'):7.1f} {one.cpu_of('Milvus Lite'):7.1f}"
        line += f" {one.cpu_of('PostgreSQL'):8.1f}"
        print(line, flush=True)


def show_growth(by_size: dict[int, Results]) -> None:
    """Print how the p50 of one caller grows with the shop."""
    first, last = min(by_size), max(by_size)
    print(f"\nfrom {first:,} to {last:,} products, p50 in ms: HTTP, Milvus, ours")
    for name, one in by_size[first].items():
        other = by_size[last].get(name)
        if other is None:
            continue
        parts = [(one.http[1], other.http[1])]
        if one.service.milliseconds:
            parts += [(one.milvus, other.milvus), (one.ours, other.ours)]
        cells = [f"{a.percentile(50):7.1f} →{b.percentile(50):7.1f}" for a, b in parts]
        print(f"{name:26}" + "   ".join(cells))


def ask_lite(options: argparse.Namespace, bar: Progress) -> None:
    """Measure shops on the embedded stack."""
    by_size = {}
    for size in options.products:
        with open_shop(options.directory / f"lite-{size}", size, bar) as shop, serving(shop) as url:
            wanted = questions(shop.drawn, size, options.each * options.turns)
            if options.only:
                wanted = {name: asked for name, asked in wanted.items() if name in options.only}
            by_size[size] = measure(Desk(shop, url), wanted, options.turns, bar)
            print(
                f"\n{size:,} products, {shop.pictures:,} pictures, "
                f"Milvus Lite {shop.platform.index.capabilities.version}, "
                f"{options.turns} turns of {options.each} questions of each kind, "
                f"load {os.getloadavg()[0]:.1f} on {usable_cores()} cores"
            )
        show(by_size[size])
    if len(by_size) > 1:
        show_growth(by_size)
    write(options.json, {str(size): outs(found) for size, found in by_size.items()})


def outs(results: Results) -> dict[str, Any]:
    return {name: one.out() for name, one in results.items()}


def write(path: Path | None, found: dict[str, Any]) -> None:
    if path is not None:
        path.write_text(json.dumps(found, indent=1))


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="What a search of each kind costs.")
    parser.add_argument("on", choices=("lite", "milvus"))
    parser.add_argument("--products", type=int, nargs="+", help="sizes of the shop")
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--each", type=int, default=32, help="questions of a kind in one turn")
    parser.add_argument("--only", nargs="+", help="of lite: these kinds alone")
    parser.add_argument("--directory", type=Path, help="kept shops [<data dir>/bench]")
    parser.add_argument("--json", type=Path, help="write the figures there too")
    options = parser.parse_args()
    options.directory = (options.directory or load_settings().data_dir / "bench").absolute()
    options.products = options.products or (SIZES if options.on == "lite" else [VECTORS])
    return options


def main() -> int:
    options = arguments()
    logs.configure(load_settings().model_copy(update={"log_level": "ERROR"}), process="bench")
    with counting() as bar:
        if options.on == "lite":
            ask_lite(options, bar)
        else:
            from _dense import ask_milvus

            write(options.json, ask_milvus(options, bar))
    return 0


if __name__ == "__main__":
    sys.exit(main())
