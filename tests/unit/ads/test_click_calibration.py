"""The calibration: what is wrong by a line is put right, and what is right stays."""

import json

import numpy as np
import pytest
from numpy.typing import NDArray

from vitrine.ads.calibration import Calibration
from vitrine.ads.click_model import ClickModel
from vitrine.ads.clicks import PRIOR
from vitrine.ads.features import FEATURES
from vitrine.recommend.examples import Example
from vitrine.recommend.linear import from_state
from vitrine.recommend.online import OnlineModel

CENTRE = -4.6


def stream(
    count: int, *, offset: float = 0.0, slope: float = 1.0, seed: int = 0
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """What a model predicts, and clicks as they would be were it wrong by this line."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(-4.0, 1.0, count)
    real = 1 / (1 + np.exp(-(CENTRE + offset + slope * (logits - CENTRE))))
    return 1 / (1 + np.exp(-logits)), rng.random(count) < real


def learnt(predicted: NDArray[np.float64], clicked: NDArray[np.bool_]) -> Calibration:
    calibration = Calibration(centre=CENTRE)
    for one, label in zip(predicted, clicked, strict=True):
        calibration.learn(float(one), bool(label))
    return calibration


def per_click(calibration: Calibration, predicted: NDArray[np.float64], clicked: object) -> float:
    return float(sum(map(calibration.apply, predicted)) / np.sum(clicked))


def test_at_first_nothing_is_corrected() -> None:
    assert Calibration(centre=CENTRE).apply(0.03) == pytest.approx(0.03)
    assert Calibration(centre=CENTRE).line() == {"slope": 1.0, "offset": 0.0}


@pytest.mark.parametrize(("offset", "slope"), [(1.2, 1.0), (-1.2, 1.0), (1.2, 0.5), (-0.5, 1.6)])
def test_what_is_predicted_wrongly_comes_to_be_predicted_rightly(
    offset: float, slope: float
) -> None:
    calibration = learnt(*stream(20_000, offset=offset, slope=slope))
    predicted, clicked = stream(40_000, offset=offset, slope=slope, seed=1)
    assert abs(np.log(predicted.sum() / clicked.sum())) > 0.3
    assert per_click(calibration, predicted, clicked) == pytest.approx(1, abs=0.1)
    assert calibration.line()["slope"] == pytest.approx(slope, abs=0.2)
    for low, high in ((0.0, 0.015), (0.015, 1.0)):
        part = (predicted >= low) & (predicted < high)
        assert per_click(calibration, predicted[part], clicked[part]) == pytest.approx(1, abs=0.2)


def test_a_model_that_is_upside_down_keeps_its_order_and_is_right_in_the_mean() -> None:
    calibration = learnt(*stream(20_000, offset=2.0, slope=-1.0))
    predicted, clicked = stream(40_000, offset=2.0, slope=-1.0, seed=1)
    assert per_click(calibration, predicted, clicked) == pytest.approx(1, abs=0.15)
    assert calibration.apply(0.02) > calibration.apply(0.01)


def test_a_model_that_is_right_is_left_alone() -> None:
    calibration = learnt(*stream(20_000))
    predicted, clicked = stream(40_000, seed=1)
    assert per_click(calibration, predicted, clicked) == pytest.approx(1, abs=0.1)
    assert calibration.line()["slope"] == pytest.approx(1, abs=0.15)


def test_what_changes_is_followed() -> None:
    first, then = stream(20_000, offset=1.0), stream(60_000, offset=-0.5, seed=1)
    calibration = learnt(*(np.concatenate(parts) for parts in zip(first, then, strict=True)))
    assert calibration.offset == pytest.approx(-0.5, abs=0.3)


def test_the_first_click_does_not_turn_everything_over() -> None:
    calibration = Calibration(centre=CENTRE)
    for _ in range(3):
        calibration.learn(1e-6, True)
    assert calibration.apply(0.01) < 0.5
    assert calibration.apply(0.02) > calibration.apply(0.01)


def examples(count: int, *, rate: float, seed: int = 0) -> list[Example]:
    """Ads of whose products much is clicked, at another rate than the prior expects."""
    rng = np.random.default_rng(seed)
    rows = rng.random((count, len(FEATURES))).astype(np.float32)
    of_product = rows[:, FEATURES.index("product")] > 0.5
    rows[:, FEATURES.index("product")] = of_product
    clicked = rng.random(count) < rate * np.where(of_product, 1.5, 0.5)
    return [Example(row, bool(label), 1.0) for row, label in zip(rows, clicked, strict=True)]


def test_the_model_and_its_calibration_do_not_correct_twice() -> None:
    """The prior expects some 0.02 clicks here; there are 0.06."""
    model, later = ClickModel(PRIOR), examples(4000, rate=0.06, seed=1)
    for one in examples(4000, rate=0.06):
        model.learn(one)
    for part in (later[:2000], later[2000:]):
        predicted = sum(map(model.predict, part))
        assert predicted / sum(one.clicked for one in part) == pytest.approx(1, abs=0.2)
        for one in part:
            model.learn(one)
    report = model.report()
    assert report["predicted_per_click"]["model"] == pytest.approx(1, abs=0.1)
    assert report["log_loss"]["model"] < report["log_loss"]["prior"]
    assert report["auc"]["model"] > report["auc"]["prior"]


def test_what_is_served_is_what_was_learnt_with_its_calibration() -> None:
    model = ClickModel(PRIOR)
    for one in examples(600, rate=0.1):
        model.learn(one)
    state = json.loads(json.dumps(model.to_state()))
    served, plain = from_state(3, state, PRIOR), OnlineModel(PRIOR, state)
    corrected = []
    for one in examples(20, rate=0.1, seed=1):
        probability = float(served.probabilities(one.features[None])[0])
        assert probability == pytest.approx(model.predict(one), rel=1e-4)
        corrected.append(abs(np.log(probability / plain.predict(one))))
    assert max(corrected) > 0.05


def test_half_saved_restored_and_half_is_the_same_as_all_at_once() -> None:
    made = examples(300, rate=0.1)
    whole, first = ClickModel(PRIOR), ClickModel(PRIOR)
    for one in made:
        whole.learn(one)
    for one in made[:150]:
        first.learn(one)
    second = ClickModel(PRIOR, json.loads(json.dumps(first.to_state())))
    for one in made[150:]:
        second.learn(one)
    assert second.to_state() == whole.to_state()
