"""What the click model sees: bounded whatever comes, the same as kept, and what the prior says."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vitrine.ads.clicks import PRIOR, PRIOR_WEIGHTS, conversion_rate
from vitrine.ads.features import (
    FEATURES,
    AdFacts,
    PageFacts,
    features,
    from_bytes,
    in_place,
    smoothed_rate,
    to_bytes,
)

PLAIN = AdFacts(0.2, 0.5, 0.8, 0.7, 0, 0, 0, 0, draws_on_product=False)
PAGE = PageFacts("top", "mobile", known=True, has_picture=True, has_text=False)

number = st.floats(allow_nan=True, allow_infinity=True, width=32)


def told(name: str, facts: AdFacts, page: PageFacts = PAGE, position: int = 1) -> float:
    return float(features([facts], page, position)[0, FEATURES.index(name)])


def click(facts: AdFacts, page: PageFacts = PAGE, position: int = 1) -> float:
    return float(PRIOR.probabilities(features([facts], page, position))[0])


@given(
    similarity=st.none() | number,
    factors=st.tuples(number, number, number),
    counts=st.tuples(*[st.floats(-1e12, 1e12)] * 6),
    flags=st.tuples(st.booleans(), st.booleans(), st.booleans(), st.booleans()),
    position=st.integers(1, 1000),
)
def test_every_number_is_bounded_and_survives_being_kept(
    similarity: float | None,
    factors: tuple[float, float, float],
    counts: tuple[float, ...],
    flags: tuple[bool, bool, bool, bool],
    position: int,
) -> None:
    facts = AdFacts(similarity, *factors, *counts[:4], flags[0])
    page = PageFacts("top", None, flags[1], flags[2], flags[3], *counts[4:])
    with np.errstate(all="ignore"):
        made = features([facts], page, position)
    assert made.shape == (1, len(FEATURES))
    assert np.isfinite(made).all() and (np.abs(made) <= 1).all()
    kept = from_bytes(to_bytes(made[0]))
    assert kept == pytest.approx(made[0], abs=1e-3)


def test_features_of_another_release_are_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    row = features([PLAIN], PAGE)[0]
    assert from_bytes(None) is None
    assert from_bytes(to_bytes(row)[:-2]) is None
    assert from_bytes(to_bytes(np.full_like(row, np.inf))) is None
    monkeypatch.setattr("vitrine.ads.features.FEATURES_VERSION", 1000)
    assert from_bytes(to_bytes(row)) is not None
    other = to_bytes(row)
    monkeypatch.undo()
    assert from_bytes(other) is None


def test_no_ads_have_no_features() -> None:
    assert features([], PAGE).shape == (0, len(FEATURES))


def test_a_factor_speaks_for_an_ad_only_where_something_is_known() -> None:
    sure = replace(PLAIN, visual=1.0, profile=1.0, similarity=None)
    unknown = replace(PAGE, known=False, has_picture=False)
    assert [told(name, sure, unknown) for name in ("visual", "profile", "similarity")] == [0, 0, 0]
    assert [told(name, sure) for name in ("visual", "profile")] == [1, 1]


def test_a_row_is_put_where_its_ad_stood() -> None:
    row = features([PLAIN], PAGE)[0]
    assert in_place(row, 4).tolist() == features([PLAIN], PAGE, 4)[0].tolist()
    assert row.tolist() == features([PLAIN], PAGE, 1)[0].tolist()


def test_a_rate_is_that_of_a_posterior() -> None:
    # Gamma(5, 5 / 0.01) and then 3 clicks in 400 impressions.
    assert smoothed_rate(3, 400, 0.01, 5) == pytest.approx((5 + 3) / (500 + 400))
    assert smoothed_rate(0, 0, 0.03, 5) == pytest.approx(0.03)


def test_what_is_new_counts_as_its_campaign_does_and_that_as_its_shop() -> None:
    assert told("click_rate", PLAIN) == told("campaign_rate", PLAIN) == 0
    good_campaign = replace(PLAIN, campaign_impressions=100_000, campaign_clicks=5000)
    assert told("click_rate", good_campaign) == 0
    odds = np.log(0.05 / 0.95) - np.log(0.01 / 0.99)
    assert told("campaign_rate", good_campaign) == pytest.approx(odds / 4, rel=0.01)
    alike = replace(PAGE, shop_impressions=1e7, shop_clicks=5e5)
    assert told("campaign_rate", good_campaign, alike) == pytest.approx(0, abs=0.01)
    bad = replace(good_campaign, impressions=20_000, clicks=200)
    assert told("click_rate", bad) == pytest.approx(-odds / 4, rel=0.05)


def test_the_prior_says_what_is_sensible() -> None:
    assert set(PRIOR_WEIGHTS) <= set(FEATURES)
    assert click(PLAIN) == pytest.approx(0.01, abs=0.002)
    best = AdFacts(1, 1, 1, 1, 0, 0, 0, 0, draws_on_product=False)
    worst = AdFacts(0, 0.1, 0.5, 0.4, 0, 0, 0, 0, draws_on_product=False)
    assert 0.03 < click(best) < 0.05
    assert 0.003 < click(worst) < 0.006
    assert click(PLAIN, position=5) < 0.7 * click(PLAIN)
    clicked = replace(PLAIN, impressions=1000, clicks=40, campaign_impressions=1000,
                      campaign_clicks=40)  # fmt: skip
    assert 2 * click(PLAIN) < click(clicked) < 4 * click(PLAIN)


def test_conversions_are_few_until_some_are_seen() -> None:
    assert conversion_rate(0, 0) == 0.02
    assert conversion_rate(50, 9) == pytest.approx(0.1)
    assert conversion_rate(0, 70) == 1.0
    assert conversion_rate(-1, -1) == 0.02
