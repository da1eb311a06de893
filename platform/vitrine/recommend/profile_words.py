"""A profile in words."""

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from vitrine.recommend.profile import Interest, PriceBand, Profile

# A name stands for all of a group when at least so many of its products have it.
_MOST, _MANY = 0.6, 0.4
_NAMED = 3
# Who hid one pair of sunglasses and looked at others is not away from sunglasses.
_LEAST_DISLIKE = 0.1


@dataclass(frozen=True, slots=True)
class Described:
    """What words need of a product."""

    category: str
    price: Decimal
    colour: str | None


def describe(interest: Interest, products: Mapping[int, Described], currency: str) -> str:
    """Say what the products of an interest have in common; those that are gone say nothing."""
    known = [products[id_] for id_ in interest.products if id_ in products]
    if not known:
        return f"Products that are no longer sold; last on {day(interest.last_at)}"
    parts = [_kinds([one.category for one in known])]
    if colour := _common([one.colour for one in known if one.colour], len(known)):
        parts.append(colour)
    if prices := [float(one.price) for one in known if one.price > 0]:
        about = math.exp(sum(map(math.log, prices)) / len(prices))
        parts.append(f"around {money(about)} {currency}")
    return f"{', '.join(parts)}; last on {day(interest.last_at)}"


def summarise(profile: Profile, currency: str) -> list[str]:
    """Say in sentences what is known."""
    if profile.as_of is None:
        return ["Nothing is known of this person yet."]
    return list(_sentences(profile, profile.as_of, currency))


def _sentences(profile: Profile, as_of: datetime, currency: str) -> Iterator[str]:
    yield (
        f"Made of {_counted(profile.events, 'event')}, the last on {day(as_of)}: "
        f"{_counted(len(profile.interests), 'interest')}, "
        f"{_counted(len(profile.dislikes), 'dislike')}."
    )
    if drawn := _named(profile.categories, 1):
        yield f"Drawn to {drawn}."
    if brands := _named(profile.brands, 1):
        yield f"Likes the brands {brands}." if "," in brands else f"Likes the brand {brands}."
    if away := _named({**profile.categories, **profile.brands}, -1):
        yield f"Not interested in {away}."
    if profile.price:
        yield f"{in_band(profile.price, currency)}."
    done = (
        ("Bought", profile.bought), ("Has in the cart", profile.carted), ("Hid", profile.hidden),
    )  # fmt: skip
    for word, products in done:
        if products:
            yield f"{word} {_counted(len(products), 'product')}."


def in_band(price: PriceBand, currency: str) -> str:
    """Say what is spent."""
    if money(price.low) == money(price.high):
        return f"Looks at prices of {money(price.middle)} {currency}"
    return (
        f"Looks at prices from {money(price.low)} to {money(price.high)} {currency}, "
        f"mostly around {money(price.middle)}"
    )


def day(at: datetime) -> str:
    """Name a day."""
    return f"{at.day} {at:%B %Y}"


def money(amount: float) -> str:
    """Write a price."""
    return f"{amount:.2f}"


def _kinds(categories: Sequence[str]) -> str:
    if (common := _common(categories, len(categories), _MOST)) is not None:
        return common if len(set(categories)) == 1 else f"Mostly {common}"
    most = [name for name, _ in Counter(categories).most_common(_NAMED)]
    return f"Of several kinds ({', '.join(most)})"


def _common(names: Sequence[str], total: int, share: float = _MANY) -> str | None:
    """The most frequent name, if enough of the total have it; the first by letters of equals."""
    counted = Counter(names)
    if not counted:
        return None
    name, count = min(counted.items(), key=lambda item: (-item[1], item[0]))
    return name if count >= share * total else None


def _named(shares: Mapping[str, float], sign: int) -> str:
    least = 0.0 if sign > 0 else _LEAST_DISLIKE
    strongest = sorted(
        ((sign * share, name) for name, share in shares.items() if sign * share > least),
        key=lambda item: (-item[0], item[1]),
    )
    return ", ".join(f"{name} ({share * 100:.0f} %)" for share, name in strongest[:_NAMED])


def _counted(count: int, thing: str) -> str:
    return f"{count} {thing}{'' if count == 1 else 's'}"
