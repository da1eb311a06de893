"""What somebody likes, from what they did last: a pure function of their last events."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from vitrine.decisions.history import Interaction
from vitrine.recommend.affinities import band, shares
from vitrine.recommend.behaviour import Regard, behaviour
from vitrine.recommend.interests import group, medoid
from vitrine.recommend.weights import EventWeights

MOST_INTERESTS, MOST_DISLIKES = 10, 5
MOST_VIEWED = 100
# Those that weigh most are grouped; what somebody looked at once among so many says little.
MOST_GROUPED = 500
_DECIMALS = 6
_LATEST_FIRST = ("bought", "hidden", "viewed", "carted")


@dataclass(frozen=True, slots=True)
class Known:
    """A product that exists: `image_id` and `vector` [d] are None while it has no vector."""

    category: str
    brand: str | None
    price: Decimal
    image_id: int | None
    vector: NDArray[np.float32] | None


@dataclass(frozen=True, slots=True)
class Interest:
    """A group of products that somebody likes, or does not, and the medoid that stands for it.

    `product_id` and `image_id` (a product_images id) name the medoid; `products` are its members,
    the latest first; the weights of all interests of a profile add up to 1.
    """

    weight: float
    product_id: int
    image_id: int
    products: list[int]
    last_at: datetime


@dataclass(frozen=True, slots=True)
class PriceBand:
    """Weighted 10 %, 50 % and 90 % points of what the person looks at, as prices."""

    low: float
    middle: float
    high: float


@dataclass(frozen=True, slots=True)
class Profile:
    """A person as the recommendations see them; empty for somebody nobody knows.

    `as_of` and `since` are the times of the last event and of the first that it is made of.
    """

    model: str
    events: int = 0
    as_of: datetime | None = None
    since: datetime | None = None
    interests: list[Interest] = field(default_factory=list)
    dislikes: list[Interest] = field(default_factory=list)
    # Affinities add up to 1 over the positive ones; a negative one is a dislike.
    categories: dict[str, float] = field(default_factory=dict)
    brands: dict[str, float] = field(default_factory=dict)
    price: PriceBand | None = None
    # Product id → when last. What was refunded is not bought, what was removed is not in the cart.
    bought: dict[int, datetime] = field(default_factory=dict)
    hidden: dict[int, datetime] = field(default_factory=dict)
    viewed: dict[int, datetime] = field(default_factory=dict)
    carted: dict[int, datetime] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Write it for a JSONB column, which keeps the order of lists only."""
        body = asdict(self)
        body["as_of"], body["since"] = _written(self.as_of), _written(self.since)
        for name in ("interests", "dislikes"):
            for interest in body[name]:
                interest["last_at"] = _written(interest["last_at"])
        for name in _LATEST_FIRST:
            body[name] = [[product, _written(at)] for product, at in body[name].items()]
        return body

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> Self:
        """Read what `to_json` wrote."""
        fields = dict(body)
        for name in ("as_of", "since"):
            fields[name] = datetime.fromisoformat(body[name]) if body[name] else None
        for name in ("interests", "dislikes"):
            fields[name] = [
                Interest(**{**one, "last_at": datetime.fromisoformat(one["last_at"])})
                for one in body[name]
            ]
        for name in _LATEST_FIRST:
            fields[name] = {product: datetime.fromisoformat(at) for product, at in body[name]}
        fields["price"] = PriceBand(**body["price"]) if body["price"] else None
        return cls(**fields)


def build_profile(
    history: Sequence[Interaction],
    products: Mapping[int, Known],
    weights: EventWeights,
    *,
    model: str = "",
) -> Profile:
    """Make a person's profile; the same events in any order, or doubled, make the same one.

    `products` are those of the history that still exist, with vectors of `model`; others leave no
    trace. Weights fade towards the person's last event, not towards today: that would be one factor
    for all of them, and the clock would change the profile.
    """
    found = behaviour(history, weights)
    if found.as_of is None:
        return Profile(model)
    regards = {id_: found.regards[id_] for id_ in sorted(found.regards) if id_ in products}
    nets = {id_: regard.net for id_, regard in regards.items()}
    liked = {id_: net for id_, net in nets.items() if net > 0}
    disliked = {id_: -net for id_, net in nets.items() if net < 0}
    prices = band([float(products[id_].price) for id_ in liked], list(liked.values()))
    return Profile(
        model=model,
        events=found.events,
        as_of=found.as_of,
        since=found.since,
        interests=_shared(_interests(liked, regards, products)[:MOST_INTERESTS]),
        dislikes=_shared(_interests(disliked, regards, products)[:MOST_DISLIKES]),
        categories=shares((products[id_].category, net) for id_, net in nets.items()),
        brands=shares((brand, net) for id_, net in nets.items() if (brand := products[id_].brand)),
        price=PriceBand(*prices) if prices else None,
        bought=_latest(found.bought, products),
        hidden=_latest(found.hidden, products),
        viewed=_latest(found.viewed, products, MOST_VIEWED),
        carted=_latest(found.carted, products),
    )


def _interests(
    weights: Mapping[int, float], regards: Mapping[int, Regard], products: Mapping[int, Known]
) -> list[Interest]:
    """Group the products that have a vector; what weighs most comes first."""
    seen = {id_: vector for id_ in weights if (vector := products[id_].vector) is not None}
    ids = sorted(sorted(seen, key=lambda id_: (-weights[id_], id_))[:MOST_GROUPED])
    if not ids:
        return []
    vectors = np.stack([seen[id_] for id_ in ids])
    found = []
    for rows in group(vectors):
        members = [ids[row] for row in rows]
        stands = members[medoid(vectors[rows], [weights[id_] for id_ in members])]
        image_id = products[stands].image_id
        assert image_id is not None  # its vector is that picture's
        found.append(
            Interest(
                weight=sum(weights[id_] for id_ in members),
                product_id=stands,
                image_id=image_id,
                products=sorted(members, key=lambda id_: (regards[id_].last_at, id_), reverse=True),
                last_at=max(regards[id_].last_at for id_ in members),
            )
        )
    return sorted(found, key=lambda one: (-one.weight, one.product_id))


def _shared(interests: Sequence[Interest]) -> list[Interest]:
    """Let the weights of these add up to 1."""
    total = sum(one.weight for one in interests)
    return [replace(one, weight=round(one.weight / total, _DECIMALS)) for one in interests]


def _latest(
    kept: Mapping[int, datetime], products: Mapping[int, Known], most: int | None = None
) -> dict[int, datetime]:
    """Turn round what is known of products that still exist: the latest first."""
    there = [(id_, at) for id_, at in reversed(list(kept.items())) if id_ in products]
    return dict(there[:most])


def _written(at: datetime | None) -> str | None:
    return at.isoformat() if at else None
