"""The online model: it starts at the prior, goes on exactly from JSON, and learns."""

import json

import numpy as np
import pytest

from vitrine.recommend.examples import Example
from vitrine.recommend.features import FEATURES
from vitrine.recommend.linear import from_state
from vitrine.recommend.online import OnlineModel
from vitrine.recommend.ranker import PRIOR, PRIOR_WEIGHTS

OF_A_PAGE = {
    "home": ("home_page_known",),
    "product": ("product_page", "likeness_on_product_page", "category_of_page"),
    "cart": ("cart_page", "likeness_in_cart", "category_of_cart", "in_cart"),
}


def examples(count: int, seed: int = 0) -> list[Example]:
    """Shoppers on one page or another who click what is young, and nothing else matters."""
    rng = np.random.default_rng(seed)
    features = rng.random((count, len(FEATURES))).astype(np.float32)
    pages = rng.choice(list(OF_A_PAGE), count)
    for page, names in OF_A_PAGE.items():
        features[np.ix_(pages != page, [FEATURES.index(name) for name in names])] = 0.0
    young = features[:, FEATURES.index("young")]
    clicked = rng.random(count) < np.where(young > 0.7, 0.6, 0.05)
    weights = rng.choice([1.0, 2.0, 4.0], count)
    return [
        Example(row, bool(label), float(weight))
        for row, label, weight in zip(features, clicked, weights, strict=True)
    ]


def test_it_starts_at_the_prior() -> None:
    model = OnlineModel(PRIOR)
    for one in examples(20):
        expected = float(PRIOR.probabilities(one.features[None])[0])
        assert model.predict(one) == pytest.approx(expected, rel=1e-5)
    weights = from_state(0, model.to_state(), PRIOR)
    assert weights.coefficients == pytest.approx(PRIOR.coefficients)
    assert weights.intercept == PRIOR.intercept


def test_half_saved_restored_and_half_is_the_same_as_all_at_once() -> None:
    made = examples(1000)
    whole, first = OnlineModel(PRIOR), OnlineModel(PRIOR)
    for one in made:
        whole.learn(one)
    for one in made[:500]:
        first.learn(one)
    second = OnlineModel(PRIOR, json.loads(json.dumps(first.to_state())))
    for one in made[500:]:
        second.learn(one)
    assert second.to_state() == whole.to_state()
    assert whole.to_state()["examples"] == 1000


def test_what_is_served_is_what_was_learnt() -> None:
    model = OnlineModel(PRIOR)
    for one in examples(300):
        model.learn(one)
    served = from_state(3, model.to_state(), PRIOR)
    for one in examples(20, seed=1):
        probability = float(served.probabilities(one.features[None])[0])
        assert probability == pytest.approx(model.predict(one), rel=1e-4)


def test_it_learns_what_the_prior_does_not_know() -> None:
    model = OnlineModel(PRIOR)
    for one in examples(4000):
        model.learn(one)
    report = model.validation.report()
    assert report["auc"]["ranker"] > report["auc"]["prior"] + 0.1
    assert report["log_loss"]["ranker"] < report["log_loss"]["base_rate"]
    assert model.to_state()["weights"]["young"] > PRIOR_WEIGHTS["young"] + 1


def test_without_examples_of_a_feature_it_is_drawn_back_to_the_prior() -> None:
    state = OnlineModel(PRIOR).to_state()
    state["weights"]["together"] = 9.0
    model = OnlineModel(PRIOR, state)
    nothing = Example(np.zeros(len(FEATURES), np.float32), False, 1.0)
    for _ in range(2000):
        model.learn(nothing)
    now = model.to_state()["weights"]["together"]
    assert PRIOR_WEIGHTS["together"] < now < 8.9
    assert model.to_state()["weights"]["affinity"] == pytest.approx(PRIOR_WEIGHTS["affinity"])


def test_a_late_answer_is_learnt_and_not_counted_as_predicted() -> None:
    model = OnlineModel(PRIOR)
    one = examples(1)[0]
    model.learn(one, validate=False)
    assert model.validation.examples == 0
    assert model.examples == 1
    assert model.predict(one) != pytest.approx(float(PRIOR.probabilities(one.features[None])[0]))
