"""Relevance: three factors, none of which speaks against an ad of which nothing is known."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vitrine.ads import relevance
from vitrine.recommend.profile import Profile
from vitrine.settings import Settings

CATEGORIES = ["home/kitchen/mugs", "home/kitchen", "home/garden", "shoes/boots", None]
STRANGER = Profile("model")


def known(**categories: float) -> Profile:
    named = {name.replace("_", "/"): share for name, share in categories.items()}
    return Profile("model", events=5, categories=named)


def test_unlike_things_are_far_below_like_ones() -> None:
    unlike, near, same = relevance.likeness(np.array([0.05, 0.46, 1.0]))
    assert unlike < 0.1
    assert 0.9 < near < same < 1


@given(st.lists(st.floats(-1, 1), min_size=2, max_size=20))
def test_likeness_keeps_the_order(cosines: list[float]) -> None:
    found = relevance.likeness(np.array(cosines))
    assert ((found > 0) & (found < 1)).all()
    order = np.argsort(cosines, kind="stable")
    assert (np.diff(found[order]) >= 0).all()


def test_nothing_speaks_against_an_ad_where_nothing_is_known() -> None:
    assert relevance.liked(STRANGER, None, CATEGORIES, alone=True).tolist() == [1.0] * 5
    assert relevance.fits(set(), CATEGORIES, set(), [], seen=False).tolist() == [1.0] * 5


def test_a_page_wants_its_category_and_then_its_department() -> None:
    found = relevance.fits({"home/kitchen"}, CATEGORIES, set(), [], seen=True)
    mugs, kitchen, garden, boots, untold = found.tolist()
    assert mugs == kitchen == 1.0
    assert boots < garden == untold < 1.0


def test_words_make_good_for_another_category() -> None:
    words = [{"red", "boot"}, {"red"}, set(), set(), set()]
    found = relevance.fits({"home/garden"}, CATEGORIES, {"red", "boot"}, words, seen=True)
    assert found[0] == 1.0
    assert found[0] > found[1] > found[3]
    alone = relevance.fits(set(), CATEGORIES, {"red", "boot"}, words, seen=False)
    assert alone[0] == 1.0 > alone[1] > alone[2] == alone[3]


def test_a_profile_prefers_what_it_likes_by_looks_or_by_category() -> None:
    shopper = known(home_kitchen_mugs=1.0, shoes_boots=-0.5)
    mugs, kitchen, garden, boots, untold = relevance.liked(
        shopper, None, CATEGORIES, alone=False
    ).tolist()
    assert mugs == 1.0
    assert boots < untold < garden == kitchen < mugs
    by_looks = relevance.liked(
        shopper, np.array([0.0, 0.0, 0.0, 0.0, 0.9]), CATEGORIES, alone=False
    )
    assert by_looks[4] == pytest.approx(0.95)


@given(st.data())
def test_every_factor_lies_between_nothing_and_one(data: st.DataObject) -> None:
    share = st.floats(-1, 1).filter(bool)
    shares = data.draw(st.dictionaries(st.sampled_from(CATEGORIES[:4]), share, max_size=4))
    likes = np.array(data.draw(st.lists(st.floats(0, 1), min_size=5, max_size=5)))
    person = Profile("model", events=1, categories=shares)
    liked = relevance.liked(person, likes, CATEGORIES, alone=data.draw(st.booleans()))
    page = data.draw(st.sets(st.sampled_from(CATEGORIES[:4])))
    words = data.draw(st.sets(st.sampled_from(["red", "blue"])))
    fits = relevance.fits(page, CATEGORIES, words, [{"red"}] * 5, seen=data.draw(st.booleans()))
    for factor in (liked, fits):
        assert ((factor > 0) & (factor <= 1)).all()


def test_what_alone_could_speak_for_an_ad_and_does_not_is_below_the_floor() -> None:
    floor = Settings.model_fields["ad_relevance_floor"].default
    elsewhere = relevance.fits({"books"}, CATEGORIES, set(), [], seen=False)
    unnamed = relevance.fits(set(), CATEGORIES, {"lamp"}, [{"red"}] * 5, seen=False)
    unliked = relevance.liked(known(books=1.0), np.full(5, 0.09), CATEGORIES, alone=True)
    for factor in (elsewhere, unnamed, unliked):
        assert (factor < floor).all()
