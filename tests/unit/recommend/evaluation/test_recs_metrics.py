"""Metrics of lists against naive loops."""

from itertools import combinations
from math import log2

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vitrine.recommend.evaluation.metrics import (
    coverage,
    intra_list_diversity,
    ndcg,
    novelty,
    recall,
    reciprocal_rank,
)

ranking = st.lists(st.integers(0, 30), unique=True, max_size=25)
wanted = st.frozensets(st.integers(0, 30), min_size=1, max_size=8)


@given(ranking, wanted, st.integers(1, 12))
def test_hits_and_their_places(ranked: list[int], right: frozenset[int], k: int) -> None:
    hits, gain, first = 0, 0.0, 0.0
    for place, one in enumerate(ranked, start=1):
        if one in right:
            if place <= k:
                hits += 1
                gain += 1 / log2(place + 1)
            first = first or 1 / place
    best = sum(1 / log2(place + 1) for place in range(1, min(k, len(right)) + 1))
    assert recall(ranked, right, k) == pytest.approx(hits / len(right))
    assert ndcg(ranked, right, k) == pytest.approx(gain / best)
    assert reciprocal_rank(ranked, right) == pytest.approx(first)


def test_the_best_list_is_worth_one() -> None:
    assert ndcg([3, 1, 2], frozenset({1, 2, 3}), 3) == pytest.approx(1)
    assert recall([3, 1, 2], frozenset({1, 2, 3}), 3) == 1


@given(st.lists(ranking, max_size=6))
def test_what_of_the_catalogue_is_shown(lists: list[list[int]]) -> None:
    shown = []
    for one in lists:
        shown += [product for product in one if product not in shown]
    assert coverage(lists, 31) == pytest.approx(len(set(shown)) / 31)
    assert coverage(lists, 0) == 0


def test_novelty_is_in_bits() -> None:
    known_to = np.array([0.5, 0.25, 1.0])
    assert novelty([0, 1], known_to) == pytest.approx(1.5)
    assert novelty([2], known_to) == 0
    assert np.isnan(novelty([], known_to))


def test_diversity_is_of_all_pairs() -> None:
    vectors = np.random.default_rng(1).normal(size=(6, 4))
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    pairs = [1 - float(one @ other) for one, other in combinations(vectors, 2)]
    assert intra_list_diversity(vectors) == pytest.approx(np.mean(pairs), abs=1e-5)
    assert intra_list_diversity(np.stack([vectors[0]] * 3)) == pytest.approx(0, abs=1e-5)
    assert np.isnan(intra_list_diversity(vectors[:1]))
