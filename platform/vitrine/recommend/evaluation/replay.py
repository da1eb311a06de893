"""Replay what happened: every method answers the same questions, and is measured on the answers."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import text

from vitrine.db import Reads
from vitrine.learning.evaluation.bootstrap import Estimate, estimate
from vitrine.recommend.evaluation import metrics
from vitrine.recommend.evaluation.methods import (
    NOT_PROPOSED,
    Catalogue,
    Chance,
    CoOccurrence,
    Method,
    Ours,
    Past,
    Popularity,
    VisualSimilarity,
)
from vitrine.recommend.evaluation.splits import Case, Parted
from vitrine.recommend.known import read_known
from vitrine.recommend.linear import Weights
from vitrine.recommend.weights import EventWeights

# A rank deeper than this is as good as none.
DEPTH = 100
_ACTIVE_MODEL = text("select model from generations where state = 'active'")
_CREATED = text("select id, created_at from products order by id")


@dataclass(frozen=True, slots=True)
class Terms:
    """How to measure: the length of a list, whether a person may be shown what they had."""

    k: int = 10
    repeats: bool = False
    people: int = 2000
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Figures:
    """One method: means over people with 95 % intervals; `coverage` is of all lists together."""

    recall: Estimate
    ndcg: Estimate
    mrr: Estimate
    novelty: Estimate
    diversity: Estimate
    coverage: float

    def to_json(self) -> dict[str, Any]:
        """Write all of it."""
        return asdict(self)


def read_catalogue(reads: Reads) -> Catalogue:
    """Read all products with the vectors of the model in use."""
    created = {row.id: row.created_at for row in reads.execute(_CREATED)}
    model = reads.execute(_ACTIVE_MODEL).scalar() or ""
    known = read_known(reads, list(created), model)
    ids = sorted(known)
    size = next((len(one.vector) for one in known.values() if one.vector is not None), 1)
    vectors = np.zeros((len(ids), size), np.float32)
    for row, id_ in enumerate(ids):
        vector = known[id_].vector
        if vector is not None:
            vectors[row] = vector
    return Catalogue(ids, known, created, vectors, model)


def make_methods(
    catalogue: Catalogue, parted: Parted, events: EventWeights, ranker: Weights
) -> list[Method]:
    """Make ours and those that it must beat; all know the same past."""
    past = Past(parted.past, catalogue)
    return [
        Ours(catalogue, parted.past, past, events, ranker),
        Popularity(past),
        CoOccurrence(past),
        VisualSimilarity(catalogue, past),
        Chance(catalogue),
    ]


def sample(cases: Sequence[Case], terms: Terms) -> list[Case]:
    """Take so many of the questions by chance, all if there are no more."""
    chosen = np.random.default_rng(terms.seed).permutation(len(cases))[: terms.people]
    return [cases[at] for at in sorted(chosen)]


def measure(
    method: Method,
    cases: Sequence[Case],
    catalogue: Catalogue,
    known_to: NDArray[np.float64],
    terms: Terms,
    advance: Callable[[], object] = lambda: None,
) -> Figures:
    """Ask a method all questions. `known_to` [n] is the share of people who dealt with each."""
    places = catalogue.places
    rows: list[list[float]] = []
    lists = []
    for number, case in enumerate(cases):
        wanted = frozenset(places[one] for one in case.wanted if one in places)
        left_out = [] if terms.repeats else [places[one] for one in case.had if one in places]
        ranked = rank(method.scores(case), left_out, np.random.default_rng([terms.seed, number]))
        shown = ranked[: terms.k]
        lists.append(shown)
        rows.append(
            [
                metrics.recall(ranked, wanted, terms.k),
                metrics.ndcg(ranked, wanted, terms.k),
                metrics.reciprocal_rank(ranked, wanted),
                metrics.novelty(shown, known_to),
                metrics.intra_list_diversity(catalogue.vectors[shown]),
            ]
            if wanted
            else [np.nan] * 5
        )
        advance()
    recall, ndcg, mrr, novelty, diversity = (estimate(column) for column in np.array(rows).T)
    coverage = metrics.coverage(lists, len(catalogue.ids))
    return Figures(recall, ndcg, mrr, novelty, diversity, coverage)


def rank(
    scores: NDArray[np.float64], left_out: Sequence[int], rng: np.random.Generator
) -> list[int]:
    """Order the products with a score, best first, at most DEPTH; equal ones by chance."""
    scores = scores.copy()
    scores[list(left_out)] = NOT_PROPOSED
    order = np.lexsort((rng.random(len(scores)), -scores))[:DEPTH]
    return [int(row) for row in order if scores[row] != NOT_PROPOSED]


def known_to(past: Past) -> NDArray[np.float64]:
    """Tell the share of people who wanted each product, counting one more than did."""
    shares: NDArray[np.float64] = (past.people + 1) / (past.wanted.shape[0] + 1)
    return np.minimum(shares, 1.0)
