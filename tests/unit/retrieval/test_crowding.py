"""How many pictures are fetched for a product follows what products need."""

import numpy as np
import pytest

from vitrine.retrieval.candidates import Crowding


@pytest.mark.parametrize("mean", [1.2, 2.5, 4.0])
def test_about_one_search_in_twenty_needs_a_second_fetch(mean: float) -> None:
    crowding, random = Crowding(), np.random.default_rng(1)
    short = []
    for needed in mean + 0.3 * random.normal(size=4000):
        short.append(needed > crowding.pictures)
        crowding.learn(needed)
    assert 0.02 < np.mean(short[2000:]) < 0.08
    assert crowding.pictures < mean + 1.0


def test_one_odd_search_changes_little_and_all_stay_within_bounds() -> None:
    crowding = Crowding()
    crowding.learn(300.0)
    assert crowding.pictures < 2 * Crowding.FIRST
    for _ in range(200):
        crowding.learn(300.0)
    assert crowding.pictures == Crowding.MOST
    for _ in range(2000):
        crowding.learn(0.1)
    assert crowding.pictures == 1.0
