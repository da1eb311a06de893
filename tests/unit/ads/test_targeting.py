"""Targeting, beside lists that are read naively."""

import json
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vitrine.ads.targeting import (
    Rules,
    Situation,
    compile_rules,
    fold_words,
    refusal,
)
from vitrine.wire.campaigns import Exclusions, Targeting

CATEGORIES = st.sampled_from(["home", "home/kitchen", "home/kitchen/mugs", "homes", "toys/home"])
PLACES = st.sampled_from(["DE", "DE-BY", "DE-B", "AT", "AT-9"])
DEVICES = st.sampled_from(["mobile", "tablet", "desktop"])
TEXTS = st.lists(
    st.sampled_from(["blue", "mugs", "Mug", "Küche", "t-shirts", "tshirt", "t", "shirt", "!"]),
    min_size=1, max_size=4,
).map(" ".join)  # fmt: skip
PRICES = st.integers(0, 6).map(lambda halves: Decimal(halves) / 2)


@st.composite
def lists(draw: st.DrawFn) -> dict[str, Any]:
    """The lists of targeting and of exclusions, as the wire takes them; most are left out."""

    def some(values: st.SearchStrategy[str]) -> list[str]:
        return draw(st.one_of(st.just([]), st.lists(values, max_size=3)))

    found: dict[str, Any] = {
        "categories": some(CATEGORIES),
        "interests": some(CATEGORIES),
        "geo": some(PLACES),
        "devices": some(DEVICES),
        "keywords": some(TEXTS),
    }
    return found


@st.composite
def targetings(draw: st.DrawFn) -> dict[str, Any]:
    found = draw(lists())
    low, high = draw(st.none() | PRICES), draw(st.none() | PRICES)
    if low is None or high is None or low < high:
        found["price"] = {"gte": low, "lt": high} if (low, high) != (None, None) else None
    return found


SITUATIONS = st.builds(
    Situation,
    categories=st.frozensets(CATEGORIES, max_size=2),
    price=st.none() | PRICES,
    interests=st.dictionaries(CATEGORIES, st.sampled_from([-0.5, 0.0, 0.5]), max_size=3),
    geo=st.none() | PLACES,
    device=st.none() | DEVICES,
    words=TEXTS.map(fold_words),
)


def under(category: str, above: str) -> bool:
    return category == above or category.startswith(f"{above}/")


def contains(keyword: str, words: frozenset[str]) -> bool:
    spelled = [fold_words(keyword.replace("-", other)) for other in (" ", "")]
    return any(one and all(word in words for word in one) for one in spelled)


def within(band: Mapping[str, Any], price: Decimal | None) -> bool:
    low, high = band["gte"], band["lt"]
    return price is not None and (low is None or low <= price) and (high is None or price < high)


def naively(
    targeting: Mapping[str, Any], exclusions: Mapping[str, Any], now: Situation
) -> str | None:
    """Go through the lists as the docstrings of the wire have them."""
    liked = [one for one, share in now.interests.items() if share > 0]
    holds: dict[str, tuple[str, Callable[[Any], bool]]] = {
        "category": ("categories", lambda value: any(under(one, value) for one in now.categories)),
        "interest": ("interests", lambda value: any(under(one, value) for one in liked)),
        "price": ("price", lambda band: within(band, now.price)),
        "geo": ("geo", lambda value: now.geo == value or f"{now.geo}".startswith(f"{value}-")),
        "device": ("devices", lambda value: now.device == value),
        "keyword": ("keywords", lambda value: contains(value, now.words)),
    }
    for side, lists in (("targeting", targeting), ("excluded", exclusions)):
        for about, (name, one_holds) in holds.items():
            asked = lists.get(name)
            if asked:
                found = any(map(one_holds, [asked] if about == "price" else asked))
                if found == (side == "excluded"):
                    return f"{side}:{about}"
    return None


@given(targetings(), lists(), SITUATIONS)
def test_a_campaign_is_refused_as_the_words_say(
    targeting: dict[str, Any], exclusions: dict[str, Any], now: Situation
) -> None:
    rules = compile_rules(targeting, exclusions)
    assert refusal(rules, now) == naively(targeting, exclusions, now)


@pytest.mark.parametrize(
    ("targeting", "now", "why"),
    [
        ({"categories": ["home"]}, {"categories": {"home/kitchen"}}, None),
        ({"categories": ["home/kitchen"]}, {"categories": {"home"}}, "targeting:category"),
        ({"categories": ["home"]}, {"categories": {"homes"}}, "targeting:category"),
        ({"interests": ["home"]}, {"interests": {"home/kitchen": 0.2}}, None),
        ({"interests": ["home"]}, {"interests": {"home/kitchen": -0.2}}, "targeting:interest"),
        ({"geo": ["DE"]}, {"geo": "DE-BY"}, None),
        ({"geo": ["DE-BY"]}, {"geo": "DE"}, "targeting:geo"),
        ({"geo": ["DE"]}, {}, "targeting:geo"),
        ({"devices": ["tv", "mobile"]}, {"device": "mobile"}, None),
        ({"devices": ["tv"]}, {"device": None}, "targeting:device"),
        ({"price": {"gte": "10.00", "lt": "20"}}, {"price": Decimal(10)}, None),
        ({"price": {"gte": "10.00", "lt": "20"}}, {"price": Decimal(20)}, "targeting:price"),
        ({"price": {"lt": 0.3}}, {"price": Decimal("0.29")}, None),
        ({"price": {"lt": 0.3}}, {"price": Decimal("0.30")}, "targeting:price"),
        ({"price": {"gte": None, "lt": None}}, {}, None),
        ({"price": {"gte": 1}}, {}, "targeting:price"),
        ({"geo": ["DE"], "devices": ["tv"]}, {"geo": "DE", "device": "tv"}, None),
        ({"geo": ["DE"], "devices": ["tv"]}, {"geo": "DE"}, "targeting:device"),
        ({"geo": [], "price": None, "example_similarity": 0.5}, {}, None),
    ],
)
def test_every_list_that_is_not_empty_has_to_hold(
    targeting: dict[str, Any], now: dict[str, Any], why: str | None
) -> None:
    assert refusal(compile_rules(targeting, {}), Situation(**now)) == why


@pytest.mark.parametrize(
    ("keyword", "text", "found"),
    [
        ("blue mug", "Mugs, dark BLUE", True),
        ("blue mug", "blue cup", False),
        ("kuche", "Küchen", False),
        ("küche", "KUCHE weiß", True),
        ("t-shirts", "tshirt", True),
        ("t shirt", "t-shirt", True),
        ("tshirt", "t-shirts", True),
        ("t-shirt", "t shirt", True),
        ("手机", "红色手机壳", True),
        ("手机", "红色", False),
        ("!?", "blue mug", False),
    ],
)
def test_all_words_of_a_keyword_are_in_the_text(keyword: str, text: str, found: bool) -> None:
    now = Situation(words=fold_words(text))
    asked = {"keywords": ["nothing of that", keyword]}
    assert (refusal(compile_rules(asked, {}), now) is None) == found
    assert (refusal(compile_rules({}, asked), now) == "excluded:keyword") == found


def test_one_exclusion_is_enough() -> None:
    exclusions = {"geo": ["DE"], "devices": ["tv"], "categories": ["toys"]}
    rules = compile_rules({}, exclusions)
    assert refusal(rules, Situation(geo="AT", device="mobile")) is None
    assert refusal(rules, Situation(geo="DE-BY", device="mobile")) == "excluded:geo"
    assert refusal(rules, Situation(categories=frozenset(["toys/cars"]))) == "excluded:category"


def test_rules_are_read_as_the_wire_writes_them() -> None:
    targeting = Targeting.model_validate(
        {"price": {"gte": "9.50"}, "geo": ["DE"], "keywords": ["blue mug"]}
    )
    exclusions = Exclusions.model_validate({"devices": ["tv"]})
    rules = compile_rules(targeting.model_dump(), exclusions.model_dump())
    stored = [json.loads(one.model_dump_json()) for one in (targeting, exclusions)]
    assert compile_rules(*stored) == rules
    now = Situation(price=Decimal("9.50"), geo="DE", words=fold_words("blue mugs"), device="tv")
    assert refusal(rules, now) == "excluded:device"


def test_who_asks_for_nothing_is_never_refused() -> None:
    assert compile_rules({}, {}) == Rules()
    assert refusal(Rules(), Situation()) is None
