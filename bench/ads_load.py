"""Is a budget ever overspent, and is it spent, when 64 visitors click at once?

    .venv/bin/python bench/ads_load.py
    .venv/bin/python bench/ads_load.py --without-redis-for 5

One campaign pays by the click and has 1,000 units: in all, and in a second run for each day. Rivals
who pay less, each in another country, make its prices. Visitors over real sockets ask for an ad,
see it and click; events come twice, and some are sent by who hangs up before the answer. They would
click for half as much again as there is. Then the ledger is added up, `vitrine ads verify` goes
through the books, and the exit status is 1 if more was spent than there was, if less than 99 % of
what demand allowed was, or if anything does not add up.
"""

import argparse
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from _ad_visitors import Tally, Visit, Visitor, run
from _shop import work_off
from _standing import Shop, environment, open_shop, serving
from _synthetic import SEED, public_id
from sqlalchemy import text

from vitrine import logs
from vitrine.cli.progress import counting
from vitrine.demo.products import DemoProduct, product
from vitrine.embedded.ports import is_free
from vitrine.embedded.programs import vitrine_command
from vitrine.embedding.cores import usable_cores
from vitrine.settings import load_settings
from vitrine.wire.advertisers import AdvertiserIn
from vitrine.wire.campaigns import CampaignIn
from vitrine.wire.creatives import CreativeIn

UNIT = 1_000_000
BID = 3 * UNIT
# What the rival in each country bids, and so what a click there costs.
PRICES = {"DE": 600_000, "FR": 900_000, "GB": 1_400_000, "US": 2_100_000}
LEAST_SHARE = 0.99
PRODUCTS = 200
_PORT_SECONDS = 20.0
# Nobody is held back, every visitor is one, and chance draws nothing.
OPEN = {"rate_limit_per_address": 0, "ad_clicks_per_minute": 1_000_000, "ad_exploration": 0}

_FOUND = text(
    """
    select
        (select coalesce(sum(amount_micros), 0) from ledger where campaign_id = campaigns.id)
            as spent,
        (select coalesce(max(sum), 0) from (
            select sum(amount_micros) from ledger where campaign_id = campaigns.id group by day
        ) as days) as most_on_a_day,
        (select count(*) from ledger where campaign_id = campaigns.id) as charges,
        (select count(*) from ad_events where campaign_id = campaigns.id and kind = 'impression')
            as impressions,
        (select count(*) from ad_events where campaign_id = campaigns.id and kind = 'click')
            as clicks,
        (select count(*) from ad_events where campaign_id = campaigns.id and kind = 'click'
            and unbilled is not null) as unbilled,
        (select count(*) from ad_events where campaign_id = campaigns.id
            and invalid is not null) as invalid,
        array(select distinct price_micros from ad_slots
            where campaign_id = campaigns.id order by 1) as prices
    from campaigns where slug = :slug
    """
)


@dataclass(frozen=True)
class Market:
    """The campaign that is measured, its rivals, and what a visit looks at."""

    campaign: str
    rivals: list[str]
    category: str


@dataclass(frozen=True)
class Result:
    """What came of one run."""

    counts: dict[str, int]
    clicked: int
    demand: int
    found: dict[str, Any]
    books: str
    seconds: float

    @property
    def allowed(self) -> int:
        return min(self.demand, self.found["budget"])

    @property
    def share(self) -> float:
        return self.found["spent"] / self.allowed

    def faults(self) -> Iterator[str]:
        """Say what must not be."""
        found = self.found
        if found["most_on_a_day" if found["daily"] else "spent"] > found["budget"]:
            yield "more was spent than there was"
        if self.share < LEAST_SHARE:
            yield f"{self.share:.2%} of what demand allowed was spent"
        if found["clicks"] != self.clicked:
            yield f"{self.clicked} ads were clicked, {found['clicks']} clicks are recorded"
        if found["clicks"] != found["charges"] + found["unbilled"]:
            yield "a click was neither billed nor marked as unbilled"
        if found["invalid"]:
            yield f"{found['invalid']} events were marked as invalid"
        if not set(found["prices"]) <= set(PRICES.values()):
            yield f"there were other prices than those of the rivals: {found['prices']}"
        if self.books != "The books add up.":
            yield self.books


def open_market(shop: Shop, prefix: str, budget: int, *, daily: bool) -> Market:
    """Let the campaign and its rivals be, and be found."""
    platform, alike = shop.platform, _alike()
    hour = datetime.now(UTC).hour
    common = {
        "starts_on": datetime.now(UTC).date() - timedelta(days=2),
        # No day is to end meanwhile.
        "time_zone": "UTC" if 1 <= hour < 22 else "Asia/Tokyo",
        "bid_type": "cpc",
        "pacing": "asap",
        "total_budget_micros": 10**12,
    }
    mine = {"bid_micros": BID, "total_budget_micros": 10 * budget if daily else budget}
    if daily:
        mine["daily_budget_micros"] = budget
    wanted: dict[str, dict[str, Any]] = {f"{prefix}-load": mine} | {
        f"{prefix}-{geo.lower()}": {"bid_micros": price, "targeting": {"geo": [geo]}}
        for geo, price in PRICES.items()
    }
    for at, (slug, fields) in enumerate(wanted.items()):
        platform.advertisers.put(slug, AdvertiserIn(name=slug))
        whole = {**common, **fields, "advertiser": slug, "name": slug}
        platform.campaigns.put(slug, CampaignIn.model_validate(whole), None)
        drawn = {"campaign": slug, "product_id": public_id(alike[at])}
        creative = CreativeIn.model_validate({**drawn, "landing_url": f"https://{slug}.example/"})
        platform.creatives.put(slug, creative, None)
    work_off(platform)
    campaign, *rivals = wanted
    return Market(campaign, rivals, alike[0].category)


def _alike() -> list[DemoProduct]:
    """Products of one category that can be ordered, so that all suit a page equally."""
    there: dict[str, list[DemoProduct]] = {}
    for at in range(PRODUCTS):
        one = product(SEED, at)
        if one.availability == "in_stock":
            there.setdefault(one.category, []).append(one)
    return max(there.values(), key=len)


def close_markets(shop: Shop) -> None:
    """End all campaigns, those of a run that was broken off too."""
    with shop.platform.sessions() as session:
        slugs = session.scalars(text("select slug from campaigns where state <> 'archived'")).all()
    for slug in slugs:
        shop.platform.campaigns.archive(slug)


def visits_of(market: Market, budget: int, demand: float) -> list[Visit]:
    """So many visits that their clicks would cost `demand` times the budget."""
    dice = random.Random(SEED)
    count = round(demand * budget * len(PRICES) / sum(PRICES.values()))
    geos = (list(PRICES) * (count // len(PRICES) + 1))[:count]
    dice.shuffle(geos)
    return [Visit(market.category, geo) for geo in geos]


def let_redis_die(shop: Shop, seconds: float, after: float) -> None:
    """Let Redis die in a moment, and come back with nothing in it."""
    redis = shop.services.redis
    port = redis.port
    time.sleep(after)
    redis.kill()
    time.sleep(seconds)
    # Somebody may have connected from there to somewhere meanwhile.
    until = time.monotonic() + _PORT_SECONDS
    while not is_free(port) and time.monotonic() < until:
        time.sleep(0.05)
    redis.start()
    if redis.port != port:
        raise SystemExit("Redis could not come back on its port; run this once more.")
    print(f"Redis was away for {seconds:.0f} s", file=sys.stderr)


def measure(shop: Shop, options: argparse.Namespace, *, daily: bool) -> Result:
    """Run one campaign until all visitors were there."""
    budget = options.budget * UNIT
    prefix = f"run{int(time.time())}{'-daily' if daily else ''}"
    close_markets(shop)
    market = open_market(shop, prefix, budget, daily=daily)
    with serving(shop, **OPEN) as url:
        tally, key = Tally(), shop.api_key("ads")
        visitors = [
            Visitor(at, f"{prefix}-visitor-{at}", url, key, tally) for at in range(options.clients)
        ]
        visits = visits_of(market, budget, options.demand)
        began = time.monotonic()
        with ThreadPoolExecutor(1) as beside:
            done = beside.submit(run, visitors, visits, market.campaign)
            # Not beside them: a server dies with the thread that started it.
            if options.without_redis_for:
                let_redis_die(shop, options.without_redis_for, options.without_redis_after)
            done.result()
        seconds = time.monotonic() - began
    with shop.platform.sessions() as session:
        row = session.execute(_FOUND, {"slug": market.campaign}).one()
    command = vitrine_command("ads", "verify")
    known = {**os.environ, **environment(shop)}
    books = subprocess.run(command, env=known, capture_output=True, text=True, check=False)
    return Result(
        counts=dict(tally.counts),
        clicked=len(tally.clicked),
        demand=sum(PRICES[one.geo] for one in visits),
        found={**row._asdict(), "spent": int(row.spent), "most_on_a_day": int(row.most_on_a_day),
               "budget": budget, "daily": daily},
        books=(books.stdout + books.stderr).strip(),
        seconds=seconds,
    )  # fmt: skip


def show(result: Result) -> None:
    """Print one run."""
    found, counts = result.found, result.counts
    kind = "a day" if found["daily"] else "in all"
    print(
        f"\n{found['budget'] / UNIT:,.0f} units {kind}; clicks for {result.demand / UNIT:,.1f} "
        f"wanted, at {', '.join(f'{price / UNIT:.1f}' for price in found['prices'])}\n"
        f"spent by the ledger: {found['spent'] / UNIT:,.6f} = {result.share:.3%} of what demand "
        f"allowed\n"
        f"ads: {counts.get('shown', 0):,} of the campaign, {counts.get('shown others', 0):,} of "
        f"its rivals, {counts.get('nothing shown', 0):,} times none\n"
        f"clicks: {found['clicks']:,} recorded, {found['charges']:,} billed, {found['unbilled']:,} "
        f"not covered any more; impressions: {found['impressions']:,}\n"
        f"sent again: {counts.get('sent again', 0):,}, hung up: {counts.get('hung up', 0):,}; "
        f"{result.books}\n"
        f"{counts['requests']:,} requests in {result.seconds:.1f} s, "
        f"{counts['requests'] / result.seconds:.0f} a second; load {os.getloadavg()[0]:.1f} on "
        f"{usable_cores()} cores"
    )
    odd = {name: count for name, count in counts.items() if "answered" in name or "given" in name}
    if odd:
        print(f"answers: {odd}")
    for fault in result.faults():
        print(f"FAULT: {fault}")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="A budget under 64 visitors at once.")
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--budget", type=int, default=1000, help="units")
    parser.add_argument("--demand", type=float, default=1.5, help="times the budget")
    parser.add_argument("--without-redis-for", type=float, default=0.0, metavar="SECONDS")
    parser.add_argument("--without-redis-after", type=float, default=4.0, metavar="SECONDS")
    parser.add_argument("--directory", type=Path, help="kept shops [<data dir>/bench]")
    parser.add_argument("--json", type=Path, help="write the figures there too")
    options = parser.parse_args()
    options.directory = (options.directory or load_settings().data_dir / "bench").absolute()
    return options


def main() -> int:
    options = arguments()
    logs.configure(load_settings().model_copy(update={"log_level": "ERROR"}), process="bench")
    results = []
    with counting() as bar, open_shop(options.directory / "ads-load", PRODUCTS, bar) as shop:
        for daily in (False, True):
            results.append(measure(shop, options, daily=daily))
            show(results[-1])
    if options.json:
        options.json.write_text(json.dumps([vars(one) for one in results], indent=1))
    return int(any(list(one.faults()) for one in results))


if __name__ == "__main__":
    sys.exit(main())
