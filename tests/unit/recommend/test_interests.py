"""Ward's clusters and medoids, against loops that do what the paper says."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.recommend.histories import around

from vitrine.recommend.interests import Vectors, group, medoid


def wards_groups(vectors: Vectors, cut: float) -> set[frozenset[int]]:
    """Merge the two groups whose union costs least, until that costs more than the cut."""
    groups = [[row] for row in range(len(vectors))]

    def distance(one: list[int], other: list[int]) -> float:
        apart = np.linalg.norm(vectors[one].mean(axis=0) - vectors[other].mean(axis=0))
        return float(np.sqrt(2 * len(one) * len(other) / (len(one) + len(other))) * apart)

    while len(groups) > 1:
        costs = [
            (distance(groups[i], groups[j]), i, j)
            for i in range(len(groups))
            for j in range(i + 1, len(groups))
        ]
        cost, i, j = min(costs)
        if cost > cut:
            break
        groups[i] += groups.pop(j)
    return {frozenset(rows) for rows in groups}


@given(seed=st.integers(0, 500), count=st.integers(1, 14))
def test_the_groups_are_those_of_ward(seed: int, count: int) -> None:
    vectors = around([0.6, 0, 0, 0], count, 0.8, seed)
    cut = float(np.sqrt(1.6 + 0.03 * count))
    found = group(vectors)
    assert {frozenset(rows) for rows in found} == wards_groups(vectors.astype(np.float64), cut)
    assert [rows[0] for rows in found] == sorted(rows[0] for rows in found)


@given(seed=st.integers(0, 500), count=st.integers(3, 12))
def test_the_medoid_is_the_one_nearest_to_all(seed: int, count: int) -> None:
    vectors = around([1, 0, 0, 0], count, 0.7, seed)
    sums = [
        sum(float(np.linalg.norm(one - other)) for other in vectors.astype(np.float64))
        for one in vectors.astype(np.float64)
    ]
    assert sums[medoid(vectors, [1.0] * count)] == pytest.approx(min(sums), abs=1e-6)


def test_of_two_the_one_that_weighs_more_stands_for_both() -> None:
    vectors = around([1, 0, 0], 2, 0.3)
    assert medoid(vectors, [1.0, 3.0]) == 1
    assert medoid(vectors, [3.0, 1.0]) == 0
    assert medoid(vectors, [1.0, 1.0]) == 0


@pytest.mark.parametrize("count", [2, 8, 40, 200])
def test_mugs_and_boots_are_two_interests_however_many_there_are(count: int) -> None:
    wide = np.eye(64)
    mugs, boots = around(wide[0], count, 0.1, 1), around(wide[1], count, 0.1, 2)
    found = group(np.concatenate([mugs, boots]))
    assert found == [list(range(count)), list(range(count, 2 * count))]


def test_nothing_has_no_interest_and_one_product_is_one() -> None:
    assert group(np.empty((0, 4), np.float32)) == []
    assert group(around([1, 0], 1, 0.0)) == [[0]]
