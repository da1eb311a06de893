"""How relevant each ad is, and how likely it is clicked."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isnan

import numpy as np
from numpy.typing import NDArray

from vitrine.ads import relevance
from vitrine.ads.clicks import ClickModels, conversion_rate
from vitrine.ads.context import AdContext
from vitrine.ads.creative_vectors import CreativeVectors
from vitrine.ads.eligibility import Eligible, Sifted
from vitrine.ads.exploring import drawn
from vitrine.ads.features import AdFacts, PageFacts, features
from vitrine.ads.relevance import Relevance
from vitrine.ads.running import Running, Tally

_NOTHING = Tally()
# Of a creative with fewer nobody knows yet how it does.
NEW_IMPRESSIONS = 100


@dataclass(frozen=True, slots=True)
class Scored:
    """Ads that are relevant enough, in parallel: each array has an entry for each, [n].

    `similarities` are to what is looked at, NaN without a picture of it. `clicks` are how likely
    an impression is clicked, `expected` the same as chance drew it for the auction, and `pays` how
    likely an impression brings what the campaign pays for.
    """

    ads: list[Eligible]
    similarities: NDArray[np.float64]
    relevance: Relevance
    features: NDArray[np.float32]
    clicks: NDArray[np.float64]
    expected: NDArray[np.float64]
    pays: NDArray[np.float64]
    click_model: int

    def is_explored(self, at: int) -> bool:
        """Whether it is so new that its chance of a click is more drawn than known."""
        return self.ads[at].creative.impressions < NEW_IMPRESSIONS

    def similarity(self, at: int) -> float | None:
        """To what is looked at; None without a picture of it."""
        found = float(self.similarities[at])
        return None if isnan(found) else found


class Scorer:
    """Scores ads; safe to share between threads."""

    def __init__(
        self, vectors: CreativeVectors, models: ClickModels, *, floor: float, exploration: float
    ) -> None:
        self._vectors = vectors
        self._models = models
        self._floor = floor
        self._exploration = exploration

    def floor(self, context: AdContext) -> float:
        """The least relevance for this request."""
        return max(self._floor, context.query.relevance_floor or 0.0)

    def score(self, sifted: Sifted, running: Running, context: AdContext, seed: int) -> Scored:
        """Score those that may be shown; who is not relevant enough is added to the refused."""
        versions = {one.creative.id: one.creative.version for one in sifted.eligible}
        vectors = self._vectors.of_creatives(versions, context.serving.model.digest)
        ads = []
        for one in sifted.eligible:
            if one.creative.id in vectors:
                ads.append(one)
            else:
                sifted.refused[one.creative.id] = "no_picture"
        stacked = np.array([vectors[one.creative.id] for one in ads], np.float32)
        similarities, found = _relevance(ads, stacked, context)
        enough = found.total >= self.floor(context)
        for one, is_enough in zip(ads, enough, strict=True):
            if not is_enough:
                sifted.refused[one.creative.id] = "relevance"
        kept = np.flatnonzero(enough)
        ads = [ads[at] for at in kept]
        chosen = Relevance(found.visual[kept], found.profile[kept], found.context[kept])
        return self._predicted(ads, similarities[kept], chosen, running, context, seed)

    def _predicted(
        self,
        ads: list[Eligible],
        similarities: NDArray[np.float64],
        found: Relevance,
        running: Running,
        context: AdContext,
        seed: int,
    ) -> Scored:
        tallies = [running.tallies.get(one.campaign.id, _NOTHING) for one in ads]
        columns = (similarities, found.visual, found.profile, found.context)
        facts = [
            AdFacts(
                similarity=None if isnan(similarity) else similarity,
                visual=visual,
                profile=profile,
                context=fits,
                impressions=one.creative.impressions,
                clicks=one.creative.clicks,
                campaign_impressions=tally.impressions,
                campaign_clicks=tally.clicks,
                draws_on_product=one.product is not None,
            )
            for one, tally, similarity, visual, profile, fits in zip(
                ads, tallies, *(each.tolist() for each in columns), strict=True
            )
        ]
        page = PageFacts(
            placement=context.query.placement,
            device=context.query.device,
            known=context.profile.events > 0,
            has_picture=len(context.pictures) > 0,
            has_text=bool(context.words),
            shop_impressions=running.shop.impressions,
            shop_clicks=running.shop.clicks,
        )
        model = self._models.current()
        described = features(facts, page)
        clicks = np.asarray(model.probabilities(described), np.float64)
        shown = np.array([one.creative.impressions for one in ads], np.float64)
        rng = np.random.default_rng(seed)
        expected = np.asarray(drawn(clicks, shown, rng, self._exploration), np.float64)
        pays = np.array([_pays(one, expected[at], tallies[at]) for at, one in enumerate(ads)])
        return Scored(
            ads=ads,
            similarities=similarities,
            relevance=found,
            features=described,
            clicks=clicks,
            expected=expected,
            pays=pays,
            click_model=model.version,
        )


def _relevance(
    ads: Sequence[Eligible], vectors: NDArray[np.float32], context: AdContext
) -> tuple[NDArray[np.float64], Relevance]:
    count = len(ads)
    similarities = np.full(count, np.nan)
    visual, likes = np.ones(count), None
    if count and len(context.pictures):
        similarities = (vectors @ context.pictures.T).max(axis=1).astype(np.float64)
        visual = relevance.likeness(similarities)
    if count and context.interests:
        interests = context.probes[len(context.pictures) :]
        likes = relevance.likeness((vectors @ interests.T).max(axis=1))
    seen, told = len(context.pictures) > 0, bool(context.categories or context.words)
    categories = [one.category for one in ads]
    words = [_words(one) for one in ads] if context.words else []
    return similarities, Relevance(
        visual=visual,
        profile=relevance.liked(context.profile, likes, categories, alone=not (seen or told)),
        context=relevance.fits(context.categories, categories, context.words, words, seen=seen),
    )


def _words(ad: Eligible) -> frozenset[str]:
    drawn_on = ad.product.words if ad.product is not None else frozenset()
    return ad.creative.words | ad.campaign.keywords | drawn_on


def _pays(ad: Eligible, clicked: float, tally: Tally) -> float:
    """How likely an impression brings what is paid for."""
    if ad.campaign.bid_type == "cpm":
        return 1.0
    if ad.campaign.bid_type == "cpc":
        return float(clicked)
    return float(clicked * conversion_rate(tally.clicks, tally.conversions))
