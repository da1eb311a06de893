"""The products nearest to a vector, as the index knows them."""

from collections.abc import Collection, Sequence, Set
from dataclasses import dataclass
from itertools import chain
from math import ceil

from vitrine.index.capabilities import MAX_RESULTS
from vitrine.index.client import VectorIndex
from vitrine.index.expressions import all_of, one_of
from vitrine.index.schema import IndexHit, Vectors
from vitrine.retrieval.filters import Filter, to_milvus
from vitrine.retrieval.grouping import Candidate, best_per_product

__all__ = ["Among", "Candidate", "candidates"]

_SMALLEST_FETCH = 16


@dataclass(frozen=True, slots=True)
class Among:
    """Which products may be candidates: these `only`, if named, and none of `exclude`."""

    only: Collection[int] | None = None
    exclude: Set[int] = frozenset()


EVERY_PRODUCT = Among()


class Crowding:
    """How many pictures have to be fetched for one product, learnt from the searches before.

    A product has 3 to 5 pictures, of which a photo finds one or most: that depends on the shop and
    on the model. A picture that is fetched costs Milvus Lite about 0.1 ms, a second search as much
    as a hundred of them; at these steps the estimate settles where one search in twenty needs it.
    """

    FIRST, MOST, UP, DOWN = 2.0, 12.0, 1.1, 0.995

    def __init__(self) -> None:
        self.pictures = self.FIRST

    def learn(self, needed: float) -> None:
        """Take in how many pictures a product needed in one search."""
        # Threads may overwrite each other's lesson: there is another with every search.
        step = self.UP if needed > self.pictures else self.DOWN
        self.pictures = min(max(self.pictures * step, 1.0), self.MOST)


# The one of this process: it serves one shop.
_CROWDING = Crowding()


def candidates(
    index: VectorIndex,
    collection: str,
    vectors: Vectors,
    tree: Filter,
    limit: int,
    *,
    among: Among = EVERY_PRODUCT,
) -> list[Candidate]:
    """Find up to `limit` products for the vectors [n, d]; a product scores by its best picture.

    Fetches more pictures than products are wanted, and twice as many again until there are
    enough or the index has no more. A filter on attributes is applied only in part: hydration
    applies the rest, so ask for more than is to be shown when `to_milvus` says it is not exact,
    or name the products in `among.only` if they are few.
    """
    if among.only is not None and not among.only:
        return []
    expression, _ = to_milvus(tree)
    if among.only is not None:
        named = one_of("product_id", sorted(among.only))
        expression = all_of([part for part in (expression, named) if part])
    fetch = max(_SMALLEST_FETCH, ceil((limit + len(among.exclude)) * _CROWDING.pictures))
    while True:
        fetch = min(fetch, MAX_RESULTS)
        answers = index.search(collection, vectors, expression=expression, limit=fetch)
        found = best_per_product(chain(*answers), exclude_products=among.exclude)
        # What was not fetched scores no better than this; with several vectors one list may
        # still hold better products below its end than another has above.
        unseen = max((answer[-1].score for answer in answers if len(answer) == fetch), default=-1.0)
        enough = len(found) >= limit and found[limit - 1].score >= unseen
        exhausted = all(len(answer) < fetch for answer in answers)
        if enough and len(answers) == 1:
            _CROWDING.learn(_needed(answers[0], found[:limit]) / (limit + len(among.exclude)))
        if enough or exhausted or fetch == MAX_RESULTS:
            return found[:limit]
        fetch *= 2


def _needed(answer: Sequence[IndexHit], found: Sequence[Candidate]) -> int:
    """How many of the pictures, best first, were enough to find these products."""
    last = found[-1].image_id
    return next(rank for rank, hit in enumerate(answer, start=1) if hit.id == last)
