"""Does the auction earn more, and please more, than simpler ways to give slots to ads?

A day of twenty advertisers, compressed into minutes: simulated shoppers (vitrine.demo.shoppers),
whose tastes the ad code cannot see, look at product pages with three ads each and click what they
like. The same day, with the same budgets and the same luck, once for each way:

    python bench/ads_day.py
    python bench/ads_day.py --requests 1500 --products 200      a short look
"""

import argparse
import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import recommend_loop
from _ad_arms import FirstPrice, Order, by_bid, by_chance, by_click_rate
from _ad_market import UNIT, Advertised, Clock, close_market, open_market, the_day, times
from _shop import SELLER
from rich.console import Console
from rich.progress import Progress
from rich.table import Table
from sqlalchemy import text

from vitrine.ads.click_learner import click_learn_all
from vitrine.ads.counters import Counters
from vitrine.ads.matching import AdMatcher
from vitrine.ads.pacing_work import pace_all
from vitrine.ads.traffic import Sender
from vitrine.assembly import Platform
from vitrine.cli.progress import counting
from vitrine.demo.products import DemoProduct
from vitrine.demo.shoppers import Shopper, draw_shoppers
from vitrine.learning.evaluation.bootstrap import estimate
from vitrine.wire.ad_events import AdEventIn, BeaconKind, ConversionIn
from vitrine.wire.ads import AdOut, MatchQuery

SLOTS = 3
# As often as pacing looks, at the scale of a day in minutes.
STEP = timedelta(seconds=60)
LEARN_EVERY = timedelta(minutes=10)
FEEDBACK_SECONDS = 600.0
SHOPPER = Sender(address="203.0.113.7", agent="Mozilla/5.0 (simulated)")
# For a thousand impressions: about a third of what one is worth in the middle.
RESERVE_MICROS = 3 * UNIT
RESERVED = "Vitrine, with a reserve"
ARMS: dict[str, Order | None] = {
    "Vitrine": None,
    RESERVED: None,
    "random": by_chance,
    "highest bid": by_bid,
    "click rate only": by_click_rate,
}


@dataclass
class Day:
    """What happened in one arm. `spent` has what each campaign had spent at each step."""

    market: list[Advertised]
    impressions: list[int] = field(default_factory=list)
    clicks: list[int] = field(default_factory=list)
    liking: list[float] = field(default_factory=list)
    relevance: list[float] = field(default_factory=list)
    sales: int = 0
    worth: int = 0
    spent: list[dict[str, int]] = field(default_factory=list)
    steps: list[datetime] = field(default_factory=list)


@contextmanager
def arm_of(
    platform: Platform, name: str, clock: Clock, seed: int
) -> Iterator[tuple[Platform, AdMatcher]]:
    """A platform that lives in the simulated day and gives slots in this way."""
    settings = platform.settings.model_copy(
        update={"ad_token_seconds": 10**7, "ad_clicks_per_minute": 10**6}
    )
    order = ARMS[name]
    if order is not None:
        settings = settings.model_copy(update={"ad_relevance_floor": 0.0})
    if name == RESERVED:
        settings = settings.model_copy(update={"ad_reserve_micros": RESERVE_MICROS})
    counters = Counters(platform.redis_calls, platform.reading.connect, seconds=900, clock=clock)
    living = replace(platform, settings=settings, ad_counters=counters, clock=clock)
    matcher = living.matcher
    if order is not None:
        tools = matcher.tools
        naive = FirstPrice(counters, tools.auctioneer, order, seed)
        matcher = AdMatcher(replace(tools, auctioneer=naive))
    yield living, matcher


def forget_learning(platform: Platform) -> None:
    """Let the next arm begin with what nobody has learnt anything of."""
    with platform.sessions.begin() as session:
        session.execute(text("truncate click_models, creative_stats"))
        session.execute(text("update ad_slots set learned = true where not learned"))
    platform.redis.flushdb()


def spend_of(platform: Platform, market: list[Advertised]) -> dict[str, int]:
    with platform.sessions() as session:
        rows = session.execute(
            text(
                "select slug, spent_micros from campaigns join budgets on campaign_id = id"
                " where slug = any(:slugs)"
            ),
            {"slugs": [one.slug for one in market]},
        )
        return {row.slug: row.spent_micros for row in rows}


def worth_of(platform: Platform, market: list[Advertised]) -> int:
    """What the winners had bid for what they were charged for, in micros."""
    with platform.sessions() as session:
        found = session.scalar(
            text(
                """
                select sum(case event when 'impression' then bid_micros / 1000 else bid_micros end)
                from ledger join ad_slots using (decision, position, event)
                where ledger.campaign_id in (select id from campaigns where slug = any(:slugs))
                """
            ),
            {"slugs": [one.slug for one in market]},
        )
    return int(found or 0)


class Place:
    """Where the shoppers of one arm are shown ads: what they do is told as a shop tells it."""

    def __init__(
        self,
        platform: Platform,
        matcher: AdMatcher,
        market: list[Advertised],
        products: list[DemoProduct],
        clock: Clock,
    ) -> None:
        self.platform = platform
        self.day = Day(market)
        self._matcher = matcher
        self._products = products
        self._clock = clock
        self._drawn = {name: one for each in market for name, one in each.creatives.items()}
        self._events = platform.ad_events
        self._conversions = platform.conversions

    def live(self, options: argparse.Namespace, bar: Progress) -> Day:
        """Go through the day, request by request, with what the workers do in between."""
        rng = np.random.default_rng([options.seed, 3])
        moments = times(rng, options.requests)
        order = rng.integers(0, options.shoppers, options.requests)
        shoppers = draw_shoppers(options.seed, options.shoppers)
        due = learn = self._clock.now
        task = bar.add_task("requests", total=len(moments))
        for moment, which in zip(moments, order, strict=True):
            while due <= moment:
                learn = self._step(due, learn)
                due += STEP
            self._clock.now = moment
            self._visit(shoppers[int(which)])
            bar.advance(task)
        bar.remove_task(task)
        self._note_spent(self._clock.now)
        self.day.worth = worth_of(self.platform, self.day.market)
        return self.day

    def _step(self, now: datetime, learn: datetime) -> datetime:
        self._clock.now = now
        self._note_spent(now)
        pace_all(self.platform.sessions, now=now)
        if now >= learn:
            click_learn_all(self.platform.sessions, now, feedback_seconds=FEEDBACK_SECONDS)
            learn += LEARN_EVERY
        self._matcher.forget()
        return learn

    def _note_spent(self, now: datetime) -> None:
        self.day.steps.append(now)
        self.day.spent.append(spend_of(self.platform, self.day.market))

    def _visit(self, shopper: Shopper) -> None:
        """A shopper looks at a product page and its ads."""
        page, day = shopper.arrive(self._products), self.day
        query = MatchQuery(
            client_id=shopper.name, product_id=f"{SELLER}:{page.sku}", slots=SLOTS, placement="page"
        )
        ads = self._matcher.match(query, key_id="bench").ads
        shown = [self._drawn[one.creative] for one in ads]
        day.liking += [shopper.taste.attraction(one) for one in shown]
        day.relevance += [one.relevance.total for one in ads]
        acts = shopper.look(shown)
        self._tell(ads, "impression")
        self._clock.now += timedelta(seconds=1)
        clicked = [ads[act.position] for act in acts if act.name == "select_item"]
        self._tell(clicked, "click")
        bought = {act.product.sku for act in acts if act.name == "purchase"}
        for one in clicked:
            if self._drawn[one.creative].sku in bought:
                self._sell(one)
        day.impressions.append(len(ads))
        day.clicks.append(len(clicked))

    def _tell(self, ads: list[AdOut], event: BeaconKind) -> None:
        if ads:
            self._events.take([AdEventIn(token=one.token, event=event) for one in ads], SHOPPER)

    def _sell(self, ad: AdOut) -> None:
        self.day.sales += 1
        told = {
            "order_id": f"{ad.campaign}-{self.day.sales}",
            "value": self._drawn[ad.creative].price,
            "token": ad.token,
        }
        self._conversions.take([ConversionIn.model_validate(told)])


def pacing_errors(day: Day) -> dict[str, float]:
    """Mean |spent − plan| in parts of the budget, of even campaigns that found their demand."""
    begin = day.steps[0]
    parts = np.array([(at - begin) / timedelta(days=1) for at in day.steps])
    found = {}
    for one in day.market:
        spent = np.array([each[one.slug] for each in day.spent]) / one.daily_micros
        if one.pacing == "even" and spent[-1] >= 0.95:
            found[one.slug] = float(np.abs(spent - parts).mean())
    return found


def figures(day: Day) -> dict[str, Any]:
    spent, errors = day.spent[-1], pacing_errors(day)
    shown, clicks = np.array(day.impressions), np.array(day.clicks)
    served = shown > 0
    rates = clicks[served] / shown[served]
    over = [one.slug for one in day.market if spent[one.slug] > one.daily_micros]
    return {
        "revenue": sum(spent.values()) / UNIT,
        "worth": day.worth / UNIT,
        "impressions": int(shown.sum()),
        "clicks": int(clicks.sum()),
        "click_rate": vars(estimate(rates)),
        "liking": vars(estimate(np.array(day.liking))),
        "relevance": float(np.mean(day.relevance)),
        "sales": day.sales,
        "pacing_error": float(np.mean(list(errors.values()))) if errors else None,
        "worst_pacing_error": max(errors.values(), default=None),
        "paced": len(errors),
        "delivered": float(np.mean([spent[one.slug] / one.daily_micros for one in day.market])),
        "overspent": over,
    }


def show(found: dict[str, Any], options: argparse.Namespace, seconds: float) -> None:
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 200)
    console.print(
        f"{options.requests:,} requests of {SLOTS} slots by {options.shoppers} shoppers, "
        f"{options.products} products, {len(options.arms)} × {the_day()}; {seconds:.0f} s"
    )
    table = Table(box=None, header_style="bold", pad_edge=False)
    for heading in ("", "revenue", "worth", "impressions", "click rate", "95 % interval", "liking",
                    "relevance", "sales", "budgets delivered", "pacing error (worst, of)",
                    "overspent"):  # fmt: skip
        table.add_column(heading, justify="right" if heading else "left", no_wrap=True)
    for name, one in found.items():
        error = "–"
        if one["pacing_error"] is not None:
            error = f"{one['pacing_error']:.1%} ({one['worst_pacing_error']:.1%}, {one['paced']})"
        rate = one["click_rate"]
        table.add_row(
            name,
            f"{one['revenue']:.2f}",
            f"{one['worth']:.2f}",
            f"{one['impressions']:,}",
            f"{rate['value']:.4f}",
            f"{rate['low']:.4f} – {rate['high']:.4f}",
            f"{one['liking']['value']:.4f}",
            f"{one['relevance']:.3f}",
            str(one["sales"]),
            f"{one['delivered']:.0%}",
            error,
            str(len(one["overspent"])),
        )
    console.print(table)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="A day of ads, once for each way to sell slots.")
    parser.add_argument("--requests", type=int, default=8000)
    parser.add_argument("--products", type=int, default=400)
    parser.add_argument("--shoppers", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--arms", nargs="+", choices=ARMS, default=list(ARMS))
    parser.add_argument("--directory", type=Path, help="keep the filled shop there")
    parser.add_argument("--json", type=Path, help="write the figures there too")
    parser.set_defaults(exploration=0.1)
    return parser.parse_args()


def main() -> int:
    options = arguments()
    found: dict[str, Any] = {}
    began = time.monotonic()
    with counting() as bar, recommend_loop.opened(options, bar) as (platform, products):
        there = [one for one in products if one.availability == "in_stock"]
        for at, name in enumerate(options.arms):
            forget_learning(platform)
            clock = Clock(datetime.combine(the_day(), datetime.min.time(), UTC))
            prefix = f"run{int(time.time())}-{at}"
            market = open_market(
                platform, there, prefix, seed=options.seed, requests=options.requests
            )
            with arm_of(platform, name, clock, options.seed) as (living, matcher):
                day = Place(living, matcher, market, there, clock).live(options, bar)
            found[name] = figures(day)
            close_market(platform, market)
    show(found, options, time.monotonic() - began)
    if options.json:
        options.json.write_text(json.dumps(found, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
