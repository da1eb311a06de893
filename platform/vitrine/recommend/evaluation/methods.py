"""What is compared: our recommendations, and four simple ways that they must beat.

Each scores all n products of the catalogue for one question; who is left out, and that equal ones
come in an order by chance that is the same for all, is seen to by the caller.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from vitrine.recommend.comparing import compare, references
from vitrine.recommend.evaluation.log import Log
from vitrine.recommend.evaluation.splits import WANTED, Case
from vitrine.recommend.features import features
from vitrine.recommend.linear import Weights
from vitrine.recommend.merging import merge
from vitrine.recommend.profile import Known, Profile, build_profile
from vitrine.recommend.proposals import (
    BOUGHT_TOGETHER,
    FOR_YOU,
    NEW,
    TRENDING,
    ItemFacts,
    Proposal,
    Situation,
)
from vitrine.recommend.weights import EventWeights
from vitrine.retrieval.stored import StoredPictures

Scores = NDArray[np.float64]
NOT_PROPOSED = -np.inf
# As many as the sources propose when they serve.
_FOR_YOU, _OTHERS, _LAST_WANTED = 160, 40, 20
_TREND_HALF_LIFE_DAYS = 7.0
_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Catalogue:
    """The products that can be recommended: their ids [n], vectors [n, d] (zeros for none)."""

    ids: list[int]
    known: Mapping[int, Known]
    created: Mapping[int, datetime]
    vectors: NDArray[np.float32]
    model: str

    @property
    def places(self) -> dict[int, int]:
        """Product id → its row."""
        return {id_: row for row, id_ in enumerate(self.ids)}


class Past:
    """What everybody wanted before: people × products, and counts of it."""

    def __init__(self, log: Log, catalogue: Catalogue) -> None:
        self.places = catalogue.places
        rows: list[int] = []
        columns: list[int] = []
        for row, history in enumerate(log.values()):
            for one in history:
                if one.name in WANTED and one.product_id in self.places:
                    rows.append(row)
                    columns.append(self.places[one.product_id])
        counts = sparse.csc_matrix(
            (np.ones(len(rows)), (rows, columns)), shape=(max(len(log), 1), len(catalogue.ids))
        )
        # By people: who looks at one product a hundred times is one who does.
        self.wanted = (counts > 0).astype(np.float64).tocsc()
        self.people: Scores = np.asarray(self.wanted.sum(axis=0)).ravel()

    def rows(self, case: Case, *, last: int) -> list[int]:
        """The rows of what somebody wanted, the latest first, each once."""
        seen = dict.fromkeys(
            self.places[one.product_id]
            for one in reversed(case.history)
            if one.name in WANTED and one.product_id in self.places
        )
        return list(seen)[:last]

    def together(self, rows: Sequence[int]) -> NDArray[np.float64]:
        """Count the people who wanted each of these and each product: [rows, n]."""
        return np.asarray((self.wanted[:, rows].T @ self.wanted).todense())


class Method(Protocol):
    """One way to recommend."""

    @property
    def name(self) -> str: ...

    def scores(self, case: Case) -> Scores: ...


@dataclass(frozen=True)
class Chance:
    """Any product; equal scores fall by chance."""

    catalogue: Catalogue
    name: str = "random"

    def scores(self, case: Case) -> Scores:
        return np.zeros(len(self.catalogue.ids))


@dataclass(frozen=True)
class Popularity:
    """What most people wanted."""

    past: Past
    name: str = "popularity"

    def scores(self, case: Case) -> Scores:
        return self.past.people


@dataclass(frozen=True)
class CoOccurrence:
    """What people wanted who wanted what this one did: cosines of columns (Sarwar et al. 2001)."""

    past: Past
    name: str = "co-occurrence"

    def scores(self, case: Case) -> Scores:
        rows = self.past.rows(case, last=_LAST_WANTED)
        if not rows:
            return np.zeros(len(self.past.people))
        norms = np.sqrt(np.maximum(self.past.people, 1.0))
        cosines: Scores = (self.past.together(rows) / norms[rows][:, None] / norms).sum(axis=0)
        return cosines


@dataclass(frozen=True)
class VisualSimilarity:
    """What looks like the product that the person wanted last."""

    catalogue: Catalogue
    past: Past
    name: str = "visual similarity"

    def scores(self, case: Case) -> Scores:
        rows = self.past.rows(case, last=1)
        if not rows:
            return np.zeros(len(self.catalogue.ids))
        vectors = self.catalogue.vectors
        cosines: Scores = (vectors @ vectors[rows[0]]).astype(np.float64)
        return cosines


class Ours:
    """The recommendations of a home page: profile, proposals, features and ranker as they serve.

    Only the index is not asked: what it would find is computed exactly. Sources know the past only;
    there is no chance and no diversity in it.
    """

    name = "recommendations"

    def __init__(
        self, catalogue: Catalogue, log: Log, past: Past, events: EventWeights, ranker: Weights
    ) -> None:
        self._catalogue = catalogue
        self._places = catalogue.places
        self._past = past
        self._events = events
        self._ranker = ranker
        self._acts = [
            (one.at, self._places[one.product_id], events.of_event(one.name, None))
            for history in log.values()
            for one in history
            if one.product_id in self._places
        ]
        self._wanted: dict[datetime, Scores] = {}

    def scores(self, case: Case) -> Scores:
        catalogue = self._catalogue
        profile = build_profile(case.history, catalogue.known, self._events, model=catalogue.model)
        wanted = self._wanted_at(case.at)
        candidates = merge(self._proposals(case, profile, wanted))
        stored = {one.product_id: self._pictures(one.product_id) for one in candidates}
        named = [one.product_id for one in (*profile.interests, *profile.dislikes)]
        stored |= {id_: self._pictures(id_) for id_ in named}
        compare(candidates, stored, references(profile.interests, profile.dislikes, [], stored))
        facts = {
            id_: self._facts(id_, wanted)
            for id_ in {*(one.product_id for one in candidates), *profile.viewed}
            if id_ in self._places
        }
        seen = features(Situation("home", case.at), candidates, profile, facts)
        found = np.full(len(catalogue.ids), NOT_PROPOSED)
        rows = [self._places[one.product_id] for one in candidates]
        found[rows] = self._ranker.probabilities(seen)
        return found

    def _wanted_at(self, at: datetime) -> Scores:
        """Sum what was wanted before, each halved with every half-life since: [n]."""
        if at not in self._wanted:
            totals = np.zeros(len(self._catalogue.ids))
            for when, row, weight in self._acts:
                if when < at and weight > 0:
                    totals[row] += weight * 0.5 ** ((at - when) / _DAY / _TREND_HALF_LIFE_DAYS)
            # One moment serves a split by time; a split by person has as many as people.
            self._wanted = {at: totals}
        return self._wanted[at]

    def _proposals(self, case: Case, profile: Profile, wanted: Scores) -> list[Proposal]:
        ids = self._catalogue.ids
        proposals = [
            Proposal(ids[row], TRENDING, float(wanted[row]))
            for row in np.argsort(-wanted, kind="stable")[:_OTHERS]
            if wanted[row] > 0
        ]
        for at, interest in enumerate(profile.interests):
            cosines = self._catalogue.vectors @ self._vector(interest.product_id)
            most = max(8, round(_FOR_YOU * interest.weight))
            proposals += [
                Proposal(ids[row], FOR_YOU, float(cosines[row]), interest=at)
                for row in np.argsort(-cosines, kind="stable")[: most + len(interest.products)]
            ]
        rows = self._past.rows(case, last=_LAST_WANTED)
        if rows:
            together = self._past.together(rows).max(axis=0)
            proposals += [
                Proposal(ids[row], BOUGHT_TOGETHER, float(together[row]))
                for row in np.argsort(-together, kind="stable")[:_OTHERS]
                if together[row] > 1
            ]
        return proposals + self._new(case, profile)

    def _new(self, case: Case, profile: Profile) -> list[Proposal]:
        created = self._catalogue.created
        there = sorted(
            (id_ for id_ in self._catalogue.ids if created[id_] <= case.at),
            key=lambda id_: (created[id_], id_),
            reverse=True,
        )
        liked = {name for name, liking in profile.categories.items() if liking > 0}
        of_liked = [id_ for id_ in there if self._catalogue.known[id_].category in liked]
        return [
            Proposal(id_, NEW, (case.at - created[id_]) / _DAY)
            for id_ in (*there[:_OTHERS], *of_liked[:_OTHERS])
        ]

    def _vector(self, product: int) -> NDArray[np.float32]:
        row: NDArray[np.float32] = self._catalogue.vectors[self._places[product]]
        return row

    def _pictures(self, product: int) -> StoredPictures:
        return StoredPictures([self._catalogue.known[product].image_id or 0],
                              self._vector(product)[None])  # fmt: skip

    def _facts(self, product: int, wanted: Scores) -> ItemFacts:
        known = self._catalogue.known[product]
        return ItemFacts(
            category=known.category,
            brand=known.brand,
            price=known.price,
            created_at=self._catalogue.created[product],
            wanted=float(wanted[self._places[product]]),
        )
