"""Log-loss, calibration error and intervals against naive loops and plain facts."""

import numpy as np
import pytest

from vitrine.ads.evaluation.figures import equal_mass_bins, error_by_chance, judge
from vitrine.learning.evaluation.bootstrap import estimate, estimate_of


def drawn(count: int = 4000, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    real = rng.beta(2, 18, count)
    return real, rng.random(count) < real


def test_figures_are_those_of_naive_loops() -> None:
    predicted, clicked = drawn(500)
    found = judge(predicted, np.full(500, 0.1), clicked)
    losses = [-np.log(p if c else 1 - p) for p, c in zip(predicted, clicked, strict=True)]
    assert found.log_loss.value == pytest.approx(np.mean(losses))
    base = [-np.log(0.1 if c else 0.9) for c in clicked]
    assert found.difference.value == pytest.approx(np.mean(losses) - np.mean(base))
    assert found.predicted_per_real.value == pytest.approx(predicted.sum() / clicked.sum())
    order = np.argsort(predicted)
    error = sum(
        abs(predicted[some].mean() - clicked[some].mean()) * len(some) / 500
        for some in np.array_split(order, 10)
    )
    assert found.calibration_error.value == pytest.approx(error, abs=0.002)


def test_bins_are_of_equal_mass_and_equal_predictions_share_one() -> None:
    predicted, _ = drawn(1000)
    bins = equal_mass_bins(predicted)
    assert bins.sum(axis=0).tolist() == pytest.approx([100] * 10, abs=1)
    assert bins.sum(axis=1).tolist() == [1] * 1000
    assert equal_mass_bins(np.full(50, 0.3)).shape == (50, 1)
    few = equal_mass_bins(np.array([0.1] * 90 + [0.2] * 10))
    assert sorted(few.sum(axis=0).tolist()) == [10, 90]


def test_what_is_right_errs_as_chance_does_and_what_is_wrong_more() -> None:
    predicted, clicked = drawn()
    right = judge(predicted, predicted, clicked)
    assert right.calibration_error.value == pytest.approx(right.by_chance, rel=0.6)
    wrong = judge(np.minimum(predicted * 2, 1), predicted, clicked)
    assert wrong.calibration_error.low > 3 * wrong.by_chance
    assert wrong.predicted_per_real.low > 1.5
    assert wrong.told and wrong.difference.low > 0
    assert not right.told


def test_chance_is_as_great_as_clicks_are_few() -> None:
    many, few = np.full(10_000, 0.1), np.full(100, 0.1)
    # One bin: the mean distance of a binomial from its mean.
    for some in (many, few):
        spread = np.sqrt(0.1 * 0.9 / len(some) * 2 / np.pi)
        assert error_by_chance(some, equal_mass_bins(some)) == pytest.approx(spread, rel=0.15)


def test_an_interval_of_a_mean_is_that_of_a_column() -> None:
    predicted, _ = drawn(300)
    one = estimate(predicted)
    other = estimate_of(predicted[:, None], lambda means: means[:, 0])
    assert other.value == pytest.approx(one.value)
    assert (other.low, other.high) == pytest.approx((one.low, one.high), rel=0.02)


def test_what_cannot_be_told_is_not_a_number() -> None:
    found = judge(np.full(5, 0.1), np.full(5, 0.1), np.zeros(5, np.bool_))
    assert np.isnan(found.predicted_per_real.value)
    assert np.isnan(estimate_of(np.empty((0, 2)), lambda means: means[:, 0]).low)
