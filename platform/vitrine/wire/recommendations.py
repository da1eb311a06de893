"""Recommendations: what suits this person, here and now."""

from typing import Literal

from pydantic import Field

from vitrine.wire.base import Sent
from vitrine.wire.products import ProductOut
from vitrine.wire.search import Milliseconds, ModelOut, ResultImage

RecommendationContext = Literal["home", "product", "cart"]
RecommendationSource = Literal[
    "for_you", "similar", "bought_together", "trending", "new", "recently_viewed"
]
MAX_SEEN_DAYS = 365
# They stand in the address, which servers bound.
MAX_PAGE_PRODUCTS = MAX_EXCLUDED_IDS = 100


class Reason(Sent):
    """Why a product is there; to be shown beside it."""

    source: RecommendationSource
    text: str = Field(examples=["Because you viewed Blue mug"])
    product_id: str | None = Field(None, description="The product that the text names.")


class FeatureOut(Sent):
    """One summand of what the ranker made of a product: in log odds, before the logistic curve."""

    name: str
    value: float = Field(description="What the ranker saw.")
    part: float = Field(description="What that added: the value times its weight.")


class RecommendationResult(Sent):
    """One product; best first, one slot a product."""

    product: ProductOut
    score: float = Field(description="How likely it is clicked in the first slot, says the ranker.")
    image: ResultImage
    token: str = Field(description="Signed; events about this product quote it.")
    source: RecommendationSource = Field(description="The strongest that proposed it.")
    sources: list[RecommendationSource] = Field(description="All that proposed it.")
    reasons: list[Reason] = Field(default_factory=list)
    explored: bool = Field(
        False, description="True: put there to learn how it does, not for its score."
    )
    parts: list[FeatureOut] = Field(
        default_factory=list, description="With `explain`: what the score is made of."
    )


class RankerOut(Sent):
    """What ordered the products; version 0 is the one that has learnt nothing yet."""

    version: int


class RecommendationTiming(Sent):
    """Milliseconds spent in each stage."""

    person: Milliseconds = Field(0.0, description="Who it is, and the profile.")
    sources: Milliseconds = Field(0.0, description="Asking the index and PostgreSQL.")
    rank: Milliseconds = 0.0
    hydrate: Milliseconds = 0.0
    total: Milliseconds = 0.0


class RecommendationResponse(Sent):
    """What suits this person here."""

    recommendation_id: str
    context: RecommendationContext
    known: bool = Field(description="Whether the shop has events of this person.")
    results: list[RecommendationResult]
    degraded: str | None = Field(
        None, description="What the answer had to do without, if anything did not answer."
    )
    ranker: RankerOut
    model: ModelOut
    timing_ms: RecommendationTiming
