"""Thompson sampling: right in the mean, wide for what is new, the same for the same seed."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vitrine.ads.exploring import drawn, shape

probability = st.floats(0.0005, 0.9995)
impressions = st.floats(0, 1e7)


@given(probability, impressions, st.floats(0.01, 10))
def test_the_mean_of_what_is_drawn_from_is_the_prediction(
    predicted: float, shown: float, strength: float
) -> None:
    above, below = shape(np.array([predicted]), np.array([shown]), strength)
    assert above[0] / (above[0] + below[0]) == pytest.approx(predicted, rel=1e-9)


@given(st.lists(probability, min_size=1, max_size=5), impressions, st.integers(0, 2**31))
def test_what_is_drawn_is_a_probability_and_of_its_seed(
    predicted: list[float], shown: float, seed: int
) -> None:
    counts = np.full(len(predicted), shown)
    one, other = (drawn(predicted, counts, np.random.default_rng(seed), 1.0) for _ in range(2))
    assert one.tolist() == other.tolist()
    assert ((one >= 0) & (one <= 1)).all()


@pytest.mark.parametrize("strength", [0.3, 1.0, 5.0])
@pytest.mark.parametrize("shown", [0.0, 300.0])
def test_many_draws_are_the_prediction_in_the_mean(shown: float, strength: float) -> None:
    rng, count = np.random.default_rng(7), 200_000
    found = drawn(np.full(count, 0.02), np.full(count, shown), rng, strength)
    assert found.mean() == pytest.approx(0.02, abs=5 * found.std() / count**0.5)
    # A Beta of k impressions in all: p (1 − p) / (k + 1).
    spread = 0.02 * 0.98 / ((100 + shown) / strength + 1)
    assert found.var() == pytest.approx(spread, rel=0.1)


def test_without_strength_nothing_is_drawn() -> None:
    rng = np.random.default_rng(1)
    before = rng.bit_generator.state
    assert drawn([0.1, 0.7], [0, 9], rng, 0).tolist() == [0.1, 0.7]
    assert rng.bit_generator.state == before


def test_impossible_and_certain_are_drawn_too() -> None:
    found = drawn([0.0, 1.0], [0, 0], np.random.default_rng(1), 10)
    assert found == pytest.approx([0, 1], abs=0.01)
