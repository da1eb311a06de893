"""Recommendations: who asks, what the sources propose, a page of it, and a record of that."""

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import numpy as np

from vitrine import logs
from vitrine.db import Readers
from vitrine.decisions import shown
from vitrine.decisions.incoming import PUBLISHED_CLIENT_ID_CHARACTERS
from vitrine.decisions.people import resolve, resolve_visitor
from vitrine.decisions.recording import Recorder
from vitrine.decisions.tokens import Shown, TokenSigner, new_decision_id
from vitrine.errors import Forbidden, Invalid, NotFound
from vitrine.recommend import exclusions
from vitrine.recommend.candidate_facts import read_names
from vitrine.recommend.features import FEATURES, FEATURES_VERSION
from vitrine.recommend.merging import sources_of
from vitrine.recommend.profile import Profile
from vitrine.recommend.profiles import Profiles
from vitrine.recommend.ranking import Page, PageRanker, Slot
from vitrine.recommend.reasons import Names, named_products, reasons_of
from vitrine.recommend.sources import Sources
from vitrine.recommend.visit import Listed, RecommendationRequest, Visit
from vitrine.retrieval import filters
from vitrine.retrieval.grouping import Ranked
from vitrine.retrieval.hydration import Hydrated, hydrate, read_products
from vitrine.retrieval.serving import Generations
from vitrine.wire.recommendations import (
    FeatureOut,
    RankerOut,
    RecommendationResponse,
    RecommendationResult,
    RecommendationTiming,
)

_WITHOUT_INDEX = (
    "The vector index does not answer: this is what is wanted, new or known to go together, and "
    "nothing by its looks."
)
_RECORD_SECONDS = 0.5
_log = logs.get(__name__)


@dataclass(frozen=True, slots=True)
class RecommenderTools:
    """What recommendations are made with; `bought_days`, `decision_days` as in the settings."""

    readers: Readers
    generations: Generations
    profiles: Profiles
    sources: Sources
    pages: PageRanker
    recorder: Recorder
    signer: TokenSigner
    currency: str
    bought_days: int
    decision_days: int
    replenishable: Sequence[str]


@dataclass(slots=True)
class _Stages:
    """Where the milliseconds go."""

    spent: dict[str, float] = field(default_factory=dict)
    started: float = field(default_factory=time.perf_counter)

    @contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        before = time.perf_counter()
        yield
        self.spent[name] = (time.perf_counter() - before) * 1000

    def out(self) -> RecommendationTiming:
        total = (time.perf_counter() - self.started) * 1000
        return RecommendationTiming(**self.spent, total=total)


class Recommender:
    """Recommends products of one shop; safe to share between threads."""

    def __init__(self, tools: RecommenderTools) -> None:
        self._tools = tools

    def recommend(self, request: RecommendationRequest, *, key_id: str) -> RecommendationResponse:
        """Recommend products, best first, one slot a product.

        Raises Invalid, FilterInvalid, NotFound, Forbidden or Unavailable.
        """
        stages = _Stages()
        with stages("person"):
            visit = self._understand(request)
        with stages("sources"):
            gathered = self._tools.sources.gather(visit)
        with stages("rank"):
            page = self._tools.pages.rank(visit, gathered, np.random.default_rng())
        with stages("hydrate"):
            slots, products, names = self._hydrate(visit, page)
        decision = new_decision_id()
        recorded = self._tools.recorder.record(_answer(decision, visit, page, slots))
        results = [
            self._result(_Placed(slot, product, place, decision, key_id), visit, page, names)
            for place, (slot, product) in enumerate(zip(slots, products, strict=True), start=1)
        ]
        # What is quoted soon is known by then; nobody waits for a slow disk.
        if recorded is not None and wait([recorded], timeout=_RECORD_SECONDS).not_done:
            _log.warning("recommendation.recorded_late")
        return RecommendationResponse(
            recommendation_id=decision,
            context=request.context,
            known=visit.profile.events > 0,
            results=results,
            degraded=_WITHOUT_INDEX if gathered.degraded else None,
            ranker=RankerOut(version=page.weights.version),
            model=visit.serving.model,
            timing_ms=stages.out(),
        )

    def _understand(self, request: RecommendationRequest) -> Visit:
        """Find out who asks, from where, and what may not be shown."""
        tools, now = self._tools, datetime.now(UTC)
        asked = filters.parse(request.filter or {})
        _check(request, tools.decision_days)
        serving = tools.generations.current()
        with tools.readers() as reads:
            who = (resolve_visitor if request.published else resolve)(reads, request.user)
            named = exclusions.read_named(reads, {*request.products, *request.exclude_ids})
            seen: set[int] = set()
            if who is not None and request.exclude_seen_days:
                since = now - timedelta(days=request.exclude_seen_days)
                seen = shown.seen_products(reads, who.ids, since)
        digest = serving.model.digest
        profile = Profile(digest) if who is None else tools.profiles.of(who, digest)
        in_browser = tools.profiles.with_users(who.person_id) if request.published and who else None
        had, hidden = (in_browser or profile).bought, (in_browser or profile).hidden
        with tools.readers() as reads:
            bought = exclusions.read_bought(
                reads, had, now, days=tools.bought_days, replenishable=tools.replenishable
            )
        page = _page(request, named)
        left_out = [named[one] for one in request.exclude_ids if one in named]
        return Visit(
            request=request,
            now=now,
            serving=serving,
            who=who,
            profile=profile,
            tree=exclusions.conditions(asked, request.exclude_seller),
            page=page,
            excluded=exclusions.all_excluded(hidden, bought, page, left_out) | seen,
            seen=seen,
        )

    def _hydrate(self, visit: Visit, page: Page) -> tuple[list[Slot], list[Hydrated], Names]:
        """Read what shows the slots, as it stands now: the last gate."""
        ranking = [
            Ranked(slot.candidate.product_id, slot.candidate.image_id) for slot in page.slots
        ]
        with self._tools.readers() as reads:
            rows = read_products(reads, [one.product_id for one in ranking], visit.condition)
            names = read_names(reads, named_products(slot.candidate for slot in page.slots))
        products = hydrate(ranking, rows, currency=self._tools.currency, limit=len(ranking))
        return [page.slots[one.at] for one in products], products, names

    def _result(
        self, placed: "_Placed", visit: Visit, page: Page, names: Names
    ) -> RecommendationResult:
        slot, product = placed.slot, placed.product.product
        token = self._tools.signer.sign(
            Shown(
                key_id=placed.key_id,
                decision=placed.decision,
                kind=shown.RECOMMENDATION,
                item=product.id,
                position=placed.position,
                model=visit.serving.model.digest[:16],
                issued_at=int(visit.now.timestamp()),
            )
        )
        sources = sources_of(slot.candidate)
        parts = _parts(slot, page) if visit.request.explain else []
        return RecommendationResult.model_validate(
            {
                "product": product,
                "score": round(slot.score, 6),
                "image": placed.product.image,
                "token": token,
                "source": sources[0],
                "sources": sources,
                "reasons": reasons_of(slot.candidate, visit.profile, names, product.category),
                "explored": slot.explored,
                "parts": parts,
            }
        )


@dataclass(frozen=True, slots=True)
class _Placed:
    """A slot that is shown; `position` counts from 1."""

    slot: Slot
    product: Hydrated
    position: int
    decision: str
    key_id: str


def _answer(decision: str, visit: Visit, page: Page, slots: Sequence[Slot]) -> shown.Answer:
    """Tell what is shown as it is written down."""
    return shown.Answer(
        id=decision,
        kind=shown.RECOMMENDATION,
        person_id=None if visit.who is None else visit.who.person_id,
        context={
            "context": visit.request.context,
            "features": FEATURES_VERSION,
            "page": [one.product_id for one in visit.page],
        },
        model=visit.serving.model.digest,
        ranker=page.weights.version,
        products=[slot.candidate.product_id for slot in slots],
        sources=[sources_of(slot.candidate)[0] for slot in slots],
        propensities=[slot.propensity for slot in slots],
        explored=[int(slot.explored) for slot in slots],
        features=np.stack([slot.features for slot in slots]) if slots else None,
    )


def _check(request: RecommendationRequest, decision_days: int) -> None:
    if request.published and len(request.user) < PUBLISHED_CLIENT_ID_CHARACTERS:
        raise _only_visitors()
    if request.context == "product" and len(request.products) != 1:
        raise Invalid("The context `product` is the page of one product: name it as `product`.")
    if request.context == "home" and request.products:
        raise Invalid("A `product` goes with the context `product` or `cart`; home has none.")
    if request.exclude_seen_days and request.exclude_seen_days > decision_days:
        raise _kept_no_longer(decision_days)


def _kept_no_longer(days: int) -> Invalid:
    detail = f"must be at most {days}: what was recommended is kept so many days"
    return Invalid(
        f"`exclude_seen_days` {detail} (VITRINE_DECISION_DAYS).",
        errors=[{"pointer": "/exclude_seen_days", "detail": detail}],
    )


def _only_visitors() -> Forbidden:
    return Forbidden(
        "This key stands in pages where everybody can read it, so it may ask only for anonymous "
        f"visitors, by a `client_id` of at least {PUBLISHED_CLIENT_ID_CHARACTERS} characters. Ask "
        "for a user from your server, with a key that has no origins."
    )


def _page(request: RecommendationRequest, named: dict[str, Listed]) -> tuple[Listed, ...]:
    """The products of page or cart; of a cart those that are still there."""
    found = tuple(named[one] for one in dict.fromkeys(request.products) if one in named)
    if request.context == "product" and not found:
        raise NotFound(f"There is no product {request.products[0]}.")
    return found


def _parts(slot: Slot, page: Page) -> list[FeatureOut]:
    """Take the score apart, what weighs most first."""
    values = zip(FEATURES, slot.features, page.weights.coefficients, strict=True)
    parts = [
        FeatureOut(name=name, value=round(float(value), 4), part=round(float(value * weight), 4))
        for name, value, weight in values
        if value * weight
    ]
    return sorted(parts, key=lambda one: -abs(one.part))
