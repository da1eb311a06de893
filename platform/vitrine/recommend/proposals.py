"""What the sources propose, and what is known of it when it is ranked."""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Literal

Context = Literal["home", "product", "cart"]
FOR_YOU, SIMILAR, BOUGHT_TOGETHER = "for_you", "similar", "bought_together"
TRENDING, NEW, RECENTLY_VIEWED = "trending", "new", "recently_viewed"
SOURCES = (FOR_YOU, SIMILAR, BOUGHT_TOGETHER, TRENDING, NEW, RECENTLY_VIEWED)


@dataclass(frozen=True, slots=True)
class Situation:
    """Where recommendations are asked for; `categories` are of the products of page or cart."""

    context: Context
    now: datetime
    categories: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class ItemFacts:
    """What Postgres knows of a product: `wanted`, `shown` and `clicked` as in `Trend`."""

    category: str
    brand: str | None
    price: Decimal
    created_at: datetime
    wanted: float = 0.0
    shown: float = 0.0
    clicked: float = 0.0


@dataclass(frozen=True, slots=True)
class Proposal:
    """What one source says of a product; the fields are as those of `Candidate`."""

    product_id: int
    source: str
    score: float
    image_id: int | None = None
    because: int | None = None
    interest: int | None = None


@dataclass(slots=True)
class Candidate:
    """A product with what each source says of it.

    `scores` has the score of every source that proposed it, in that source's own scale: cosine for
    for_you and similar, log-likelihood ratio for bought_together, decayed weight for trending, age
    in days for new, hours since for recently_viewed. `because` names the product of the person
    (viewed, bought, in the cart, on the page) that a source went out from.

    Cosines in [-1, 1] that hold for every candidate, whatever proposed it, 0 where nothing is
    known: `affinity` to the nearest interest, `aversion` to the nearest dislike, `likeness` to the
    page's or cart's products.
    """

    product_id: int
    image_id: int | None = None
    scores: dict[str, float] = field(default_factory=dict)
    because: dict[str, int] = field(default_factory=dict)
    interest: int | None = None
    affinity: float = 0.0
    aversion: float = 0.0
    likeness: float = 0.0
