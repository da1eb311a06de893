"""What looks like the pictures that somebody likes, or that a page shows: one call for all."""

from collections.abc import Collection, Sequence, Set
from dataclasses import dataclass
from math import ceil

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select

from vitrine.catalog.models import Product
from vitrine.db import Readers
from vitrine.index.capabilities import MAX_RESULTS
from vitrine.index.client import VectorIndex
from vitrine.index.expressions import NOTHING, all_of, one_of
from vitrine.index.schema import IndexHit
from vitrine.recommend.proposals import Proposal
from vitrine.retrieval.candidates import Crowding
from vitrine.retrieval.filters import Filter, to_milvus, to_sql
from vitrine.retrieval.grouping import best_per_product

# Up to so many products that match a condition on attributes are named to the index.
_FEW_PRODUCTS = 2000
# Of a condition that the index does not know and many match, it looks so much deeper.
_DEEPER = 4
_MOST_PICTURES = 1000
# What is excluded lies near what was looked at, about half of it among the nearest. More than this
# is not made up for: a hit costs Milvus Lite 0.1 ms, for every probe.
_MOST_SKIPPED = 24


@dataclass(frozen=True, slots=True)
class Probe:
    """A picture to look around: its `vector` [d], and how many products are wanted.

    `because` names its product; none of `excluded` is proposed, of which `near` probably look
    like it.
    """

    source: str
    vector: NDArray[np.float32]
    quota: int
    because: int
    interest: int | None = None
    excluded: Set[int] = frozenset()
    near: Collection[int] = ()

    @property
    def depth(self) -> int:
        """How many products to look at, so that the quota is left of them."""
        skipped = sum(1 for product in self.near if product in self.excluded)
        return self.quota + min(ceil(skipped / 2), _MOST_SKIPPED)


def quotas(weights: Sequence[float], pool: int, *, least: int) -> list[int]:
    """Share out `pool` places by weight, with at least `least` for each."""
    total = sum(weights)
    if total <= 0:
        return [least] * len(weights)
    return [max(least, round(pool * weight / total)) for weight in weights]


class Nearest:
    """Looks around several pictures in one call of the index; safe to share between threads."""

    def __init__(self, index: VectorIndex, readers: Readers) -> None:
        self._index = index
        self._readers = readers
        self._crowding = Crowding()

    def around(self, collection: str, probes: Sequence[Probe], tree: Filter) -> list[Proposal]:
        """Propose what lies nearest to each probe, up to its quota. Raises Unavailable."""
        if not probes:
            return []
        expression, deeper = self._narrowed(tree)
        if expression == NOTHING:
            return []
        wanted = max(probe.depth for probe in probes) * deeper
        fetch = min(ceil(wanted * self._crowding.pictures), _MOST_PICTURES, MAX_RESULTS)
        vectors = np.stack([probe.vector for probe in probes])
        answers = self._index.search(collection, vectors, expression=expression, limit=fetch)
        self._learn(answers, fetch, wanted)
        return [
            proposal
            for probe, answer in zip(probes, answers, strict=True)
            for proposal in _proposals(probe, answer, probe.quota * deeper)
        ]

    def _narrowed(self, tree: Filter) -> tuple[str, int]:
        """Render the filter, and how much deeper to look for what it cannot say."""
        expression, exact = to_milvus(tree)
        if exact:
            return expression, 1
        with self._readers() as reads:
            some = select(Product.id).where(to_sql(tree)).limit(_FEW_PRODUCTS + 1)
            matching = list(reads.scalars(some))
        if not matching:
            return NOTHING, 1
        if len(matching) > _FEW_PRODUCTS:
            return expression, _DEEPER
        named = one_of("product_id", sorted(matching))
        return all_of([part for part in (expression, named) if part]), 1

    def _learn(self, answers: Sequence[Sequence[IndexHit]], fetch: int, wanted: int) -> None:
        full = [answer for answer in answers if len(answer) == fetch]
        if full:
            fewest = min(len({hit.product_id for hit in answer}) for answer in full)
            self._crowding.learn(fetch / fewest if fewest < wanted else 0.0)


def _proposals(probe: Probe, answer: Sequence[IndexHit], quota: int) -> list[Proposal]:
    found = best_per_product(answer, exclude_products=probe.excluded)
    return [
        Proposal(
            product_id=one.product_id,
            image_id=one.image_id,
            source=probe.source,
            score=one.score,
            because=probe.because,
            interest=probe.interest,
        )
        for one in found[:quota]
    ]
