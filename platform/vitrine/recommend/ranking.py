"""From candidates to a page: what may be shown, scored, made different, and explored a little."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vitrine.db import Readers
from vitrine.recommend.candidate_facts import read_item_facts
from vitrine.recommend.comparing import compare, references, without_copies
from vitrine.recommend.exploration import GUARD, explore
from vitrine.recommend.features import features
from vitrine.recommend.linear import Weights
from vitrine.recommend.proposals import Candidate, ItemFacts
from vitrine.recommend.ranker import Rankers
from vitrine.recommend.sources import Gathered, Sources
from vitrine.recommend.visit import Visit
from vitrine.retrieval.diversity import diversify
from vitrine.retrieval.stored import read_pictures

# For somebody of whom nothing is known, in a shop where nothing is wanted yet, no score means
# anything: the page takes from each category in turn, and shows how different its products look.
_STRANGERS_DIVERSITY = 0.5
# A page is made of so many times its length of the best; exploration draws from those behind it.
_CONSIDERED = 4
# So many more than the page are proposed before it counts as filled: copies are taken out of them.
_SPARE = 8


@dataclass(frozen=True, slots=True)
class Slot:
    """One place of the page."""

    candidate: Candidate
    facts: ItemFacts
    score: float
    propensity: float
    explored: bool
    features: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Page:
    """The slots in their order, and the weights that ranked them."""

    slots: list[Slot]
    weights: Weights


@dataclass(frozen=True, slots=True)
class Taste:
    """How an operator wants pages to be: `diversity` as in `retrieval.diversity`, `exploration`
    how likely a slot after the first shows something else than its best.
    """

    diversity: float = 0.25
    exploration: float = 0.1


class PageRanker:
    """Makes pages; safe to share between threads."""

    def __init__(self, readers: Readers, sources: Sources, rankers: Rankers, taste: Taste) -> None:
        self._readers = readers
        self._sources = sources
        self._rankers = rankers
        self._taste = taste

    def rank(self, visit: Visit, gathered: Gathered, rng: np.random.Generator) -> Page:
        """Fill a page; every candidate that PostgreSQL does not allow is taken out first."""
        weights = self._rankers.current()
        candidates, facts = self._allowed(visit, gathered)
        if not candidates:
            return Page([], weights)
        with self._readers() as reads:
            ids = [one.product_id for one in candidates]
            stored = read_pictures(reads, ids, visit.serving.model.digest)
        profile = visit.profile
        to = references(
            profile.interests,
            profile.dislikes,
            [one.product_id for one in visit.page],
            gathered.known,
        )
        vectors = compare(candidates, stored, to)
        seen = features(visit.situation, candidates, profile, facts)
        scores = weights.probabilities(seen)
        strangers = gathered.strangers
        merit = np.linspace(1.0, 0.0, len(scores), dtype=np.float32) if strangers else scores
        order = _diverse(
            without_copies(
                np.argsort(-merit, kind="stable").tolist(),
                vectors,
                to.page,
                most=_CONSIDERED * visit.request.limit + GUARD.pool,
            ),
            merit,
            vectors,
            visit.request.limit,
            _STRANGERS_DIVERSITY if strangers else self._taste.diversity,
        )
        shown = explore(
            order, scores, rng, slots=visit.request.limit, epsilon=self._taste.exploration
        )
        slots = [
            Slot(
                candidates[at],
                facts[candidates[at].product_id],
                float(scores[at]),
                propensity,
                bool(explored),
                seen[at],
            )
            for at, propensity, explored in zip(
                shown.order, shown.propensities, shown.explored, strict=True
            )
        ]
        return Page(slots, weights)

    def _allowed(
        self, visit: Visit, gathered: Gathered
    ) -> tuple[list[Candidate], dict[int, ItemFacts]]:
        """Keep what may be shown, and propose more where that does not fill the page."""
        proposed = [one for one in gathered.candidates if one.product_id not in visit.excluded]
        condition = visit.condition
        with self._readers() as reads:
            facts = read_item_facts(reads, [one.product_id for one in proposed], condition)
            if len(facts) < visit.request.limit + _SPARE:
                more = self._sources.fill(reads, visit, gathered)
                proposed += more
                facts |= read_item_facts(reads, [one.product_id for one in more], condition)
        return [one for one in proposed if one.product_id in facts], facts


def _diverse(
    order: list[int],
    merit: NDArray[np.float32],
    vectors: NDArray[np.float32],
    slots: int,
    diversity: float,
) -> list[int]:
    """Reorder the page by MMR among all; the rest follows as it was."""
    if diversity <= 0 or not order:
        return order
    chosen = diversify(merit[order].astype(np.float64), vectors[order], diversity, slots)
    page = [order[at] for at in chosen]
    held = set(page)
    return [*page, *(at for at in order if at not in held)]
