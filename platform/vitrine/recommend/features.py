"""What the ranker knows of a candidate: a row of bounded numbers, as served and as learnt from.

The model over them is linear, so what works only together stands here as a product. Every number
lies in [-1, 1] and loses nothing that matters as float16, which is how decisions keep them.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vitrine.recommend.profile import Profile
from vitrine.recommend.proposals import (
    BOUGHT_TOGETHER,
    SOURCES,
    Candidate,
    ItemFacts,
    Situation,
)

POSITION = "position"
FEATURES: tuple[str, ...] = (
    # Learnt from where a slot was, 0 when candidates are compared: a good place is no merit.
    POSITION,
    # Nothing of these four tells candidates apart; they keep the probabilities true.
    "known",
    "product_page",
    "cart_page",
    "home_page_known",
    "affinity",
    "affinity_standing",
    "affinity_in_main_interest",
    "affinity_in_fresh_interest",
    "aversion",
    "likeness_on_product_page",
    "likeness_in_cart",
    "likeness_standing",
    "category_of_page",
    "category_of_cart",
    "category_liked",
    "category_disliked",
    "department_liked",
    "category_lately",
    "brand_lately",
    "brand_liked",
    "brand_disliked",
    "price_far",
    *(f"from_{source}" for source in SOURCES),
    "together",
    "wanted",
    "wanted_by_unknown",
    "click_rate",
    "untested",
    "young",
    "viewed_lately",
    "in_cart",
)
# Written with every decision: what was kept under other names is not learnt from.
FEATURES_VERSION = hashlib.sha256(",".join(FEATURES).encode()).hexdigest()[:12]

# Of a slot in general, and how many slots of it stand for what nothing is known of.
CLICK_RATE, CLICK_RATE_SLOTS = 0.05, 20.0
_WANTED_MOST = 1000.0
_KNOWN_EVENTS = 50.0
_STRENGTH_MOST = 100.0
_POSITIONS = 5.0
_LATELY, _LATELY_FADES = 10, 0.8
_YOUNG_DAYS, _VIEWED_HOURS, _FRESH_HOURS = 14.0, 72.0, 48.0
_PRICE_RATIO_MOST = np.log(8.0)

Numbers = NDArray[np.float32]


def position_value(positions: Any) -> Any:
    """Scale places in a list, counted from 0: how much a place costs falls with the place."""
    return np.minimum(np.log2(1.0 + np.asarray(positions, np.float64)) / _POSITIONS, 1.0)


def features(
    situation: Situation,
    candidates: Sequence[Candidate],
    profile: Profile,
    facts: Mapping[int, ItemFacts],
) -> Numbers:
    """Describe each candidate that `facts` knows all of: [n, len(FEATURES)], finite, in [-1, 1].

    Raises KeyError for a candidate without facts: read them before, they are the last gate.
    """
    count = len(candidates)
    known = min(1.0, float(np.log1p(profile.events) / np.log1p(_KNOWN_EVENTS)))
    items = [facts[one.product_id] for one in candidates]
    columns: dict[str, Any] = {
        POSITION: 0.0,
        "known": known,
        "product_page": float(situation.context == "product"),
        "cart_page": float(situation.context == "cart"),
        "home_page_known": known if situation.context == "home" else 0.0,
        **_tastes(candidates, profile),
        **_likeness(candidates, items, situation),
        **_affinities(items, profile),
        **_lately(items, profile, facts),
        **_sources(candidates),
        **_demand(items, known, situation.now),
        **_history(candidates, profile),
    }
    made = np.empty((count, len(FEATURES)), np.float32)
    for place, name in enumerate(FEATURES):
        made[:, place] = columns[name]
    return np.clip(np.nan_to_num(made, nan=0.0, posinf=1.0, neginf=-1.0), -1.0, 1.0)


def _tastes(candidates: Sequence[Candidate], profile: Profile) -> dict[str, Any]:
    affinity = _column(candidates, lambda one: one.affinity)
    of = profile.interests
    main = max((interest.weight for interest in of), default=0.0)
    shares, freshness = np.zeros(len(of) + 1), np.zeros(len(of) + 1)
    for place, interest in enumerate(of):
        shares[place] = interest.weight / main if main > 0 else 0.0
        # Against what the person did last and not against now: a pause makes no interest stale.
        freshness[place] = _fading(profile.as_of, interest.last_at, _FRESH_HOURS)
    which = np.array(
        [_interest(one, len(of)) for one in candidates], np.intp
    )  # the last entry stands for none
    return {
        "affinity": affinity,
        "affinity_standing": standing(affinity),
        "affinity_in_main_interest": affinity * shares[which],
        "affinity_in_fresh_interest": affinity * freshness[which],
        "aversion": np.maximum(_column(candidates, lambda one: one.aversion), 0.0),
    }


def _interest(candidate: Candidate, count: int) -> int:
    return candidate.interest if candidate.interest is not None and (
        0 <= candidate.interest < count
    ) else count  # fmt: skip


def _likeness(
    candidates: Sequence[Candidate], items: Sequence[ItemFacts], situation: Situation
) -> dict[str, Any]:
    likeness = _column(candidates, lambda one: one.likeness)
    same = np.array([item.category in situation.categories for item in items], np.float64)
    on_page, in_cart = situation.context == "product", situation.context == "cart"
    return {
        "likeness_on_product_page": likeness * on_page,
        "likeness_in_cart": likeness * in_cart,
        "likeness_standing": standing(likeness),
        "category_of_page": same * on_page,
        "category_of_cart": same * in_cart,
    }


def _affinities(items: Sequence[ItemFacts], profile: Profile) -> dict[str, Any]:
    departments: dict[str, float] = {}
    for category, liking in profile.categories.items():
        if liking > 0:
            name = category.partition("/")[0]
            departments[name] = departments.get(name, 0.0) + liking
    liked = np.array([profile.categories.get(item.category, 0.0) for item in items])
    brand = np.array([profile.brands.get(item.brand or "", 0.0) for item in items])
    department = np.array([departments.get(item.category.partition("/")[0], 0.0) for item in items])
    return {
        # The root: a fifth of somebody's attention is much where there are fifty categories.
        "category_liked": np.sqrt(np.maximum(liked, 0.0)),
        "category_disliked": np.sqrt(np.maximum(-liked, 0.0)),
        "department_liked": np.sqrt(np.maximum(department, 0.0)),
        "brand_liked": np.sqrt(np.maximum(brand, 0.0)),
        "brand_disliked": np.sqrt(np.maximum(-brand, 0.0)),
        "price_far": _price_far(items, profile),
    }


def _lately(
    items: Sequence[ItemFacts], profile: Profile, facts: Mapping[int, ItemFacts]
) -> dict[str, Any]:
    """How much of what the person looked at last is of the same category or brand.

    Affinities change slowly; this turns within a few looks. It counts what `facts` knows: what is
    still listed, which is proposed as recently viewed.
    """
    latest = sorted(profile.viewed, key=lambda one: profile.viewed[one], reverse=True)
    known = [facts[one] for one in latest if one in facts][:_LATELY]
    shares: dict[str, dict[str, float]] = {"category": {}, "brand": {}}
    total = sum(_LATELY_FADES**place for place in range(len(known)))
    for place, item in enumerate(known):
        share = _LATELY_FADES**place / total
        for kind, name in (("category", item.category), ("brand", item.brand or "")):
            shares[kind][name] = shares[kind].get(name, 0.0) + share
    shares["brand"].pop("", None)
    return {
        "category_lately": np.array([shares["category"].get(one.category, 0.0) for one in items]),
        "brand_lately": np.array([shares["brand"].get(one.brand or "", 0.0) for one in items]),
    }


def _price_far(items: Sequence[ItemFacts], profile: Profile) -> Any:
    """How far a price lies outside the person's band, in logs; 0 inside it or without a band."""
    band = profile.price
    if band is None or not items:
        return 0.0
    prices = np.log(np.maximum([float(item.price) for item in items], 0.01))
    low, high = np.log(max(band.low, 0.01)), np.log(max(band.high, 0.01))
    outside = np.maximum(np.maximum(prices - high, low - prices), 0.0)
    return outside / _PRICE_RATIO_MOST


def _sources(candidates: Sequence[Candidate]) -> dict[str, Any]:
    flags: dict[str, Any] = {
        f"from_{source}": np.array([source in one.scores for one in candidates], np.float64)
        for source in SOURCES
    }
    strength = _column(candidates, lambda one: one.scores.get(BOUGHT_TOGETHER, 0.0))
    return {**flags, "together": _logarithmic(strength, _STRENGTH_MOST)}


def _demand(items: Sequence[ItemFacts], known: float, now: datetime) -> dict[str, Any]:
    wanted = _logarithmic(np.array([item.wanted for item in items]), _WANTED_MOST)
    shown = np.maximum(np.array([item.shown for item in items]), 0.0)
    clicked = np.maximum(np.array([item.clicked for item in items]), 0.0)
    rate = (clicked + CLICK_RATE * CLICK_RATE_SLOTS) / (shown + CLICK_RATE_SLOTS)
    return {
        "wanted": wanted,
        "wanted_by_unknown": wanted * (1.0 - known),
        "click_rate": np.log(rate / CLICK_RATE) / 3.0,
        "untested": 1.0 / np.sqrt(1.0 + shown),
        "young": np.array([_fading(now, item.created_at, _YOUNG_DAYS * 24) for item in items]),
    }


def _history(candidates: Sequence[Candidate], profile: Profile) -> dict[str, Any]:
    viewed = [
        _fading(profile.as_of, profile.viewed[one.product_id], _VIEWED_HOURS)
        if one.product_id in profile.viewed
        else 0.0
        for one in candidates
    ]
    carted = [one.product_id in profile.carted for one in candidates]
    return {"viewed_lately": np.array(viewed), "in_cart": np.array(carted, np.float64)}


def standing(values: NDArray[Any]) -> NDArray[Any]:
    """Rank values from 0 to 1 among those that are not 0 (nothing known), equal ones alike.

    Cosines of one model are not those of another; the order that they make is.
    """
    found = np.zeros(len(values))
    told = values != 0
    _, places, counts = np.unique(values[told], return_inverse=True, return_counts=True)
    if len(counts) > 1:
        below = np.cumsum(counts) - counts
        found[told] = (below[places] + (counts[places] - 1) / 2) / (told.sum() - 1)
    return found


def _column(candidates: Sequence[Candidate], read: Callable[[Candidate], float]) -> NDArray[Any]:
    return np.array([read(one) for one in candidates], np.float64)


def _logarithmic(values: NDArray[Any], most: float) -> NDArray[Any]:
    scaled: NDArray[Any] = np.log1p(np.maximum(values, 0.0)) / np.log1p(most)
    return scaled


def _fading(now: datetime | None, then: datetime, hours: float) -> float:
    """1 at the time itself, 1/e after `hours`."""
    if now is None:
        return 0.0
    return float(np.exp(-max((now - then).total_seconds(), 0.0) / 3600.0 / hours))
