"""Do recommendations that learn from their shoppers get more clicks than what does not learn?

Simulated shoppers (vitrine.demo.shoppers) with hidden tastes visit a shop of drawn products, each
in every arm, with the same taste and the same luck. The arms take turns page by page. Half-way
some shoppers change their taste. Needs nothing but this checkout; the pictures are drawn once:

    python bench/recommend_loop.py
    python bench/recommend_loop.py --events 4000 --products 300 --shoppers 20      a short look
"""

import argparse
import json
import multiprocessing
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from _arms import CLICK, SLOTS, Arm, Loop, Popularity, Random, Shelf, Visual
from _shop import SELLER, Listing, open_shop, work_off
from rich.console import Console
from rich.progress import Progress
from rich.table import Table
from sqlalchemy import text

from vitrine.api.app import create_app
from vitrine.assembly import Platform
from vitrine.cli.progress import counting
from vitrine.demo.photos import photo
from vitrine.demo.products import DemoProduct, product
from vitrine.demo.shoppers import Shopper, draw_shoppers
from vitrine.embedded.keyring import ensure_keys
from vitrine.learning.evaluation.bootstrap import Estimate, estimate
from vitrine.recommend.learner import learn_all
from vitrine.recommend.rollups import roll_up
from vitrine.recommend.versions import list_versions
from vitrine.settings import KEYS_FILE
from vitrine.wire import ProductIn

CATALOGUE_SEED = 1
PICTURES = Path(tempfile.gettempdir()) / "vitrine-recommend-loop"
# Between two pages of one shopper, in the times that their events bear.
BETWEEN_PAGES = timedelta(hours=8)
EVENTS_A_PAGE = 3.5
RECOVERED = 0.9
# The level before the change, and what is compared with it, are means over so many pages.
LEVEL_PAGES, WINDOW_PAGES = 4, 2
_TABLES = ("people", "events", "event_ids", "decisions", "feedback", "profiles", "pairs", "trends")


@dataclass
class Record:
    """What happened in one arm: clicks [shopper][page], and events sent before each page."""

    clicks: dict[str, list[int]] = field(default_factory=dict)
    events: dict[str, list[int]] = field(default_factory=dict)

    def add(self, shopper: Shopper, clicks: int, events: int) -> None:
        self.clicks.setdefault(shopper.name, []).append(clicks)
        self.events.setdefault(shopper.name, []).append(events)

    def rates(self, names: Sequence[str], pages: slice = slice(None)) -> np.ndarray:
        """Clicks per slot of each shopper: [shoppers]."""
        return np.array([np.mean(self.clicks[name][pages]) / SLOTS for name in names])


@dataclass
class Run:
    """The arms with their own copies of the shoppers, and what came of it."""

    arms: list[Arm]
    shoppers: dict[str, list[Shopper]]
    records: dict[str, Record]
    sent: int = 0
    rounds: int = 0
    changed_at: int | None = None

    @property
    def changers(self) -> list[str]:
        return [one.name for one in self.shoppers[self.arms[0].name] if one.changes]

    @property
    def others(self) -> list[str]:
        return [one.name for one in self.shoppers[self.arms[0].name] if not one.changes]


def draw(products: Sequence[DemoProduct], bar: Progress) -> None:
    """Draw the first photo of each product, unless it is drawn already."""
    PICTURES.mkdir(exist_ok=True)
    missing = [one for one in products if not _picture(one).exists()]
    task = bar.add_task("drawing", total=len(missing))
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(os.cpu_count(), context) as pool:
        for _ in pool.map(_draw, missing, chunksize=4):
            bar.advance(task)
    bar.remove_task(task)


def _draw(one: DemoProduct) -> None:
    part = _picture(one).with_suffix(f".{os.getpid()}")
    part.write_bytes(photo(CATALOGUE_SEED, one, 0))
    part.replace(_picture(one))


def _picture(one: DemoProduct) -> Path:
    return PICTURES / f"{one.sku}.jpg"


@contextmanager
def opened(
    options: argparse.Namespace, bar: Progress
) -> Iterator[tuple[Platform, list[DemoProduct]]]:
    """Yield a shop of drawn products in which nothing has happened yet."""
    products = [product(CATALOGUE_SEED, index) for index in range(options.products)]
    draw(products, bar)
    listings = [
        Listing(one.sku, ProductIn.model_validate(one.listing()), _picture(one)) for one in products
    ]
    with open_shop(
        listings, name="recommend loop", bar=bar, directory=options.directory
    ) as platform:
        with platform.sessions.begin() as session:
            session.execute(text(f"truncate {', '.join(_TABLES)}, rankers cascade"))
        settings = platform.settings.model_copy(
            update={
                "rate_limit_per_minute": 0,
                # Here a page is left as soon as its events are sent.
                "feedback_seconds": 0.5,
                "exploration": options.exploration,
            }
        )
        yield replace(platform, settings=settings), products


def work(platform: Platform, *, learning: bool) -> None:
    """Do what the workers do all the time."""
    work_off(platform)
    roll_up(platform.sessions, platform.event_weights, platform.rollup_bounds)
    if learning:
        learn_all(platform.sessions, feedback_seconds=platform.settings.feedback_seconds)


def simulate(
    platform: Platform, products: Sequence[DemoProduct], options: argparse.Namespace, bar: Progress
) -> Run:
    """Let all shoppers visit every arm in turns until enough events have happened."""
    platform.settings.data_dir.mkdir(exist_ok=True)
    key = ensure_keys(platform.sessions, platform.settings.data_dir / KEYS_FILE)["storefront"]
    there = {one.sku: one for one in products if one.availability == "in_stock"}
    shelf = Shelf(
        there,
        {one.sku: f"{SELLER}:{one.sku}" for one in products},
        create_app(platform).test_client(),
        {"Authorization": f"Bearer {key}"},
    )
    rngs = [np.random.default_rng([options.seed, arm]) for arm in range(3)]
    popularity = Popularity(shelf, rngs[0])
    arms: list[Arm] = [Loop(shelf), popularity, Visual(shelf), Random(shelf, rngs[1])]
    run = Run(
        arms,
        {
            arm.name: draw_shoppers(options.seed, options.shoppers, changing=options.changing)
            for arm in arms
        },
        {arm.name: Record() for arm in arms},
    )
    rounds = round(options.events / (EVENTS_A_PAGE * len(arms) * options.shoppers))
    start = datetime.now(UTC) - BETWEEN_PAGES * (rounds * 2 + 2)
    task = bar.add_task("events", total=options.events)
    while run.sent < options.events:
        if run.changed_at is None and run.sent >= options.events / 2:
            run.changed_at = run.rounds
            for shoppers in run.shoppers.values():
                for shopper in shoppers:
                    shopper.change()
        at = min(start + BETWEEN_PAGES * run.rounds, datetime.now(UTC) - timedelta(minutes=5))
        for index in rngs[2].permutation(options.shoppers):
            for arm in arms:
                _visit(run, arm, run.shoppers[arm.name][index], popularity, at)
        bar.update(task, completed=run.sent)
        run.rounds += 1
        work(platform, learning=options.learning)
    return run


def _visit(run: Run, arm: Arm, shopper: Shopper, popularity: Popularity, at: datetime) -> None:
    came_for = shopper.arrive(list(popularity.shelf.products.values()))
    arm.greet(shopper, came_for, at)
    shown = arm.show(shopper)
    acts = shopper.look(shown.products)
    arm.learn(shopper, shown, acts, at)
    clicked = [act.product.sku for act in acts if act.name == CLICK]
    popularity.clicks.update([came_for.sku, *clicked])
    run.records[arm.name].add(shopper, len(clicked), 2 + len(acts))
    run.sent += 2 + len(acts)


def recovery(
    record: Record, names: Sequence[str], others: Sequence[str], changed_at: int
) -> dict[str, Any]:
    """Follow the click rate of those who changed, by the events that each sent since.

    Beside it stands that of the others on the same pages: what somebody likes best is clicked first
    and not again, so the level of those who keep their taste falls too.
    """
    before = record.rates(names, slice(max(0, changed_at - LEVEL_PAGES), changed_at)).mean()
    pages = len(record.clicks[names[0]]) - changed_at
    curve = []
    for page in range(pages):
        window = slice(changed_at + page, min(changed_at + page + WINDOW_PAGES, changed_at + pages))
        since = np.mean(
            [sum(record.events[name][changed_at : changed_at + page]) for name in names]
        )
        curve.append(
            {
                "events": float(since),
                "click_rate": float(record.rates(names, window).mean()),
                "others": float(record.rates(others, window).mean()),
            }
        )
    back = next((one["events"] for one in curve if one["click_rate"] >= RECOVERED * before), None)
    beside = next(
        (one["events"] for one in curve if one["click_rate"] >= RECOVERED * one["others"]), None
    )
    return {
        "before": float(before),
        "curve": curve,
        "back_after_events": back,
        "beside_others_after_events": beside,
    }


def report(
    run: Run, platform: Platform, seconds: float, options: argparse.Namespace
) -> dict[str, Any]:
    assert run.changed_at is not None
    names = [*run.changers, *run.others]
    arms = {}
    for arm in run.arms:
        record = run.records[arm.name]
        arms[arm.name] = {
            "pages": sum(map(len, record.clicks.values())),
            "click_rate": vars(estimate(record.rates(names))),
            "before_change": vars(estimate(record.rates(names, slice(run.changed_at)))),
            "after_change_changers": vars(
                estimate(record.rates(run.changers, slice(run.changed_at, None)))
            ),
            "after_change_others": vars(
                estimate(record.rates(run.others, slice(run.changed_at, None)))
            ),
            "by_round": [
                float(record.rates(names, slice(page, page + 1)).mean())
                for page in range(run.rounds)
            ],
            "recovery": recovery(record, run.changers, run.others, run.changed_at),
        }
    with platform.sessions() as session:
        versions = list_versions(session, limit=1)
    return {
        "events": run.sent,
        "rounds": run.rounds,
        "changed_at_round": run.changed_at,
        "products": options.products,
        "shoppers": options.shoppers,
        "changing": len(run.changers),
        "seed": options.seed,
        "seconds": round(seconds, 1),
        "arms": arms,
        "ranker": versions[0].report if versions else None,
    }


def show(found: dict[str, Any]) -> None:
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 200)
    console.print(
        f"{found['events']:,} events of {found['shoppers']} shoppers in each arm, "
        f"{found['products']} products, pages of {SLOTS}; {found['changing']} shoppers change "
        f"their taste before page {found['changed_at_round'] + 1} of {found['rounds']}; "
        f"{found['seconds']:.0f} s"
    )
    table = Table(box=None, header_style="bold", pad_edge=False)
    for heading in ("", "clicks per slot", "95 % interval", "before the change",
                    "after it, changed", "after it, others"):  # fmt: skip
        table.add_column(heading, justify="right" if heading else "left", no_wrap=True)
    for name, arm in found["arms"].items():
        whole = Estimate(**arm["click_rate"])
        table.add_row(
            name,
            f"{whole.value:.4f}",
            f"{whole.low:.4f} – {whole.high:.4f}",
            *(f"{arm[one]['value']:.4f}" for one in
              ("before_change", "after_change_changers", "after_change_others")),
        )  # fmt: skip
    console.print(table)
    for name, arm in found["arms"].items():
        back = arm["recovery"]["back_after_events"]
        beside = arm["recovery"]["beside_others_after_events"]
        curve = ", ".join(
            f"{one['events']:.0f}: {one['click_rate']:.3f} ({one['others']:.3f})"
            for one in arm["recovery"]["curve"]
        )
        console.print(
            f"{name}: {arm['recovery']['before']:.3f} before the change; by events since, and of "
            f"the others on the same pages: {curve}; at 90 % of the others after "
            f"{_events(beside)}, of before after {_events(back)}"
        )
    console.print(f"progressive validation: {json.dumps(found['ranker'])}")


def _events(count: float | None) -> str:
    return "no number of events" if count is None else f"{count:.0f} events"


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Clicks of simulated shoppers, arm by arm.")
    parser.add_argument("--events", type=int, default=20_000, help="of all arms together")
    parser.add_argument("--products", type=int, default=800)
    parser.add_argument("--shoppers", type=int, default=50, help="in each arm")
    parser.add_argument("--changing", type=float, default=0.4, help="share that changes taste")
    parser.add_argument("--exploration", type=float, default=0.1)
    parser.add_argument(
        "--no-learning", dest="learning", action="store_false", help="rank by the prior"
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--directory", type=Path, help="keep the filled shop there")
    parser.add_argument("--json", type=Path, help="write the figures there too")
    return parser.parse_args()


def main() -> int:
    options = arguments()
    with counting() as bar, opened(options, bar) as (platform, products):
        began = time.monotonic()
        run = simulate(platform, products, options, bar)
        found = report(run, platform, time.monotonic() - began, options)
    show(found)
    if options.json:
        options.json.write_text(json.dumps(found, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
