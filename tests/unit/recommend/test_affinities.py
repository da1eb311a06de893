"""Shares of what is liked, and the band of prices."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vitrine.recommend.affinities import band, shares

NAMED = st.lists(st.tuples(st.sampled_from("abcde"), st.floats(-50, 50)), max_size=20)


@given(NAMED)
def test_what_is_liked_adds_up_to_one_and_a_dislike_is_bounded(
    weighed: list[tuple[str, float]],
) -> None:
    found = shares(weighed)
    liked = [share for share in found.values() if share > 0]
    assert not liked or sum(liked) == pytest.approx(1, abs=1e-5)
    assert all(-1 <= share <= 1 for share in found.values())
    assert list(found.values()) == sorted(found.values(), reverse=True)


def test_shares_are_in_proportion() -> None:
    assert shares([("mugs", 2), ("boots", 1), ("mugs", 1), ("hats", -2)]) == {
        "mugs": 0.75,
        "boots": 0.25,
        "hats": -0.5,
    }


def test_more_dislike_than_liking_is_at_most_a_whole_dislike() -> None:
    assert shares([("mugs", 1), ("hats", -3), ("boots", -1)]) == {
        "mugs": 1.0,
        "boots": -0.25,
        "hats": -0.75,
    }


def naive_point(prices: list[float], weights: list[float], point: float) -> float:
    """Find where the weight that lies below is the share asked for, on a logarithmic scale."""
    order = sorted(zip(prices, weights, strict=True))
    total, below, before = sum(weights), 0.0, None
    for price, weight in order:
        middle = (below + weight / 2) / total
        if middle >= point:
            if before is None:
                return price
            share = (point - before[0]) / (middle - before[0])
            return math.exp(math.log(before[1]) + share * (math.log(price) - math.log(before[1])))
        before, below = (middle, price), below + weight
    return order[-1][0]


@given(st.lists(st.tuples(st.floats(0.5, 5000), st.floats(0.1, 9)), min_size=1, max_size=15))
def test_the_band_is_the_weighted_points_of_log_prices(pairs: list[tuple[float, float]]) -> None:
    prices, weights = [price for price, _ in pairs], [weight for _, weight in pairs]
    found = band(prices, weights)
    expected = [naive_point(prices, weights, point) for point in (0.1, 0.5, 0.9)]
    assert found is not None
    assert np.allclose(found, expected, rtol=1e-6, atol=0.006)
    assert min(prices) - 0.01 <= found[0] <= found[1] <= found[2] <= max(prices) + 0.01


def test_what_is_free_has_no_logarithm_and_no_price_makes_no_band() -> None:
    assert band([0.0, 10.0], [5.0, 1.0]) == (10.0, 10.0, 10.0)
    assert band([0.0], [1.0]) is None
