"""Which creatives to look at: those near what is seen and liked, and those that words name."""

import random
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from vitrine.ads.context import AdContext
from vitrine.ads.running import Running
from vitrine.errors import Unavailable
from vitrine.index.client import VectorIndex
from vitrine.index.models import creatives_collection

# For each vector; with few that may be shown, as many times more as is said.
DEPTH, DEEPER = 100, 8
# Words and categories may name everything.
_MOST_NAMED, _MOST_ELSE = 100, 100


@dataclass(frozen=True, slots=True)
class Candidates:
    """Creatives to look at, by id. `exhausted`: the index has no others to offer.

    `degraded`: the index did not answer.
    """

    ids: tuple[int, ...]
    exhausted: bool
    degraded: bool = False


class Finder:
    """Finds candidates; safe to share between threads."""

    def __init__(self, index: VectorIndex) -> None:
        self._index = index

    def find(self, context: AdContext, running: Running, seed: int, *, depth: int) -> Candidates:
        """Propose creatives that are active: near the pictures and interests, or named in words.

        Where nothing is seen or typed, some of the page's category and some of all.
        """
        probes = [*context.pictures, *(one.vector for one in context.interests)]
        near: list[int] = []
        exhausted, degraded = True, False
        if probes:
            try:
                near, exhausted = self._near(context, np.stack(probes), depth)
            except Unavailable:
                degraded = True
        dice = random.Random(seed)  # noqa: S311 - a draw among ads is no secret
        named = {*_by_words(context, running), *_some(_by_category(context, running), dice)}
        more = _some(running.creatives, dice) if len(near) + len(named) < depth else []
        # In one order, whatever this process saw when: chance is drawn along it.
        ids = sorted({*near, *named, *more} & running.creatives.keys())
        return Candidates(tuple(ids), exhausted, degraded)

    def _near(self, context: AdContext, vectors: np.ndarray, depth: int) -> tuple[list[int], bool]:
        collection = creatives_collection(context.serving.generation)
        answers = self._index.search_creatives(collection, vectors, limit=depth)
        exhausted = all(len(answer) < depth for answer in answers)
        return [hit.id for answer in answers for hit in answer], exhausted


def _by_words(context: AdContext, running: Running) -> list[int]:
    """Creatives that have words of the shopper, those with most of them first."""
    found: dict[int, int] = {}
    for word in context.words:
        for id_ in running.by_word.get(word, ()):
            found[id_] = found.get(id_, 0) + 1
    return sorted(found, key=lambda id_: (-found[id_], id_))[:_MOST_NAMED]


def _by_category(context: AdContext, running: Running) -> list[int]:
    return [id_ for category in context.categories for id_ in running.by_category.get(category, ())]


def _some(ids: Iterable[int], dice: random.Random) -> list[int]:
    found = sorted(set(ids))
    return found if len(found) <= _MOST_ELSE else dice.sample(found, _MOST_ELSE)
