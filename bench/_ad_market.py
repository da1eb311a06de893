"""Twenty advertisers for the shop that benchmarks draw, and the day on which they advertise."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
from _shop import SELLER, work_off

from vitrine.assembly import Platform
from vitrine.demo.products import DemoProduct
from vitrine.wire.advertisers import AdvertiserIn
from vitrine.wire.campaigns import CampaignIn
from vitrine.wire.creatives import CreativeIn

UNIT = 1_000_000
ADVERTISERS = 20
CREATIVES = 10
# Of requests by the hour, from midnight: few at night, most in the evening.
BY_HOUR = (3, 2, 1, 1, 1, 2, 4, 6, 7, 8, 8, 9, 10, 9, 8, 8, 9, 11, 13, 15, 16, 14, 10, 6)


class Clock:
    """The time of the simulated day."""

    def __init__(self, begin: datetime) -> None:
        self.now = begin

    def __call__(self) -> datetime:
        return self.now


@dataclass(frozen=True)
class Advertised:
    """A campaign of the market: what its creatives draw on, and what it may spend on the day."""

    slug: str
    pacing: str
    daily_micros: int
    creatives: dict[str, DemoProduct]


def the_day() -> date:
    """A day on which nothing has happened yet."""
    return datetime.now(UTC).date() + timedelta(days=1)


def times(rng: np.random.Generator, count: int) -> list[datetime]:
    """When the requests of the day come, in order."""
    hours = rng.choice(24, size=count, p=np.array(BY_HOUR) / sum(BY_HOUR))
    seconds = np.sort(hours * 3600 + rng.uniform(0, 3600, count))
    begin = datetime.combine(the_day(), datetime.min.time(), UTC)
    return [begin + timedelta(seconds=float(one)) for one in seconds]


def open_market(
    platform: Platform, products: Sequence[DemoProduct], prefix: str, *, seed: int, requests: int
) -> list[Advertised]:
    """Let each advertiser have a campaign for products of one or two kinds.

    The same seed makes the same market. Some budgets are more than the day can bring, most less;
    two advertisers pay far more than the others, for things that few came for.
    """
    rng = np.random.default_rng([seed, 9])
    kinds = sorted({one.design.kind for one in products})
    market = []
    for number in range(ADVERTISERS):
        rich = number < 2
        chosen = rng.choice(kinds, size=1 if rich else 2, replace=False)
        of_kinds = [one for one in products if one.design.kind in chosen]
        picked = rng.choice(len(of_kinds), size=min(CREATIVES, len(of_kinds)), replace=False)
        bid_type = ("cpm", "cpa")[number % 2] if number >= 16 else "cpc"
        click = float(rng.lognormal(np.log(0.3), 0.4)) * (5 if rich else 1)
        bid = {"cpc": click, "cpm": click * 1000 * 0.05, "cpa": click / 0.05}[bid_type]
        # What a click costs times the clicks that a share of the day's slots brings.
        daily = click * requests * float(rng.uniform(0.002, 0.02))
        daily_micros = max(int(daily * UNIT), int(bid * UNIT))
        slug = f"{prefix}-{number:02d}"
        platform.advertisers.put(slug, AdvertiserIn(name=slug))
        fields: dict[str, Any] = {
            "advertiser": slug,
            "name": slug,
            "starts_on": the_day(),
            "ends_on": the_day(),
            "total_budget_micros": daily_micros,
            "daily_budget_micros": daily_micros,
            "bid_type": bid_type,
            "bid_micros": int(bid * UNIT),
            "pacing": "asap" if number % 10 == 9 else "even",
        }
        platform.campaigns.put(slug, CampaignIn.model_validate(fields), None)
        creatives = {f"{slug}-{at}": of_kinds[int(one)] for at, one in enumerate(picked)}
        for name, product in creatives.items():
            wanted = {
                "campaign": slug,
                "product_id": f"{SELLER}:{product.sku}",
                "landing_url": f"https://{slug}.example/{product.sku}",
            }
            platform.creatives.put(name, CreativeIn.model_validate(wanted), None)
        market.append(Advertised(slug, str(fields["pacing"]), daily_micros, creatives))
    work_off(platform)
    return market


def close_market(platform: Platform, market: Sequence[Advertised]) -> None:
    """Let nothing of it be shown any more."""
    for one in market:
        platform.campaigns.archive(one.slug)
    work_off(platform)
