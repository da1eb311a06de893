"""What a history comes to: how much each product is liked, and what became of it."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from vitrine.decisions.history import Interaction
from vitrine.recommend.weights import EventWeights

_DAY = timedelta(days=1)
_SEEN = frozenset({"select_item", "view_item"})
# Who does this with what they had hidden wants to see it after all; to look is not enough.
_TAKES_BACK = frozenset({"add_to_cart", "add_to_wishlist", "purchase"})
_HIGH_RATING = 4.0


@dataclass(slots=True)
class Regard:
    """What somebody thinks of one product: `liked` and `disliked` are decayed sums, both ≥ 0."""

    last_at: datetime
    liked: float = 0.0
    disliked: float = 0.0

    @property
    def net(self) -> float:
        return self.liked - self.disliked


@dataclass(slots=True)
class Behaviour:
    """Product id → what is known; every dict has what came last at its end."""

    events: int = 0
    as_of: datetime | None = None
    regards: dict[int, Regard] = field(default_factory=dict)
    viewed: dict[int, datetime] = field(default_factory=dict)
    bought: dict[int, datetime] = field(default_factory=dict)
    carted: dict[int, datetime] = field(default_factory=dict)
    hidden: set[int] = field(default_factory=set)


def behaviour(history: Iterable[Interaction], weights: EventWeights) -> Behaviour:
    """Add up the last `weights.events` lines by (time, event, line), each once.

    What was only shown is none of them. Weights fade with the age that an event has at the last.
    """
    told = {(one.at, one.event, one.line): one for one in history if one.name != "view_item_list"}
    last = [told[key] for key in sorted(told)[-weights.events :]]
    if not last:
        return Behaviour()
    now = last[-1].at
    found = Behaviour(events=len(last), as_of=now.astimezone(UTC))
    pieces: dict[tuple[str, int], int] = {}
    for one in last:
        if one.product_id is None:
            continue
        faded = weights.of_event(one.name, one.rating) * weights.remaining((now - one.at) / _DAY)
        _regard(found, one, one.product_id, faded)
        _possess(found, pieces, one, one.product_id)
    return found


def _regard(found: Behaviour, one: Interaction, product: int, weight: float) -> None:
    at = one.at.astimezone(UTC)
    regard = found.regards.setdefault(product, Regard(at))
    regard.last_at = at
    if one.name == "hide_item":
        # It speaks of all that came before: somebody looked, more than once maybe, and had enough.
        regard.liked = 0.0
        found.hidden.add(product)
    elif product in found.hidden and _takes_back(one):
        regard.disliked = 0.0
        found.hidden.remove(product)
    if weight > 0:
        regard.liked += weight
    else:
        regard.disliked -= weight
    if one.name in _SEEN:
        _put_last(found.viewed, product, at)


def _takes_back(one: Interaction) -> bool:
    rated = one.name == "rate_item" and one.rating is not None and one.rating >= _HIGH_RATING
    return rated or one.name in _TAKES_BACK


def _possess(
    found: Behaviour, pieces: dict[tuple[str, int], int], one: Interaction, product: int
) -> None:
    """Count pieces bought and in the cart; without a quantity one comes, and all go."""
    at = one.at.astimezone(UTC)
    if one.name in {"purchase", "refund"}:
        _count(found.bought, pieces, ("bought", product), one, at)
    if one.name in {"add_to_cart", "remove_from_cart"}:
        _count(found.carted, pieces, ("carted", product), one, at)
    if one.name == "purchase":
        pieces.pop(("carted", product), None)
        found.carted.pop(product, None)


def _count(
    kept: dict[int, datetime],
    pieces: dict[tuple[str, int], int],
    key: tuple[str, int],
    one: Interaction,
    at: datetime,
) -> None:
    product = key[1]
    if one.name in {"purchase", "add_to_cart"}:
        pieces[key] = pieces.get(key, 0) + max(1, one.quantity or 1)
        _put_last(kept, product, at)
        return
    left = pieces.get(key, 0) - max(1, one.quantity) if one.quantity is not None else 0
    if left > 0:
        pieces[key] = left
    else:
        pieces.pop(key, None)
        kept.pop(product, None)


def _put_last(kept: dict[int, datetime], product: int, at: datetime) -> None:
    kept.pop(product, None)
    kept[product] = at
