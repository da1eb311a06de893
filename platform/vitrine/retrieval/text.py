"""The products that have the words of a question, as the text index knows them."""

from dataclasses import dataclass

from vitrine.index.capabilities import MAX_RESULTS
from vitrine.index.expressions import all_of, one_of
from vitrine.index.text import TextIndex
from vitrine.retrieval.candidates import EVERY_PRODUCT, Among
from vitrine.retrieval.filters import Filter, to_milvus


@dataclass(frozen=True, slots=True)
class TextCandidate:
    """A product with its BM25 score, which is above 0."""

    product_id: int
    score: float


def text_candidates(
    index: TextIndex,
    query: str,
    tree: Filter,
    limit: int,
    *,
    among: Among = EVERY_PRODUCT,
) -> list[TextCandidate]:
    """Find up to `limit` products with words of the query: best first, equal scores by product id.

    A filter on attributes is applied only in part, as in `candidates`. Raises Misconfigured on a
    server that cannot search for words, and Unavailable.
    """
    if limit < 1 or (among.only is not None and not among.only):
        return []
    expression, _ = to_milvus(tree)
    if among.only is not None:
        named = one_of("id", sorted(among.only))
        expression = all_of([part for part in (expression, named) if part])
    # One row a product: so many more are enough, whichever of them are excluded.
    fetch = min(limit + len(among.exclude), MAX_RESULTS)
    found = index.search(query, expression=expression, limit=fetch)
    kept = [hit for hit in found if hit.product_id not in among.exclude]
    return [TextCandidate(hit.product_id, hit.score) for hit in kept[:limit]]
