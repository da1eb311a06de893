"""Grouping, against a loop that a reader can check."""

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from vitrine.index.schema import IndexHit
from vitrine.retrieval.grouping import Candidate, best_per_product

scores = st.sampled_from([-1.0, -0.25, 0.0, 0.5, 0.5, 0.75, 1.0])
hits = st.lists(st.builds(IndexHit, st.integers(1, 40), st.integers(1, 8), scores), max_size=30)
excluded = st.frozensets(st.integers(1, 8), max_size=3)


def naive(found: list[IndexHit], exclude: frozenset[int]) -> list[Candidate]:
    slots = []
    for product in sorted({hit.product_id for hit in found} - exclude):
        own = [hit for hit in found if hit.product_id == product]
        top = max(hit.score for hit in own)
        image = min(hit.id for hit in own if hit.score == top)
        slots.append(Candidate(product, image, top))
    ordered: list[Candidate] = []
    while slots:
        top = max(slot.score for slot in slots)
        best = next(slot for slot in slots if slot.score == top)  # the lowest product id
        ordered.append(best)
        slots.remove(best)
    return ordered


@given(hits, excluded)
def test_like_the_naive_loop(found: list[IndexHit], exclude: frozenset[int]) -> None:
    assert best_per_product(found, exclude_products=exclude) == naive(found, exclude)


@given(hits, st.randoms())
def test_the_order_of_the_hits_does_not_matter(found: list[IndexHit], random: Random) -> None:
    shuffled = list(found)
    random.shuffle(shuffled)
    assert best_per_product(shuffled) == best_per_product(found)
