"""Which candidates may be shown at all, and why not the others: decided in memory."""

import random
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

import numpy as np
from sqlalchemy import text

from vitrine.ads.context import AdContext
from vitrine.ads.counters import Standing
from vitrine.ads.creative_vectors import CreativeVectors
from vitrine.ads.running import Running, RunningCampaign, RunningCreative
from vitrine.ads.targeting import Situation, refusal
from vitrine.catalog.models import Product
from vitrine.db import Readers

_PRODUCTS = text(
    """
    select id, seller_id, sku, title, category, price, availability from products
    where (seller_id, sku) in (
        select * from unnest(cast(:sellers as text[]), cast(:skus as text[]))
    )
    """
)


@dataclass(frozen=True, slots=True)
class Drawn:
    """A product that a creative draws on, as it stands now."""

    id: int
    title: str
    category: str
    price: Decimal


@dataclass(frozen=True, slots=True)
class Eligible:
    """A creative that may be shown, with all that it is made of."""

    creative: RunningCreative
    campaign: RunningCampaign
    product: Drawn | None

    @property
    def category(self) -> str | None:
        """What it is about."""
        return self.creative.category if self.product is None else self.product.category


@dataclass(slots=True)
class Sifted:
    """Who may take part, and who may not: why, by creative, as far as it is written down."""

    eligible: list[Eligible] = field(default_factory=list)
    refused: dict[int, str] = field(default_factory=dict)

    @property
    def reasons(self) -> Counter[str]:
        """How many creatives were refused, by reason."""
        return Counter(self.refused.values())


class Sieve:
    """Decides who may take part; safe to share between threads."""

    def __init__(self, readers: Readers, vectors: CreativeVectors) -> None:
        self._readers = readers
        self._vectors = vectors

    def sift(
        self, candidates: Iterable[int], running: Running, context: AdContext, seed: int
    ) -> Sifted:
        """Go through the candidates: state, flight, budget, pace, targeting, product."""
        found, situation = Sifted(), context.situation
        standing: list[tuple[RunningCreative, RunningCampaign]] = []
        reasons: dict[int, str | None] = {}
        for id_ in candidates:
            creative = running.creatives[id_]
            campaign = running.campaigns.get(creative.campaign_id)
            if campaign is None:
                found.refused[id_] = "campaign"
                continue
            if campaign.id not in reasons:
                reasons[campaign.id] = self._refusal(campaign, context, situation, seed)
            if reason := reasons[campaign.id]:
                found.refused[id_] = reason
            else:
                standing.append((creative, campaign))
        self._draw_products(standing, context, found)
        return found

    def _refusal(
        self, campaign: RunningCampaign, context: AdContext, situation: Situation, seed: int
    ) -> str | None:
        """Say why a campaign takes no part, or None."""
        if not campaign.is_in_flight(context.now):
            return "flight"
        if reason := spent(campaign.standing, campaign.today(context.now)):
            return reason
        if reason := refusal(campaign.rules, situation):
            return reason
        if campaign.by_example and not self._is_like_examples(campaign, context):
            return "targeting:examples"
        return None if draws_in(campaign.id, campaign.pace, seed) else "pacing"

    def _is_like_examples(self, campaign: RunningCampaign, context: AdContext) -> bool:
        seen = [*context.pictures, *(one.vector for one in context.interests)]
        known = self._vectors.of_pictures(campaign.examples, context.serving.model.digest)
        if not seen or not known:
            return False
        cosines = np.stack(seen) @ np.stack(list(known.values())).T
        return bool(cosines.max() >= campaign.example_similarity)

    def _draw_products(
        self,
        standing: list[tuple[RunningCreative, RunningCampaign]],
        context: AdContext,
        found: Sifted,
    ) -> None:
        wanted = {one.product for one, _ in standing if one.product is not None}
        products, gone = self._products(wanted)
        profile = context.profile
        for creative, campaign in standing:
            product = None
            if creative.product is not None:
                product = products.get(creative.product)
                if product is None:
                    found.refused[creative.id] = gone.get(creative.product, "product_gone")
                    continue
                if reason := _is_known(product, context, profile.hidden, profile.bought):
                    found.refused[creative.id] = reason
                    continue
            found.eligible.append(Eligible(creative, campaign, product))

    def _products(
        self, wanted: Collection[tuple[str, str]]
    ) -> tuple[Mapping[tuple[str, str], Drawn], Mapping[tuple[str, str], str]]:
        """Read those that can be ordered; and why not the others, if they are there."""
        products: dict[tuple[str, str], Drawn] = {}
        gone: dict[tuple[str, str], str] = {}
        if wanted:
            sellers, skus = zip(*sorted(wanted), strict=True)
            with self._readers() as reads:
                rows = reads.execute(_PRODUCTS, {"sellers": list(sellers), "skus": list(skus)})
            for row in rows:
                key = (row.seller_id, row.sku)
                if Product.is_in_stock(row.availability):
                    products[key] = Drawn(row.id, row.title, row.category, row.price)
                else:
                    gone[key] = "out_of_stock"
        return products, gone


def spent(standing: Standing, today: date) -> str | None:
    """Say which budget has nothing left, as far as this process knows, or None."""
    if standing.spent_micros >= standing.total_micros:
        return "budget"
    day_spent = standing.day_spent_micros if standing.day and standing.day >= today else 0
    if standing.daily_micros is not None and day_spent >= standing.daily_micros:
        return "daily_budget"
    return None


def draws_in(campaign_id: int, pace: float, seed: int) -> bool:
    """Draw whether a campaign of this pace takes part: the same for the same seed."""
    if pace >= 1.0:
        return True
    dice = random.Random(f"{seed}:{campaign_id}")  # noqa: S311 - a draw among ads is no secret
    return dice.random() < pace


def _is_known(
    product: Drawn, context: AdContext, hidden: Collection[int], bought: Collection[int]
) -> str | None:
    """Say why a product is of no use to who looks, or None."""
    if context.product is not None and context.product.id == product.id:
        return "on_the_page"
    if product.id in hidden:
        return "hidden"
    return "bought" if product.id in bought else None
