"""What is fitted agrees with how the photos were made, and with loops."""

import random
from dataclasses import replace

import numpy as np
import pytest

from vitrine.search.calibration import DEFAULT, Calibration
from vitrine.search.category import Neighbour
from vitrine.search.fitting import (
    Observed,
    calibration_error,
    first_guesses,
    fit,
    logistic,
    rejected,
    reliability,
)
from vitrine.search.measuring import Size, _is_due, measured
from vitrine.search.observing import Pair

KINDS = ["home/mugs", "home/bowls", "shoes/boots", "shoes/sandals"]


def photos(count: int, *, seed: int = 1) -> list[Observed]:
    """Photos whose neighbours are of their own kind four times in ten, and score a little more."""
    dice = random.Random(seed)
    made = []
    for _ in range(count):
        kind, blur = dice.choice(KINDS), dice.uniform(-0.2, 0.2)
        near = []
        for product in range(20):
            of = kind if dice.random() < 0.4 else dice.choice(KINDS)
            score = 0.5 + blur + (0.04 if of == kind else 0.0) + dice.gauss(0, 0.05)
            near.append(Neighbour(product, of, max(-1.0, min(1.0, score))))
        made.append(Observed(kind, near))
    return made


def pairs(count: int, *, views: int = 1) -> list[Pair]:
    both = zip(photos(count), photos(count, seed=3), strict=True)
    return [Pair(at // views, shopper, plain) for at, (shopper, plain) in enumerate(both)]


FITTING, OTHERS = photos(600), photos(600, seed=2)


def test_confidences_agree_with_how_often_they_are_right() -> None:
    calibration = fit(FITTING, FITTING, false_rejections=0.02)
    said, right = first_guesses(OTHERS, calibration)
    raw, _ = first_guesses(OTHERS, replace(DEFAULT, temperature=0.2))
    assert 0.4 < right.mean() < 0.95
    assert calibration_error(said, right) < 0.1 < calibration_error(raw, right)
    assert calibration.slope > 0


def test_the_threshold_lets_go_the_share_that_was_asked_for() -> None:
    for share in (0.02, 0.1, 0.3):
        calibration = fit(FITTING, FITTING, false_rejections=share)
        assert rejected(FITTING, calibration).mean() == pytest.approx(share, abs=1 / 500)
        assert rejected(OTHERS, calibration).mean() == pytest.approx(share, abs=0.05)
    never = fit(FITTING, FITTING, false_rejections=0)
    assert not rejected([Observed("shoes", [Neighbour(1, "shoes", -1.0)])], never).any()


def test_each_side_fits_what_it_is_asked_for() -> None:
    """A catalogue known by heart: its pictures find their kind, shoppers' photos do not."""
    sure = [
        replace(one, neighbours=[Neighbour(n, one.category, 0.9) for n in range(20)])
        for one in FITTING
    ]
    alone, both = (fit(FITTING, of, false_rejections=0.02) for of in (FITTING, sure))
    assert both.familiar_from == alone.familiar_from
    assert fit(sure, FITTING, false_rejections=0.02).temperature == alone.temperature
    assert both.confidence(0.9, 0.9) > both.confidence(0.9, 0.4)


def test_an_error_is_what_a_loop_finds() -> None:
    dice = np.random.default_rng(4)
    said = dice.random(500)
    right = dice.random(500) < said**2
    total = 0.0
    for low in range(10):
        mine = [at for at in range(500) if low <= said[at] * 10 < low + 1]
        if mine:
            gap = sum(said[at] for at in mine) - sum(bool(right[at]) for at in mine)
            total += abs(gap) / 500
    assert calibration_error(said, right) == pytest.approx(total)
    assert sum(share for share, _, _ in reliability(said, right)) == pytest.approx(1)
    assert calibration_error(np.array([1.0, 0.0]), np.array([True, False])) == 0


def test_the_curve_is_the_one_that_was_drawn_from() -> None:
    dice = np.random.default_rng(5)
    rows = dice.normal(size=(20_000, 2))
    right = dice.random(20_000) < 1 / (1 + np.exp(-(1.5 * rows[:, 0] + 0.5 * rows[:, 1] - 0.7)))
    assert logistic(rows, right) == pytest.approx(np.array([1.5, 0.5, -0.7]), abs=0.1)


def test_a_column_that_misleads_is_left_out() -> None:
    dice = np.random.default_rng(6)
    rows = dice.normal(size=(5_000, 2))
    right = dice.random(5_000) < 1 / (1 + np.exp(-(rows[:, 0] - rows[:, 1])))
    slope, misleading, _ = logistic(rows, right)
    assert slope > 0.5
    assert misleading == 0


@pytest.mark.parametrize("answer", [True, False])
def test_photos_that_are_all_right_or_all_wrong_have_a_finite_curve(answer: bool) -> None:
    rows = np.random.default_rng(7).normal(size=(50, 2))
    assert np.isfinite(logistic(rows, np.full(50, answer))).all()


def test_no_product_both_fits_and_measures() -> None:
    views = pairs(202, views=4)
    found = measured(views, "abc", Size(51, 120), 0.02)
    assert found.measured is not None
    assert (found.measured.fitted_on, found.measured.held_out) == (104, 98)
    assert found.calibrated
    assert found.model == "abc"


def test_photos_that_found_nothing() -> None:
    lost = [Observed("shoes", [])] * 120
    found = fit(lost, lost, false_rejections=0.02)
    assert (found.slope, found.offset) == (1.0, 0.0)
    assert first_guesses(lost, Calibration())[1].sum() == 0


def test_when_a_catalogue_is_measured_again() -> None:
    assert _is_due(None, Size(50, 50), 0.02)
    assert not _is_due(None, Size(49, 500), 0.02)
    found = measured(pairs(150), "abc", Size(100, 300), 0.02)
    due = {products: _is_due(found, Size(products, 300), 0.02) for products in (60, 67, 149, 150)}
    assert due == {60: True, 67: False, 149: False, 150: True}
    assert _is_due(found, Size(100, 300), 0.05)
