"""Progressive validation against naive loops; and when a version must not serve."""

import json
import math

import numpy as np
import pytest

from vitrine.recommend.validation import JUDGING, Judging, Predictor, Validation

NOTHING_FADES = Judging(half_life=math.inf)


def examples(count: int, seed: int = 0) -> list[tuple[float, bool]]:
    rng = np.random.default_rng(seed)
    probabilities = rng.beta(1, 6, count)
    return [(float(one), bool(rng.random() < one)) for one in probabilities]


def test_loss_and_area_are_those_of_naive_loops() -> None:
    made = examples(600)
    predictor = Predictor()
    for probability, clicked in made:
        predictor.add(probability, clicked, 1.0, NOTHING_FADES.keep)
    loss = -sum(np.log(p if c else 1 - p) for p, c in made)
    assert predictor.loss == pytest.approx(loss)
    assert predictor.predicted == pytest.approx(sum(p for p, _ in made))
    pairs = [(p, q) for p, c in made if c for q, d in made if not d]
    area = sum((p > q) + (p == q) / 2 for p, q in pairs) / len(pairs)
    # Logits share bins a quarter wide.
    assert predictor.auc() == pytest.approx(area, abs=0.01)


def test_an_example_counts_as_often_as_it_is_learnt() -> None:
    weighed, repeated = Validation(NOTHING_FADES), Validation(NOTHING_FADES)
    for probability, clicked in examples(200):
        weighed.add(probability, 0.14, clicked, weight=3.0 if clicked else 1.0)
        for _ in range(3 if clicked else 1):
            repeated.add(probability, 0.14, clicked)
    told, expected = weighed.report(), repeated.report()
    # The rate so far moves after each example, which three alike are not.
    for report in (told, expected):
        del report["log_loss"]["base_rate"], report["predicted_per_click"]["base_rate"]
    assert told == expected


def test_examples_fade() -> None:
    faded = Predictor()
    faded.add(0.5, True, 1.0, JUDGING.keep)
    for _ in range(int(JUDGING.half_life)):
        faded.add(0.5, False, 1.0, JUDGING.keep)
    assert faded.clicked.sum() == pytest.approx(0.5)


def test_one_that_knows_is_told_from_one_that_does_not() -> None:
    good = Validation()
    for probability, clicked in examples(2000):
        good.add(probability, 0.14, clicked)
    report = good.report()
    assert report["log_loss"]["ranker"] < report["log_loss"]["prior"]
    assert report["log_loss"]["ranker"] < report["log_loss"]["base_rate"]
    assert report["auc"]["ranker"] > 0.65
    assert report["auc"]["prior"] == 0.5
    assert report["predicted_per_click"]["ranker"] == pytest.approx(1, abs=0.1)
    assert not good.worse_than_prior()


@pytest.mark.parametrize(
    "spoilt", [lambda p: 1 - p, lambda p: min(0.99, p * 4), lambda p: 0.14 + 0.0001 * (1 - p)]
)
def test_one_that_predicts_worse_than_the_prior_is_found_once_there_is_enough(spoilt) -> None:
    bad = Validation()
    for probability, clicked in examples(400):
        bad.add(spoilt(probability), probability, clicked)
    assert not bad.worse_than_prior()
    for probability, clicked in examples(800, seed=1):
        bad.add(spoilt(probability), probability, clicked)
    assert bad.worse_than_prior()


def test_of_few_clicks_nothing_is_told() -> None:
    bad = Validation(Judging(told_from_clicks=150))
    for probability, clicked in examples(800):
        bad.add(1 - probability, probability, clicked)
    assert bad.clicks < 150
    assert not bad.worse_than_prior()
    for probability, clicked in examples(800, seed=1):
        bad.add(1 - probability, probability, clicked)
    assert bad.worse_than_prior()


def test_nothing_is_divided_by_nothing() -> None:
    report = Validation().report()
    assert report["click_rate"] is None
    assert report["auc"]["ranker"] is None


def test_it_goes_on_from_json_exactly() -> None:
    made = examples(300)
    whole, first = Validation(), Validation()
    for probability, clicked in made:
        whole.add(probability, 0.1, clicked)
    for probability, clicked in made[:150]:
        first.add(probability, 0.1, clicked)
    second = Validation.from_json(json.loads(json.dumps(first.to_json())))
    for probability, clicked in made[150:]:
        second.add(probability, 0.1, clicked)
    assert second.to_json() == whole.to_json()
