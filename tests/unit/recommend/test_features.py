"""Features: bounded whatever comes, the same after float16, and what the prior makes of them."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from vitrine.recommend.features import FEATURES, features, position_value, standing
from vitrine.recommend.linear import from_state, to_state
from vitrine.recommend.profile import Interest, PriceBand, Profile
from vitrine.recommend.proposals import Candidate, ItemFacts, Situation
from vitrine.recommend.ranker import PRIOR, PRIOR_WEIGHTS

NOW = datetime(2026, 3, 1, tzinfo=UTC)
HOME = Situation("home", NOW)
MUG = ItemFacts("home/mugs", "orla", Decimal("20"), NOW - timedelta(days=100))
NOBODY = Profile("model")
SOMEBODY = Profile(
    "model",
    events=30,
    as_of=NOW,
    interests=[
        Interest(0.7, 1, 1, [1], NOW - timedelta(hours=1)),
        Interest(0.3, 2, 2, [2], NOW - timedelta(days=9)),
    ],
    categories={"home/mugs": 0.5, "apparel/hats": -0.4},
    brands={"orla": 0.4},
    price=PriceBand(10, 20, 40),
)

number = st.floats(allow_nan=True, allow_infinity=True, width=32)


def column(name: str, rows: np.ndarray) -> list[float]:
    return [round(float(value), 4) for value in rows[:, FEATURES.index(name)]]


@given(
    cosines=st.lists(st.tuples(number, number, number), min_size=1, max_size=4),
    strength=number,
    counts=st.tuples(number, number, number),
    events=st.integers(0, 10**9),
    price=st.decimals(0, 10**9, allow_nan=False, places=2),
    days=st.integers(-400, 4000),
)
def test_every_number_is_bounded_and_survives_float16(
    cosines: list[tuple[float, float, float]],
    strength: float,
    counts: tuple[float, float, float],
    events: int,
    price: Decimal,
    days: int,
) -> None:
    candidates = [
        Candidate(
            7, affinity=one, aversion=two, likeness=three, scores={"bought_together": strength}
        )
        for one, two, three in cosines
    ]
    facts = {7: ItemFacts("a/b", None, price, NOW - timedelta(days=days), *counts)}
    with np.errstate(all="ignore"):
        made = features(HOME, candidates, replace(SOMEBODY, events=events), facts)
    assert made.shape == (len(cosines), len(FEATURES))
    assert np.isfinite(made).all()
    assert np.abs(made).max() <= 1.0
    assert np.abs(made.astype(np.float16).astype(np.float32) - made).max() < 1e-3


def test_each_feature_says_what_its_name_says() -> None:
    facts = {
        1: MUG,
        2: replace(MUG, category="apparel/hats", price=Decimal(320), brand="other"),
        3: replace(MUG, category="home/bowls", shown=100.0, clicked=50.0, wanted=5.0),
    }
    candidates = [
        Candidate(1, affinity=0.8, interest=0, scores={"for_you": 0.8}),
        Candidate(2, affinity=0.4, interest=1, scores={"trending": 3.0, "new": 1.0}),
        Candidate(3),
    ]
    made = features(HOME, candidates, SOMEBODY, facts)
    assert column("category_liked", made) == [0.7071, 0, 0]
    assert column("category_disliked", made) == [0, 0.6325, 0]
    assert column("department_liked", made) == [0.7071, 0, 0.7071]
    assert column("brand_liked", made)[:2] == [0.6325, 0]
    assert column("price_far", made) == [0, 1.0, 0]
    assert column("affinity_standing", made) == [1, 0, 0]
    assert column("affinity_in_main_interest", made) == [0.8, 0.1714, 0]
    assert column("from_trending", made) == [0, 1, 0]
    assert column("untested", made) == [1, 1, 0.0995]
    assert column("click_rate", made)[2] > column("click_rate", made)[0] == 0
    assert column("home_page_known", made)[0] > 0
    elsewhere = features(
        Situation("cart", NOW, frozenset({"home/bowls"})), candidates, SOMEBODY, facts
    )
    assert column("category_of_cart", elsewhere) == [0, 0, 1]
    assert column("category_of_page", elsewhere) == [0, 0, 0]
    assert column("home_page_known", elsewhere) == [0, 0, 0]


def test_what_was_looked_at_last_counts_most_lately() -> None:
    facts = {
        1: MUG,
        2: replace(MUG, category="apparel/hats", brand=None),
        3: replace(MUG, category="home/bowls"),
    }
    # 4 is not listed any more.
    viewed = {at: NOW - timedelta(days=day) for day, at in enumerate((4, 2, 1, 3))}
    profile = replace(SOMEBODY, viewed=viewed)
    made = features(HOME, [Candidate(1), Candidate(2), Candidate(3)], profile, facts)
    assert column("category_lately", made) == [0.3279, 0.4098, 0.2623]
    assert column("brand_lately", made) == [0.5902, 0, 0.5902]
    lately = column("viewed_lately", made)
    assert 1 > lately[1] > lately[0] > lately[2] > 0


def test_nobody_known_gets_zeros_where_a_person_would_speak() -> None:
    made = features(HOME, [Candidate(1)], NOBODY, {1: MUG})
    told = {name: value for name, value in zip(FEATURES, made[0], strict=True) if value}
    assert set(told) == {"untested", "young"}
    assert features(HOME, [], SOMEBODY, {}).shape == (0, len(FEATURES))


def test_the_prior_ranks_sensibly() -> None:
    facts = {
        1: MUG,
        2: replace(MUG, category="apparel/hats", price=Decimal(320), brand="other"),
        3: replace(MUG, wanted=50.0),
    }
    alike, disliked, wanted = Candidate(1, affinity=0.8), Candidate(2, aversion=0.7), Candidate(3)
    scores = PRIOR.probabilities(features(HOME, [alike, disliked], SOMEBODY, facts))
    assert scores[0] > 3 * scores[1]
    scores = PRIOR.probabilities(features(HOME, [Candidate(1), wanted], NOBODY, facts))
    assert scores[1] > scores[0]
    page = Situation("product", NOW)
    like, unlike = Candidate(1, likeness=0.9), Candidate(3, likeness=0.1)
    scores = PRIOR.probabilities(features(page, [unlike, like], NOBODY, facts))
    assert scores[1] > scores[0]


def test_weights_are_written_by_name_and_a_new_feature_starts_at_its_prior() -> None:
    assert set(PRIOR_WEIGHTS) <= set(FEATURES)
    state = to_state(PRIOR)
    state["weights"]["affinity"] = 9.0
    state["weights"]["gone since"] = 5.0
    del state["weights"]["aversion"]
    found = from_state(4, state, PRIOR)
    assert found.version == 4
    assert found.coefficients[FEATURES.index("affinity")] == 9.0
    assert found.coefficients[FEATURES.index("aversion")] == PRIOR_WEIGHTS["aversion"]


def test_ranks_among_what_is_known() -> None:
    assert standing(np.array([0.0, 0.2, 0.5, 0.2, 0.9])).tolist() == [0, 1 / 6, 2 / 3, 1 / 6, 1]
    assert standing(np.array([0.0, 0.3])).tolist() == [0, 0]
    assert position_value([0, 1, 31, 4000]).tolist() == [0, 0.2, 1, 1]
