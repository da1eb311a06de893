"""Which creatives to look at: those near what is seen and liked, and those that words name."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

from vitrine.ads.context import AdContext
from vitrine.ads.gallery import Gallery
from vitrine.ads.running import Running
from vitrine.errors import Unavailable
from vitrine.index.client import VectorIndex
from vitrine.index.models import creatives_collection

# Of all vectors together, and of each at least; with few that may be shown, many times more.
DEPTH, LEAST_DEPTH, DEEPER = 120, 40, 8
# Words and categories may name everything; a word that very many ads have tells little. Where
# pictures say what suits a page, its category adds a few.
_MOST_NAMED, _MOST_ELSE, _FEW, _MOST_COUNTED = 100, 100, 30, 2000


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

    def __init__(self, index: VectorIndex, gallery: Gallery) -> None:
        self._index = index
        self._gallery = gallery

    def forget(self) -> None:
        """Find what is new at the next question."""
        self._gallery.forget()

    def find(
        self, context: AdContext, running: Running, seed: int, *, deeper: bool = False
    ) -> Candidates:
        """Propose creatives that are active: near the pictures and interests, or named in words.

        Where nothing is seen or typed, some of the page's category and some of all.
        """
        near: list[int] = []
        exhausted, degraded = True, False
        if len(context.probes):
            try:
                near, exhausted = self._near(context, running, deeper=deeper)
            except Unavailable:
                degraded = True
        dice = random.Random(seed)  # noqa: S311 - a draw among ads is no secret
        most = _FEW if near and len(context.pictures) else _MOST_ELSE
        of_category = _some(_by_category(context, running), dice, most)
        named = {*_by_words(context, running, dice), *of_category}
        more = _some(running.ids, dice, _MOST_ELSE) if len(near) + len(named) < DEPTH else ()
        # In one order, whatever this process saw when: chance is drawn along it.
        ids = sorted({*near, *named, *more} & running.creatives.keys())
        return Candidates(tuple(ids), exhausted, degraded)

    def _near(
        self, context: AdContext, running: Running, *, deeper: bool
    ) -> tuple[list[int], bool]:
        probes, serving = context.probes, context.serving
        depth = max(LEAST_DEPTH, DEPTH // len(probes)) * (DEEPER if deeper else 1)
        pictures = self._gallery.pictures(running, serving.model.digest)
        if pictures is not None:
            answers = pictures.nearest(probes, depth)
        else:
            collection = creatives_collection(serving.generation)
            hits = self._index.search_creatives(collection, probes, limit=depth)
            answers = [[hit.id for hit in answer] for answer in hits]
        exhausted = all(len(answer) < depth for answer in answers)
        return list(chain.from_iterable(answers)), exhausted


def _by_words(context: AdContext, running: Running, dice: random.Random) -> list[int]:
    """Creatives that have words of the shopper, those with most of them first, else by chance."""
    found: dict[int, int] = {}
    for ids in sorted((running.by_word.get(word, ()) for word in context.words), key=len):
        if found and len(found) + len(ids) > _MOST_COUNTED:
            break
        for id_ in ids:
            found[id_] = found.get(id_, 0) + 1
    if len(found) <= _MOST_NAMED:
        return list(found)
    some = sorted(found)
    dice.shuffle(some)
    return sorted(some, key=lambda id_: -found[id_])[:_MOST_NAMED]


def _by_category(context: AdContext, running: Running) -> Sequence[int]:
    found = [running.by_category.get(one, ()) for one in context.categories]
    return found[0] if len(found) == 1 else sorted(set(chain.from_iterable(found)))


def _some(ids: Sequence[int], dice: random.Random, most: int) -> Sequence[int]:
    """Draw some; those that are handed in are in order."""
    return ids if len(ids) <= most else dice.sample(ids, most)
