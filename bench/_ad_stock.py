"""Campaigns for a big shop, written past the api: their creatives draw on its products."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
from _standing import Shop
from _synthetic import SEED
from rich.progress import Progress
from sqlalchemy import insert, select, text

from vitrine.ads.models import Advertiser, Budget, Campaign, Control, Creative
from vitrine.assembly import Platform
from vitrine.catalog.models import CREATIVE, EXAMPLE, SEARCHABLE, CreativeImage
from vitrine.index.generations import active_generation
from vitrine.ingest.beside import repair_beside

CREATIVES_EACH, CAMPAIGNS_EACH = 10, 2
# More than any benchmark can spend.
BUDGET_MICROS = 10**14
_PAGE = 5000
_CLEAR = ("creative_stats", "creative_images", "creatives", "controls", "budgets", "campaigns",
          "advertisers")  # fmt: skip
_PRODUCTS = text(
    """
    select products.seller_id, products.sku, products.title, products.category, (
        select cid from product_images where product_id = products.id order by position limit 1
    ) as cid
    from products order by products.id
    """
)


@dataclass(frozen=True)
class Stocked:
    """What advertises in the shop."""

    advertisers: int
    campaigns: int
    creatives: int
    collection: str


def stock_ads(shop: Shop, creatives: int, bar: Progress) -> Stocked:
    """Have this many creatives advertise, and no others; what was decided before is forgotten.

    A third has a picture of its own, the others show their product's. Of the campaigns about half
    are targeted or excluded from somewhere, a third caps how often one person sees it.
    """
    platform = shop.platform
    with platform.sessions.begin() as session:
        session.execute(text("truncate ad_decisions, ad_slots, ad_events"))
        there = session.scalar(text("select count(*) from creatives"))
        collection = active_generation(session).creatives_collection
    if there != creatives:
        _write(platform, creatives, bar)
        platform.index.drop(collection)
    if there != creatives or not platform.index.exists(collection):
        task = bar.add_task("creatives", total=None)
        repair_beside(platform.ingest)
        bar.remove_task(task)
    campaigns = -(-creatives // CREATIVES_EACH)
    return Stocked(-(-campaigns // CAMPAIGNS_EACH), campaigns, creatives, collection)


def _write(platform: Platform, count: int, bar: Progress) -> None:
    with platform.sessions.begin() as session:
        for table in _CLEAR:
            session.execute(text(f"delete from {table}"))
        products = session.execute(_PRODUCTS).all()
    rows = _rows(products, count)
    task = bar.add_task("campaigns", total=sum(len(some) for some in rows.values()))
    with platform.sessions.begin() as session:
        for table, some in rows.items():
            for start in range(0, len(some), _PAGE):
                session.execute(insert(table), some[start : start + _PAGE])
                bar.advance(task, len(some[start : start + _PAGE]))
        last = {Campaign: len(rows[Campaign]), Creative: count}
        for table, id_ in last.items():
            named = table.__tablename__
            session.execute(select(text(f"setval(pg_get_serial_sequence('{named}', 'id'), {id_})")))
        session.execute(text("analyze"))
    bar.remove_task(task)


def _rows(products: Sequence[Any], count: int) -> dict[Any, list[dict[str, Any]]]:
    """Rows of every table; a campaign is for products of one category."""
    dice = np.random.default_rng([SEED, 11])
    kinds: dict[str, list[Any]] = {}
    for product in products:
        kinds.setdefault(product.category, []).append(product)
    names = sorted(kinds)
    campaigns = -(-count // CREATIVES_EACH)
    rows: dict[Any, list[dict[str, Any]]] = {
        table: [] for table in (Advertiser, Campaign, Budget, Control, Creative, CreativeImage)
    }
    for number in range(-(-campaigns // CAMPAIGNS_EACH)):
        rows[Advertiser].append({"id": f"advertiser-{number}", "name": f"Advertiser {number}"})
    for number in range(campaigns):
        category, id_ = names[int(dice.integers(len(names)))], number + 1
        rows[Campaign].append(_campaign(id_, category, dice))
        rows[Budget].append({"campaign_id": id_, "total_micros": BUDGET_MICROS})
        rows[Control].append({"campaign_id": id_})
        if dice.random() < 0.05:
            rows[CreativeImage].append(_image(EXAMPLE, id_, _pick(kinds[category], dice).cid))
        for at in range(number * CREATIVES_EACH, min((number + 1) * CREATIVES_EACH, count)):
            product, own = _pick(kinds[category], dice), dice.random() < 1 / 3
            rows[Creative].append(_creative(at + 1, id_, product, own=own))
            if own:
                rows[CreativeImage].append(_image(CREATIVE, at + 1, product.cid))
    return rows


def _campaign(id_: int, category: str, dice: np.random.Generator) -> dict[str, Any]:
    bid_type = str(dice.choice(["cpc", "cpm", "cpa"], p=[0.7, 0.2, 0.1]))
    click = float(dice.lognormal(np.log(300_000), 0.4))
    bid = {"cpc": click, "cpm": click * 20, "cpa": click * 20}[bid_type]
    department, drawn = category.partition("/")[0], dice.random()
    targeting: dict[str, Any] = {}
    exclusions: dict[str, Any] = {}
    if drawn < 0.15:
        targeting = {"categories": [department]}
    elif drawn < 0.25:
        targeting = {"geo": ["DE", "FR"]}
    elif drawn < 0.32:
        targeting = {"devices": ["mobile"]}
    elif drawn < 0.40:
        targeting = {"price": {"gte": "5", "lt": "80"}}
    elif drawn < 0.45:
        targeting = {"interests": [category]}
    elif drawn < 0.52:
        exclusions = {"geo": ["US"], "categories": [category]}
    capped = [{"per": "day", "impressions": 20}, {"per": "flight", "impressions": 200}]
    return {
        "id": id_,
        "slug": f"campaign-{id_}",
        "advertiser_id": f"advertiser-{(id_ - 1) // CAMPAIGNS_EACH}",
        "name": f"Campaign {id_}",
        "time_zone": ("UTC", "Europe/Berlin", "America/New_York")[id_ % 3],
        "starts_on": date(2026, 1, 1),
        "total_budget_micros": BUDGET_MICROS,
        "bid_type": bid_type,
        "bid_micros": int(bid),
        "pacing": "asap",
        "caps": capped if dice.random() < 1 / 3 else [],
        "targeting": targeting,
        "exclusions": exclusions,
        "click_days": 7,
        "view_days": 1,
    }


def _creative(id_: int, campaign: int, product: Any, *, own: bool) -> dict[str, Any]:
    """One with a picture of its own has words of its own; the others have their product's."""
    return {
        "id": id_,
        "slug": f"creative-{id_}",
        "campaign_id": campaign,
        "title": product.title if own else "",
        "call_to_action": "See it",
        "landing_url": f"https://shop.example/{product.sku}",
        "category": product.category if own else None,
        "seller_id": None if own else product.seller_id,
        "sku": None if own else product.sku,
    }


def _image(kind: str, owner: int, cid: str) -> dict[str, Any]:
    return {"kind": kind, "owner_id": owner, "cid": cid, "position": 0, "state": SEARCHABLE}


def _pick(some: Sequence[Any], dice: np.random.Generator) -> Any:
    return some[int(dice.integers(len(some)))]
