"""What events weigh."""

import pytest

from vitrine.errors import Misconfigured
from vitrine.recommend.weights import DEFAULTS, EventWeights


def weighed(**changes: float) -> EventWeights:
    return EventWeights.of(changes, half_life_days=10, events=5)


def test_an_operators_weights_are_put_over_the_defaults() -> None:
    weights = weighed(view_item=2.5)
    assert weights.by_name == {**DEFAULTS, "view_item": 2.5}
    assert (weights.half_life_days, weights.events) == (10, 5)
    assert DEFAULTS["view_item"] == 1.0


@pytest.mark.parametrize(
    ("name", "weight", "said"),
    [
        ("veiw_item", 1.0, "did you mean view_item?"),
        ("zzz", 1.0, "take of view_item_list, select_item"),
        ("purchase", float("nan"), "from -100 to 100"),
        ("purchase", 1000.0, "from -100 to 100"),
    ],
)
def test_a_weight_that_cannot_be_used_names_the_fix(name: str, weight: float, said: str) -> None:
    with pytest.raises(Misconfigured, match=said.replace("?", r"\?")) as refused:
        weighed(**{name: weight})
    assert "VITRINE_EVENT_WEIGHTS" in str(refused.value)


def test_after_each_half_life_half_is_left() -> None:
    assert [weighed().remaining(days) for days in (0, 10, 20, 30)] == [1, 0.5, 0.25, 0.125]
    assert weighed().remaining(5) == pytest.approx(0.5**0.5)
    assert weighed().remaining(-3) == 1


@pytest.mark.parametrize(("rating", "share"), [(1, -1), (2, -0.5), (3, 0), (5, 1), (9, 1)])
def test_a_rating_counts_from_minus_one_to_one(rating: float, share: float) -> None:
    assert weighed(rate_item=4).of_event("rate_item", rating) == 4 * share


def test_what_says_nothing_weighs_nothing() -> None:
    assert weighed().of_event("rate_item", None) == 0
    assert weighed().of_event("rate_item", float("nan")) == 0
    assert weighed().of_event("login", None) == 0
    assert weighed().of_event("view_item_list", None) == 0
