"""What a history comes to: how much each product is liked, and what became of it."""

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from vitrine.decisions.history import Interaction, Place
from vitrine.recommend.weights import EventWeights

_DAY = timedelta(days=1)
_SHOWN = "view_item_list"
_SEEN = frozenset({"select_item", "view_item"})
LOOKS = (_SHOWN, *sorted(_SEEN))
"""Events that only say what somebody saw; what the others did stays true after many of these."""
MOST_TOLD = 2
"""How often an event comes at most: from the browser, and from the server or after a login."""

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
    """Product id → what is known; every dict has what came last at its end.

    `as_of` and `since` are the times of the last event and of the first that it is made of.
    """

    events: int = 0
    as_of: datetime | None = None
    since: datetime | None = None
    regards: dict[int, Regard] = field(default_factory=dict)
    viewed: dict[int, datetime] = field(default_factory=dict)
    bought: dict[int, datetime] = field(default_factory=dict)
    carted: dict[int, datetime] = field(default_factory=dict)
    hidden: dict[int, datetime] = field(default_factory=dict)


def behaviour(history: Iterable[Interaction], weights: EventWeights) -> Behaviour:
    """Add up the last `weights.events` lines in their order, each once.

    An event that came twice counts once, and so does a product that was bought twice in the same
    transaction, as the browser tells it and the server; twice as many lines are looked at for that.
    What was only shown is none of them. Weights fade with the age that an event has at the last.
    What somebody has or has hidden is told by as many of the events that are no `LOOKS`.
    """
    told = {one.place: one for one in history if one.name != _SHOWN}
    if not told:
        return Behaviour()
    most = weights.events * MOST_TOLD
    looked_at = {*_last(told, most), *_last(told, most, without=LOOKS)}
    kept = _once([told[place] for place in sorted(looked_at)])
    last, standing = _last(kept, weights.events), _last(kept, weights.events, without=LOOKS)
    counted, made_of = set(last), sorted({*last, *standing})
    now = made_of[-1][0]
    found = Behaviour(len(counted), now.astimezone(UTC), made_of[0][0].astimezone(UTC))
    pieces: dict[tuple[str, int], int] = {}
    for one, product in _by_product(kept[place] for place in made_of):
        if one.place in counted:
            faded = weights.remaining((now - one.at) / _DAY)
            _regard(found, one, product, faded * weights.of_event(one.name, one.rating))
        _hide(found, one, product)
        _possess(found, pieces, one, product)
    return found


def _last(
    told: Mapping[Place, Interaction], most: int, *, without: Container[str] = ()
) -> list[Place]:
    return sorted(place for place, one in told.items() if one.name not in without)[-most:]


def _once(lines: Sequence[Interaction]) -> dict[Place, Interaction]:
    """Keep of lines in their order the first alone where what it says came more than once."""
    first: dict[object, tuple[datetime, bytes]] = {}
    kept = {}
    for one in lines:
        said: list[object] = []
        # By more than the key: a shop may count anew for each browser and each user.
        if one.key is not None:
            said.append((one.key, one.name, one.line, one.product_id, one.item))
        if one.name == "purchase" and one.transaction_id is not None:
            said.append((one.transaction_id, one.product_id, one.item))
        event = (one.at, one.event)
        # Of all that it says, also where it is not the first.
        firsts = {first.setdefault(what, event) for what in said}
        if firsts <= {event}:
            kept[one.place] = one
    return kept


def _by_product(events: Iterable[Interaction]) -> Iterator[tuple[Interaction, int]]:
    """Tell which product each line is of; a refund that names none is of its whole order."""
    orders: dict[str, list[tuple[Interaction, int]]] = {}
    for one in events:
        if one.product_id is not None:
            if one.name == "purchase" and one.transaction_id is not None:
                orders.setdefault(one.transaction_id, []).append((one, one.product_id))
            yield one, one.product_id
        elif one.name == "refund" and one.item is None and one.transaction_id is not None:
            for bought, product in orders.pop(one.transaction_id, []):
                yield replace(one, quantity=bought.quantity or 1), product


def _regard(found: Behaviour, one: Interaction, product: int, weight: float) -> None:
    at = one.at.astimezone(UTC)
    regard = found.regards.setdefault(product, Regard(at))
    regard.last_at = at
    if one.name == "hide_item":
        # It speaks of all that came before: somebody looked, more than once maybe, and had enough.
        regard.liked = 0.0
    elif product in found.hidden and _takes_back(one):
        regard.disliked = 0.0
    if weight > 0:
        regard.liked += weight
    else:
        regard.disliked -= weight
    if one.name in _SEEN:
        _put_last(found.viewed, product, at)


def _hide(found: Behaviour, one: Interaction, product: int) -> None:
    if one.name == "hide_item":
        _put_last(found.hidden, product, one.at.astimezone(UTC))
    elif _takes_back(one):
        found.hidden.pop(product, None)


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
