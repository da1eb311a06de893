"""How relevant an ad is to who looks and what they look at: visual × profile × context.

Each factor lies in (0, 1] and is 1 where nothing is known that could speak against the ad. Where
one alone could speak for it and does not, it is below the floor.
"""

from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vitrine.recommend.profile import Profile
from vitrine.wire.ads import RelevanceOut

Numbers = NDArray[np.float64]

# Of the model that ships: pictures of different things have a cosine of 0.07 in the middle and
# below 0.27 in 95 of 100 cases; the nearest other picture of a shop one of 0.46 in the middle.
_MIDDLE, _WIDTH = 0.25, 0.08
_SAME_DEPARTMENT, _SOME_WORDS = 0.7, 0.6
# Where no picture is looked at, category and words are all that can speak for an ad.
_NOTHING_FITS = 0.15
# Where one is, looks have spoken already.
_ELSEWHERE_SEEN, _NO_WORD_SEEN, _UNTOLD_SEEN = 0.3, 0.5, 0.7
_LEAST_PROFILE, _LEAST_ALONE, _DISLIKED = 0.5, 0.1, 0.3
_DIGITS = 6
_FACTORS = ("visual", "profile", "context", "total")


@dataclass(frozen=True, slots=True)
class Relevance:
    """The factors of several ads, each [n], and their product."""

    visual: Numbers
    profile: Numbers
    context: Numbers
    total: Numbers = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "total", self.visual * self.profile * self.context)

    def told(self, at: int) -> dict[str, float]:
        """Tell the factors of one of them, and their product."""
        return {name: round(float(getattr(self, name)[at]), _DIGITS) for name in _FACTORS}

    def out(self, at: int) -> RelevanceOut:
        """Write the factors of one of them."""
        return RelevanceOut(**self.told(at))


def likeness(cosines: NDArray[np.floating[Any]]) -> Numbers:
    """Scale cosine similarities [...] to (0, 1): about 0.1 for unlike things, 0.9 for like ones."""
    scaled: Numbers = 1.0 / (1.0 + np.exp((_MIDDLE - cosines.astype(np.float64)) / _WIDTH))
    return scaled


def liked(
    profile: Profile, likes: Numbers | None, categories: Sequence[str | None], *, alone: bool
) -> Numbers:
    """Tell how an ad suits a profile, [n]; 1 for somebody of whom nothing is known.

    `likes` [n] is the likeness to the nearest of the person's interests, None without any. `alone`:
    nothing else is known of what is wanted.
    """
    count = len(categories)
    if profile.events == 0:
        return np.ones(count)
    least = _LEAST_ALONE if alone else _LEAST_PROFILE
    drawn = _by_category(categories, lambda one: _drawn_to(profile.categories, one))
    by_looks = np.zeros(count) if likes is None else likes
    found: Numbers = least + (1 - least) * np.maximum(by_looks, drawn)
    found[drawn < 0] *= _DISLIKED
    return found


def fits(
    page: Set[str],
    categories: Sequence[str | None],
    asked: Set[str],
    words: Sequence[Set[str]],
    *,
    seen: bool,
) -> Numbers:
    """Tell how an ad suits a page and what was typed, [n]: by the better of the two.

    `page` are the categories of the page, `asked` the words typed, `words` those of each ad;
    `seen`: a picture is looked at, too.
    """
    found = np.zeros(len(categories))
    if not page and not asked:
        return np.ones(len(categories))
    if page:
        found = _by_category(categories, lambda one: _near(page, one, seen))
    if asked:
        shares = np.array([len(asked & one) / len(asked) for one in words])
        none = _NO_WORD_SEEN if seen else _NOTHING_FITS
        told = np.where(shares > 0, _SOME_WORDS + (1 - _SOME_WORDS) * shares, none)
        found = np.maximum(found, told)
    return found


def _by_category(categories: Sequence[str | None], worth: Callable[[str | None], float]) -> Numbers:
    """Tell what each is worth, [n]; of many ads few categories differ."""
    known = {one: worth(one) for one in dict.fromkeys(categories)}
    return np.array([known[one] for one in categories], np.float64)


def _near(page: Set[str], category: str | None, seen: bool) -> float:
    if category is None:
        return _UNTOLD_SEEN if seen else _NOTHING_FITS
    elsewhere = _ELSEWHERE_SEEN if seen else _NOTHING_FITS
    return max(_nearness(one, category, elsewhere) for one in page)


def _nearness(one: str, other: str, elsewhere: float) -> float:
    if one == other or one.startswith(f"{other}/") or other.startswith(f"{one}/"):
        return 1.0
    department = one.partition("/")[0] == other.partition("/")[0]
    return _SAME_DEPARTMENT if department else elsewhere


def _drawn_to(shares: Mapping[str, float], category: str | None) -> float:
    """1 for a category that is liked, in part for its department, below 0 for one that is not."""
    if category is None or not shares:
        return 0.0
    share = shares.get(category, 0.0)
    if share < 0:
        return -1.0
    best = max(shares.values())
    if best <= 0:
        return 0.0
    department = category.partition("/")[0]
    near = sum(value for name, value in shares.items() if name.partition("/")[0] == department)
    return min(1.0, max(share, near / 2) / best)
