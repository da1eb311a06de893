"""Intervals against known values, another implementation, and how often they hold the truth."""

import numpy as np
import pytest
from scipy.stats import binomtest

from vitrine.ads.intervals import of_sum, wilson


def test_shares_are_those_of_wilson() -> None:
    assert wilson(10, 100) == pytest.approx((0.0552, 0.1744), abs=1e-4)
    for hits, trials in [(0, 1), (1, 1), (0, 50), (50, 50), (3, 1000), (207, 600_000)]:
        known = binomtest(hits, trials).proportion_ci(method="wilson")
        assert wilson(hits, trials) == pytest.approx((known.low, known.high))


def test_nothing_is_said_of_no_trials_or_more_hits_than_trials() -> None:
    assert wilson(0, 0) is wilson(2, 1) is wilson(-1, 5) is None


def test_a_sum_of_equal_terms_is_the_exact_interval_of_a_count() -> None:
    # Garwood 1936: 5 events of a Poisson process.
    low, high = (number / 7 for number in of_sum(5 * 7.0, 5 * 49.0, 7.0) or ())
    assert (low, high) == pytest.approx((1.6235, 11.6683), abs=1e-4)


def test_a_sum_is_sure_where_every_trial_brings_the_same() -> None:
    low, high = of_sum(1e6 * 3000, 1e6 * 3000**2, 3000, 1e6) or (0, 0)
    assert low == pytest.approx(3e9)
    assert high == pytest.approx(3e9, rel=1e-5)


def test_nothing_is_said_of_nothing_or_of_more_terms_than_trials() -> None:
    assert of_sum(0, 0, 0) is of_sum(-5, 25, 5) is of_sum(5, 25, 5, 0) is None
    assert of_sum(100 * 2.0, 100 * 4.0, 2.0, 10) is None


@pytest.mark.parametrize(
    ("trials", "share", "spread", "least"),
    [
        (1000, 0.004, 0.5, 0.93),
        (1000, 0.03, 0.5, 0.93),
        (1000, 0.5, 0.5, 0.93),
        (300, 1.0, 0.5, 0.93),
        (2000, 0.01, 1.5, 0.85),  # so uneven that the largest terms have mostly not come yet
    ],
)
def test_sums_hold_the_truth_as_often_as_they_say(
    trials: int, share: float, spread: float, least: float
) -> None:
    random = np.random.default_rng(3)
    truth = trials * share * np.exp(spread**2 / 2)
    held = told = 0
    for _ in range(600):
        terms = random.lognormal(0, spread, random.binomial(trials, share))
        if len(terms):
            squares = float((terms**2).sum())
            low, high = of_sum(terms.sum(), squares, terms.max(), trials) or (0, 0)
            held, told = held + (low <= truth <= high), told + 1
    assert least <= held / told <= 0.995
