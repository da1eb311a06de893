"""From pictures to products: one slot a product, filled by its best picture."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from vitrine.index.schema import IndexHit


@dataclass(frozen=True, slots=True)
class Candidate:
    """A product that may be shown, and the picture (a product_images id) that speaks for it."""

    product_id: int
    image_id: int
    score: float


@dataclass(slots=True)
class Ranked:
    """A product in a ranking, with what its score is made of: `parts` add up to `score`.

    `image_id` is None where words alone found it; `cosine` and `bm25` are None where the search by
    vector, or by words, did not find it.
    """

    product_id: int
    image_id: int | None
    cosine: float | None = None
    bm25: float | None = None
    parts: dict[str, float] = field(default_factory=dict)

    @property
    def score(self) -> float:
        return sum(self.parts.values())


def best_per_product(
    hits: Iterable[IndexHit], *, exclude_products: Collection[int] = frozenset()
) -> list[Candidate]:
    """Keep each product's best picture; best first, equal scores by product id.

    The hits may come in any order and from several queries. Among equal pictures of one product
    the lowest id wins.
    """
    best: dict[int, Candidate] = {}
    for hit in hits:
        if hit.product_id in exclude_products:
            continue
        held = best.get(hit.product_id)
        if held is None or (hit.score, -hit.id) > (held.score, -held.image_id):
            best[hit.product_id] = Candidate(hit.product_id, hit.id, hit.score)
    return sorted(best.values(), key=lambda one: (-one.score, one.product_id))
