"""A photo's category is what a loop over its neighbours votes for."""

import json
import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vitrine.search.calibration import DEFAULT, Calibration, Measured
from vitrine.search.category import (
    NEIGHBOURS,
    NOTHING,
    Neighbour,
    familiarity,
    nearest,
    out_of_catalogue,
    path,
    predict,
    votes,
)

CALIBRATED = Calibration(
    model="abc",
    temperature=0.08,
    slope=0.7,
    familiarity_weight=2.0,
    offset=-0.4,
    familiar_from=0.3,
    familiar_typically=0.5,
    measured=Measured(60, 180, 120, 110, 0.8, 0.05, 0.2, 0.02, 0.03),
)
PATHS = ["home", "home/mugs", "home/mugs/blue", "home/bowls", "shoes/boots", "shoes"]


def products(scores: list[float], categories: list[str]) -> list[Neighbour]:
    return [
        Neighbour(number, category, score)
        for number, (score, category) in enumerate(zip(scores, categories, strict=True))
    ]


NEAR = st.lists(
    st.tuples(st.floats(-1, 1), st.sampled_from(PATHS)), min_size=1, max_size=NEIGHBOURS + 10
).map(lambda pairs: products([one[0] for one in pairs], [one[1] for one in pairs]))
CALIBRATIONS = st.builds(
    Calibration,
    temperature=st.floats(0.01, 0.5),
    slope=st.floats(0, 5),
    familiarity_weight=st.floats(0, 20),
    offset=st.floats(-20, 20),
    familiar_from=st.none() | st.floats(-1, 1),
    familiar_typically=st.floats(-1, 1),
)


def naive_share(near: list[Neighbour], category: str, temperature: float) -> float:
    """Share of the votes for a category or anything under it."""
    kept = sorted(near, key=lambda one: (-one.score, one.product_id))[:NEIGHBOURS]
    mine = total = 0.0
    for one in kept:
        weight = math.exp(one.score / temperature)
        total += weight
        if (one.category + "/").startswith(category + "/"):
            mine += weight
    return mine / total


@given(NEAR, st.floats(0.02, 0.5))
def test_shares_are_those_of_a_loop(near: list[Neighbour], temperature: float) -> None:
    own, rolled_up = votes(nearest(near), temperature)
    for category, share in rolled_up.items():
        assert share == pytest.approx(naive_share(near, category, temperature))
    assert sum(own.values()) == pytest.approx(1)
    assert set(rolled_up) == {above for name in own for above in path(name)}


@given(NEAR, CALIBRATIONS, st.randoms())
def test_confidences_are_such_and_the_order_does_not_matter(
    near: list[Neighbour], calibration: Calibration, random: object
) -> None:
    found, strange = predict(near, calibration), out_of_catalogue(near, calibration)
    confidences = [confidence for _, confidence in found.candidates]
    assert all(0 <= one <= 1 for one in (found.confidence, strange, *confidences))
    random.shuffle(near)  # type: ignore[attr-defined]
    assert (predict(near, calibration), out_of_catalogue(near, calibration)) == (found, strange)
    assert confidences == sorted(confidences, reverse=True)
    assert (found.category is None) == (found.confidence < 0.5)


@given(CALIBRATIONS, st.floats(0, 1), st.floats(0, 1), st.floats(-1, 1), st.floats(-1, 1))
def test_confidence_and_strangeness_are_monotone(
    calibration: Calibration, share: float, other: float, familiar: float, less: float
) -> None:
    low, high = sorted((share, other))
    unknown, known = sorted((familiar, less))
    assert calibration.confidence(low, known) <= calibration.confidence(high, known)
    assert calibration.confidence(low, unknown) <= calibration.confidence(low, known)
    assert calibration.strangeness(known) <= calibration.strangeness(unknown)


def test_the_deepest_category_that_is_likely_enough() -> None:
    far = 0.5  # one shared score: every neighbour has the same vote
    sure = products([far] * 4, ["home/mugs/blue", "home/mugs/blue", "home/mugs/blue", "shoes"])
    assert predict(sure, DEFAULT).category == "home/mugs/blue"
    split = products([far] * 5, ["home/mugs/blue", "home/mugs/red", "home/bowls", "shoes", "hats"])
    shallow = predict(split, DEFAULT)
    assert (shallow.category, shallow.confidence) == ("home", pytest.approx(0.6))
    assert shallow.candidates[0] == ("hats", pytest.approx(0.2))
    nobody = predict(products([far] * 3, ["shoes", "hats", "home/bowls"]), DEFAULT)
    assert nobody.category is None
    assert nobody.confidence == pytest.approx(1 / 3)


def test_nearer_products_have_more_votes_and_far_ones_none() -> None:
    near = products([0.9, 0.6, 0.6], ["shoes", "hats", "hats"])
    assert predict(near, DEFAULT).category == "shoes"
    assert predict(near, replace(DEFAULT, temperature=10.0)).category == "hats"
    crowd = products([0.9] * NEIGHBOURS + [0.8] * 50, ["shoes"] * NEIGHBOURS + ["hats"] * 50)
    assert [one[0] for one in predict(crowd, DEFAULT).candidates] == ["shoes"]


def test_no_neighbours() -> None:
    assert predict([], CALIBRATED) == NOTHING
    assert out_of_catalogue([], CALIBRATED) == 1.0
    assert out_of_catalogue([], DEFAULT) == 0.0


def test_familiarity_lies_between_the_mean_and_the_best() -> None:
    scores = [0.9, 0.5, 0.1]
    near = products(scores, ["shoes"] * 3)
    assert 0.5 < familiarity(near) < 0.9
    naive = 0.1 * math.log(sum(math.exp(score / 0.1) for score in scores) / 3)
    assert familiarity(near) == pytest.approx(naive)
    assert familiarity(near[:1]) == pytest.approx(0.9)


def test_what_is_rejected() -> None:
    assert CALIBRATED.rejects(CALIBRATED.strangeness(0.3))
    assert not CALIBRATED.rejects(CALIBRATED.strangeness(0.31))
    assert CALIBRATED.strangeness(0.5) == pytest.approx(0.05)
    assert CALIBRATED.threshold == 0.5
    assert CALIBRATED.calibrated


def test_uncalibrated_rejects_nothing() -> None:
    assert not DEFAULT.calibrated
    assert DEFAULT.threshold == 1.0
    assert not DEFAULT.rejects(1.0)
    assert out_of_catalogue(products([-1.0], ["shoes"]), DEFAULT) == 0.0


@pytest.mark.parametrize("calibration", [DEFAULT, CALIBRATED])
def test_json_round_trip(calibration: Calibration) -> None:
    assert Calibration.from_json(json.loads(json.dumps(calibration.to_json()))) == calibration


def test_fields_of_a_later_version_are_passed_over() -> None:
    kept = CALIBRATED.to_json()
    kept["measured"]["moon"] = "full"
    assert Calibration.from_json({**kept, "moon": "full"}) == CALIBRATED
