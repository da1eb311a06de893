"""The profile is a function of the last events, and says of them what it should."""

import json
import random
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.recommend.histories import START, around, did, known, looks

from vitrine.decisions.history import Interaction
from vitrine.recommend.behaviour import LOOKS, MOST_TOLD
from vitrine.recommend.profile import Known, Profile, build_profile
from vitrine.recommend.weights import DEFAULTS, EventWeights

WEIGHTS = EventWeights()
AXES = np.eye(16)
MUGS, BOOTS = range(10), range(10, 20)
SHOP: dict[int, Known] = {
    **{
        id_: known(vector, image_id=100 + id_)
        for id_, vector in zip(MUGS, around(AXES[0], 10, 0.1, 1), strict=True)
    },
    **{
        id_: known(
            vector, category="shoes/boots", brand="Kestrel", price=Decimal(90), image_id=100 + id_
        )
        for id_, vector in zip(BOOTS, around(AXES[1], 10, 0.1, 2), strict=True)
    },
}


def profile_of(*history: Interaction, weights: EventWeights = WEIGHTS) -> Profile:
    return build_profile(history, SHOP, weights, model="a model")


EVENTS = st.lists(
    st.builds(
        lambda name, product, minutes, event, line, quantity, rating, order, key: Interaction(
            START + timedelta(minutes=minutes), bytes([event]), line, name, product, None,
            quantity, None, rating, None, None, order, key,
        ),
        st.sampled_from([*DEFAULTS, "login"]),
        st.none() | st.integers(0, 24),
        st.integers(0, 60),
        st.integers(0, 255),
        st.integers(0, 3),
        st.none() | st.integers(1, 3),
        st.none() | st.integers(1, 5),
        st.none() | st.sampled_from("ab"),
        st.none() | st.sampled_from([b"x", b"y", b"z"]),
    ),
    max_size=60,
    unique_by=lambda one: (one.at, one.event, one.line),
)  # fmt: skip


@given(EVENTS, st.randoms(use_true_random=False), st.integers(1, 60))
def test_order_of_arrival_doubles_and_older_events_change_nothing(
    history: list[Interaction], chance: random.Random, last: int
) -> None:
    weights = EventWeights(events=last)
    expected = build_profile(history, SHOP, weights)
    shuffled = [*history, *chance.choices(history, k=9)] if history else []
    chance.shuffle(shuffled)
    assert build_profile(shuffled, SHOP, weights).to_json() == expected.to_json()
    told = sorted(
        (one for one in history if one.name != "view_item_list"),
        key=lambda one: one.place,
    )
    most = last * MOST_TOLD
    read = told[-most:] + [one for one in told if one.name not in LOOKS][-most:]
    assert build_profile(read, SHOP, weights).to_json() == expected.to_json()


@given(EVENTS)
def test_a_profile_comes_back_from_json_as_it_was(history: list[Interaction]) -> None:
    profile = build_profile(history, SHOP, WEIGHTS, model="a model")
    # JSONB keeps no order of keys.
    stored = json.loads(json.dumps(profile.to_json(), sort_keys=True))
    back = Profile.from_json(stored)
    assert back == profile
    for name in ("bought", "hidden", "viewed", "carted"):
        assert list(getattr(back, name)) == list(getattr(profile, name))


@given(EVENTS)
def test_what_it_says_holds_together(history: list[Interaction]) -> None:
    profile = build_profile(history, SHOP, WEIGHTS)
    for interests in (profile.interests, profile.dislikes):
        assert not interests or sum(one.weight for one in interests) == pytest.approx(1, abs=1e-4)
        members = [id_ for one in interests for id_ in one.products]
        assert len(members) == len(set(members)) and set(members) <= set(SHOP)
        assert all(one.product_id in one.products for one in interests)
        assert all(one.image_id == SHOP[one.product_id].image_id for one in interests)
    assert not profile.hidden.keys() & {id_ for one in profile.interests for id_ in one.products}


def test_who_looks_at_mugs_and_boots_has_two_interests() -> None:
    profile = profile_of(*looks(range(6)), *looks(range(10, 13), day=1))
    mugs, boots = sorted(profile.interests, key=lambda one: one.product_id)
    assert set(mugs.products) == set(range(6)) and boots.products == [12, 11, 10]
    assert boots.last_at == START + timedelta(days=1, minutes=2)
    assert mugs.weight > boots.weight
    assert profile.categories["shoes/boots"] == pytest.approx(boots.weight, abs=1e-5)
    assert list(profile.brands) == ["Tern", "Kestrel"]


def test_what_was_liked_long_ago_counts_less() -> None:
    weights = EventWeights(half_life_days=10)
    profile = profile_of(did("view_item", 1), did("view_item", 11, day=20), weights=weights)
    assert [one.product_id for one in profile.interests] == [11, 1]
    assert [one.weight for one in profile.interests] == pytest.approx([0.8, 0.2])


def test_an_event_weighs_what_it_is_set_to() -> None:
    heavier = EventWeights({**DEFAULTS, "add_to_wishlist": 9.0})
    history = [did("view_item", 1), did("add_to_wishlist", 11)]
    assert profile_of(*history, weights=heavier).interests[0].weight == pytest.approx(0.9)
    assert profile_of(*history).interests[0].weight == pytest.approx(0.75)


def test_what_was_refunded_is_not_bought() -> None:
    bought = profile_of(did("purchase", 1), did("purchase", 2, quantity=2))
    assert set(bought.bought) == {1, 2}
    refunds = [did("refund", 1, day=3), did("refund", 2, day=3, quantity=1)]
    later = profile_of(did("purchase", 1), did("purchase", 2, quantity=2), *refunds)
    assert later.bought == {2: START}
    again = did("purchase", 1, day=4)
    assert list(profile_of(did("purchase", 1), *refunds, again).bought) == [1]


def test_a_refund_without_items_takes_back_its_order() -> None:
    order = [did("purchase", id_, quantity=id_, transaction_id="T1") for id_ in (1, 2)]
    other = did("purchase", 3, transaction_id="T2")
    assert set(profile_of(*order, other, did("refund", None, 1, transaction_id="T1")).bought) == {3}
    more = did("purchase", 2, quantity=1, transaction_id="T3")
    refunded = profile_of(*order, more, did("refund", None, 1, transaction_id="T1"))
    assert set(refunded.bought) == {2}
    twice = [did("refund", None, day, transaction_id="T1") for day in (1, 2)]
    assert set(profile_of(*order, more, *twice).bought) == {2}
    assert set(profile_of(*order, did("refund", None, 1)).bought) == {1, 2}


def test_what_was_bought_or_hidden_is_not_forgotten_for_many_looks() -> None:
    before = [did("purchase", 1), did("hide_item", 2), did("add_to_cart", 3)]
    profile = profile_of(*before, *looks([11] * 9, day=1), weights=EventWeights(events=5))
    assert (list(profile.bought), list(profile.hidden), list(profile.carted)) == ([1], [2], [3])
    assert [one.products for one in profile.interests] == [[11]] and not profile.dislikes


def test_what_was_hidden_last_comes_first() -> None:
    profile = profile_of(*(did("hide_item", id_, day=day) for day, id_ in enumerate((7, 2, 5, 2))))
    assert list(profile.hidden) == [2, 5, 7]
    assert profile.hidden[2] == START + timedelta(days=3)


def test_an_event_that_came_before_a_login_and_after_it_counts_once() -> None:
    once = [did("purchase", 1, quantity=1, key=b"e1"), did("view_item", 11, 1, key=b"e2")]
    # Told again under the user's name, later, and with another digest.
    again = [did("purchase", 1, 0.5, quantity=1, key=b"e1"), did("view_item", 11, 2, key=b"e2")]
    assert profile_of(*once, *again).to_json() == profile_of(*once).to_json()
    given_back = did("refund", 1, 3, quantity=1)
    assert not profile_of(*once, *again, given_back).bought
    # Who counts anew for each browser does not say the same twice.
    other = did("purchase", 2, 0.5, quantity=1, key=b"e1")
    assert set(profile_of(*once, other).bought) == {1, 2}


@given(st.lists(st.tuples(st.sampled_from([*DEFAULTS]), st.integers(0, 24)), max_size=30),
       st.integers(1, 40))  # fmt: skip
def test_what_is_told_twice_pushes_nothing_out(deeds: list[tuple[str, int]], last: int) -> None:
    def told(digest: bytes) -> list[Interaction]:
        return [
            replace(did(name, product, at // 3 / 1440, rating=1.0), event=digest, key=bytes([at]))
            for at, (name, product) in enumerate(deeds)
        ]

    weights = EventWeights(events=last)
    once, again = told(b"visitor"), told(b"a user")
    expected = build_profile(once, SHOP, weights).to_json()
    assert build_profile([*once, *again], SHOP, weights).to_json() == expected
    # Under whichever name, also where several were at the same moment.
    assert build_profile(again, SHOP, weights).to_json() == expected


def test_an_order_is_one_however_many_tell_it() -> None:
    lines = [
        did("purchase", 1, event="a", quantity=1, key=b"k1"),
        did("purchase", 1, 0.1, event="b", quantity=1, key=b"k1", transaction_id="T1"),
        did("purchase", 1, 0.2, event="c", quantity=1, key=b"k3", transaction_id="T1"),
    ]
    assert profile_of(*lines).events == 1
    assert not profile_of(*lines, did("refund", 1, 1, quantity=1)).bought


def test_an_order_that_browser_and_server_tell_is_one() -> None:
    lines = [
        replace(did("purchase", 1, quantity=2, transaction_id="T1", event="browser"), line=line)
        for line in (0, 1)
    ]
    server = did("purchase", 1, 0.1, quantity=4, transaction_id="T1", event="server")
    more = did("purchase", 2, 0.1, transaction_id="T1", event="server")
    assert set(profile_of(*lines, server, more).bought) == {1, 2}
    left = profile_of(*lines, server, did("refund", 1, 1, quantity=3))
    assert list(left.bought) == [1], "one of four is left: both lines of the browser count"
    assert not profile_of(*lines, server, did("refund", 1, 1, quantity=4)).bought


def test_it_tells_from_when_on_events_made_it() -> None:
    history = [did("view_item", 1, day=2), did("purchase", 2, day=1), did("view_item", 3, day=4)]
    assert profile_of(*history).since == START + timedelta(days=1)
    assert profile_of(*history[::2]).since == START + timedelta(days=2)
    assert profile_of().since is None


def test_the_cart_holds_what_was_added_and_neither_removed_nor_bought() -> None:
    added = [did("add_to_cart", id_) for id_ in (1, 2, 3)]
    profile = profile_of(*added, did("remove_from_cart", 1, day=1), did("purchase", 2, day=1))
    assert list(profile.carted) == [3]
    fewer = did("remove_from_cart", 1, day=1, quantity=1)
    assert set(profile_of(did("add_to_cart", 1, quantity=2), fewer).carted) == {1}


def test_to_hide_a_product_outweighs_every_look_before() -> None:
    looked = [did("view_item", 1, day=minute / 1440) for minute in range(50)]
    profile = profile_of(*looked, did("view_item", 11), did("hide_item", 1, day=1))
    assert list(profile.hidden) == [1]
    assert [one.products for one in profile.interests] == [[11]]
    assert [one.products for one in profile.dislikes] == [[1]]
    assert profile.categories["home/kitchen/mugs"] < 0 < profile.categories["shoes/boots"]


@pytest.mark.parametrize(
    ("later", "hidden"),
    [
        (did("view_item", 1, day=2), True),
        (did("purchase", 1, day=2), False),
        (did("add_to_cart", 1, day=2), False),
        (did("rate_item", 1, day=2, rating=5.0), False),
        (did("rate_item", 1, day=2, rating=2.0), True),
        (did("purchase", 1, day=-2), True),
    ],
)
def test_who_buys_what_they_hid_wants_to_see_it_again(later: Interaction, hidden: bool) -> None:
    profile = profile_of(did("hide_item", 1), later)
    assert (1 in profile.hidden) is hidden
    assert bool(profile.dislikes) is hidden


def test_a_low_rating_is_a_dislike_and_a_high_one_an_interest() -> None:
    profile = profile_of(did("rate_item", 1, rating=1.0), did("rate_item", 11, rating=5.0))
    assert [one.product_id for one in profile.interests] == [11]
    assert [one.product_id for one in profile.dislikes] == [1]
    assert not profile_of(did("rate_item", 1, rating=3.0)).interests


def test_a_deleted_product_leaves_no_trace() -> None:
    gone = [did("purchase", 99), did("hide_item", 98), did("view_item", 97), did("add_to_cart", 96)]
    profile = profile_of(*gone, did("view_item", 1, day=-1))
    assert (profile.bought, profile.hidden, profile.carted) == ({}, {}, {})
    assert list(profile.viewed) == [1]
    assert [one.products for one in profile.interests] == [[1]]


def test_a_product_without_a_vector_counts_but_for_the_interests() -> None:
    profile = build_profile([did("purchase", 5)], {5: known(None)}, WEIGHTS)
    assert profile.interests == [] and list(profile.bought) == [5]
    assert profile.categories == {"home/kitchen/mugs": 1.0} and profile.price is not None


def test_the_last_hundred_seen_are_kept_the_latest_first() -> None:
    shop = {id_: known(None) for id_ in range(150)}
    again = did("view_item", 3, day=5)
    viewed = list(build_profile([*looks(range(150)), again], shop, WEIGHTS).viewed)
    assert viewed == [3, *range(149, 50, -1)]


def test_what_was_only_shown_is_neither_liked_nor_counted() -> None:
    shown = [did("view_item_list", id_, day=1 + id_ / 1440) for id_ in MUGS]
    few = EventWeights(events=2)
    assert profile_of(did("view_item", 11), *shown, weights=few) == profile_of(
        did("view_item", 11), weights=few
    )


def test_nobody_knows_somebody_without_events() -> None:
    assert profile_of() == Profile("a model")
