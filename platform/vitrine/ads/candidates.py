"""Which creatives to look at: those near what is seen and liked, and those that words name."""

import random
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain

import numpy as np

from vitrine.ads.context import AdContext
from vitrine.ads.running import Running
from vitrine.errors import Unavailable
from vitrine.index.client import VectorIndex
from vitrine.index.models import creatives_collection

# For each vector; with few that may be shown, as many times more as is said.
DEPTH, DEEPER = 100, 8
# Words and categories may name everything.
_MOST_NAMED = 200
_MOST_ELSE = 50


@dataclass(frozen=True, slots=True)
class Candidates:
    """Creatives to look at, in no order. `exhausted`: the index has no others to offer.

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
        named = _some(_named(context, running), dice, _MOST_NAMED)
        more: Iterable[int] = ()
        if len(near) + len(named) < depth:
            more = _some(running.creatives, dice, _MOST_ELSE)
        ids = dict.fromkeys(chain(near, named, more))
        return Candidates(
            tuple(one for one in ids if one in running.creatives), exhausted, degraded
        )

    def _near(self, context: AdContext, vectors: np.ndarray, depth: int) -> tuple[list[int], bool]:
        collection = creatives_collection(context.serving.generation)
        answers = self._index.search_creatives(collection, vectors, limit=depth)
        exhausted = all(len(answer) < depth for answer in answers)
        return [hit.id for answer in answers for hit in answer], exhausted


def _named(context: AdContext, running: Running) -> list[int]:
    """Creatives that the words of the shopper name, and those of the page's category."""
    found: dict[int, int] = {}
    for word in context.words:
        for id_ in running.by_word.get(word, ()):
            found[id_] = found.get(id_, 0) + 1
    by_words = sorted(found, key=lambda id_: (-found[id_], id_))[:_MOST_NAMED]
    by_category = [
        id_ for category in context.categories for id_ in running.by_category.get(category, ())
    ]
    return [*by_words, *by_category]


def _some(ids: Iterable[int], dice: random.Random, most: int) -> list[int]:
    found = list(dict.fromkeys(ids))
    return found if len(found) <= most else dice.sample(found, most)
