"""What somebody likes, from what they did last: a pure function of their last events."""

from dataclasses import dataclass, field
from datetime import datetime


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
    """A person as the recommendations see them; empty for somebody nobody knows."""

    model: str
    events: int = 0
    as_of: datetime | None = None
    interests: list[Interest] = field(default_factory=list)
    dislikes: list[Interest] = field(default_factory=list)
    # Affinities add up to 1 over the positive ones; a negative one is a dislike.
    categories: dict[str, float] = field(default_factory=dict)
    brands: dict[str, float] = field(default_factory=dict)
    price: PriceBand | None = None
    # Product id → when last. What was refunded is not bought, what was removed is not in the cart.
    bought: dict[int, datetime] = field(default_factory=dict)
    hidden: set[int] = field(default_factory=set)
    viewed: dict[int, datetime] = field(default_factory=dict)
    carted: dict[int, datetime] = field(default_factory=dict)
