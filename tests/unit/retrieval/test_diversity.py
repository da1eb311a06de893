"""MMR against the loop of the paper."""

import numpy as np
import pytest

from vitrine.retrieval.diversity import diversify


def naive(relevance: list[float], vectors: np.ndarray, diversity: float, count: int) -> list[int]:
    low, span = min(relevance), max(relevance) - min(relevance)
    scaled = [(one - low) / span if span else 1.0 for one in relevance]
    chosen: list[int] = []
    while len(chosen) < min(count, len(relevance)):
        best, best_value = -1, -np.inf
        for at in range(len(relevance)):
            if at in chosen:
                continue
            alike = max([float(vectors[at] @ vectors[one]) for one in chosen] + [0.0])
            value = (1 - diversity) * scaled[at] - diversity * alike
            if value > best_value + 1e-12:
                best, best_value = at, value
        chosen.append(best)
    return chosen


@pytest.mark.parametrize("diversity", [0.0, 0.3, 0.7, 1.0])
@pytest.mark.parametrize("seed", range(5))
def test_it_is_the_loop_of_the_paper(diversity: float, seed: int) -> None:
    random = np.random.default_rng(seed)
    vectors = random.normal(size=(14, 6)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    relevance = random.normal(size=14)
    assert diversify(relevance, vectors, diversity, 9) == naive(
        list(relevance), vectors, diversity, 9
    )


def test_without_diversity_the_order_stays() -> None:
    relevance = np.array([5.0, 4.0, 4.0, 1.0])
    assert diversify(relevance, np.zeros((4, 3), np.float32), 0.0, 10) == [0, 1, 2, 3]


def test_two_alike_do_not_stand_beside_each_other() -> None:
    vectors = np.array([[1, 0], [1, 0], [0, 1]], np.float32)
    assert diversify(np.array([0.9, 0.89, 0.5]), vectors, 0.7, 3) == [0, 2, 1]
    assert diversify(np.array([]), np.zeros((0, 2), np.float32), 0.5, 3) == []
