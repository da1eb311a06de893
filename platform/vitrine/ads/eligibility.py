"""Which candidates may be shown at all, and why not the others: decided in memory."""

from collections import Counter
from collections.abc import Collection, Iterable, Set
from dataclasses import dataclass, field
from datetime import date
from hashlib import blake2b

import numpy as np

from vitrine.ads.context import AdContext
from vitrine.ads.counters import Standing
from vitrine.ads.creative_vectors import CreativeVectors
from vitrine.ads.days import local_day
from vitrine.ads.drawing import Drawn, DrawnProducts
from vitrine.ads.running import Running, RunningCampaign, RunningCreative
from vitrine.ads.targeting import Situation, refusal

_DRAWN_BYTES = 8
_DRAWN = 256**_DRAWN_BYTES


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

    def __init__(self, products: DrawnProducts, vectors: CreativeVectors) -> None:
        self._products = products
        self._vectors = vectors

    def sift(
        self,
        candidates: Iterable[int],
        running: Running,
        context: AdContext,
        seed: int,
        gone: Set[int] = frozenset(),
    ) -> Sifted:
        """Go through the candidates: state, flight, budget, pace, targeting, product.

        `gone` are creatives that turned out to be: their products are looked up anew.
        """
        found = Sifted()
        gate = _Gate(self._vectors, context, seed)
        standing: list[tuple[RunningCreative, RunningCampaign]] = []
        reasons: dict[int, str | None] = {}
        for id_ in candidates:
            creative = running.creatives[id_]
            campaign = running.campaigns.get(creative.campaign_id)
            if campaign is None:
                found.refused[id_] = "campaign"
                continue
            if campaign.id not in reasons:
                reasons[campaign.id] = gate.refusal(campaign)
            if reason := reasons[campaign.id]:
                found.refused[id_] = reason
            else:
                standing.append((creative, campaign))
        self._draw_products(standing, context, gone, found)
        return found

    def _draw_products(
        self,
        standing: list[tuple[RunningCreative, RunningCampaign]],
        context: AdContext,
        gone: Set[int],
        found: Sifted,
    ) -> None:
        wanted = {one.product for one, _ in standing if one.product is not None}
        self._products.forget(
            one.product for one, _ in standing if one.id in gone and one.product is not None
        )
        products = self._products.of(wanted)
        profile = context.profile
        for creative, campaign in standing:
            product = None
            if creative.product is not None:
                product = products.get(creative.product)
                if reason := _refused_product(product, context, profile.hidden, profile.bought):
                    found.refused[creative.id] = reason
                    continue
            elif creative.cid is None:
                found.refused[creative.id] = "no_picture"
                continue
            if creative.id in gone:
                found.refused[creative.id] = "gone"
                continue
            found.eligible.append(Eligible(creative, campaign, product))


class _Gate:
    """Tells of campaigns whether they take part in one request."""

    def __init__(self, vectors: CreativeVectors, context: AdContext, seed: int) -> None:
        self._vectors = vectors
        self._context = context
        self._seed = seed
        self._situation: Situation = context.situation
        self._days: dict[str, date] = {}

    def refusal(self, campaign: RunningCampaign) -> str | None:
        """Say why a campaign takes no part, or None."""
        if not campaign.is_in_flight(self._context.now):
            return "flight"
        if reason := spent(campaign.standing, self._today(campaign.time_zone)):
            return reason
        if reason := refusal(campaign.rules, self._situation):
            return reason
        if campaign.by_example and not self._is_like_examples(campaign):
            return "targeting:examples"
        return None if draws_in(campaign.id, campaign.pace, self._seed) else "pacing"

    def _today(self, zone: str) -> date:
        day = self._days.get(zone)
        if day is None:
            day = self._days[zone] = local_day(self._context.now, zone)
        return day

    def _is_like_examples(self, campaign: RunningCampaign) -> bool:
        seen, model = self._context.probes, self._context.serving.model.digest
        known = self._vectors.of_pictures(campaign.examples, model)
        if not len(seen) or not known:
            return False
        cosines = seen @ np.stack(list(known.values())).T
        return bool(cosines.max() >= campaign.example_similarity)


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
    drawn = blake2b(f"{seed}:{campaign_id}".encode(), digest_size=_DRAWN_BYTES).digest()
    return int.from_bytes(drawn) < int(pace * _DRAWN)


def _refused_product(
    product: Drawn | None,
    context: AdContext,
    hidden: Collection[int],
    bought: Collection[int],
) -> str | None:
    """Say why a product cannot be shown, or is of no use to who looks; or None."""
    if product is None:
        return "product_gone"
    if not product.in_stock:
        return "out_of_stock"
    if not product.has_picture:
        return "no_picture"
    if context.product is not None and context.product.id == product.id:
        return "on_the_page"
    if product.id in hidden:
        return "hidden"
    return "bought" if product.id in bought else None
