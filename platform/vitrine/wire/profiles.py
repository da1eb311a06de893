"""A profile: what the shop makes of what somebody did, for people to read."""

from datetime import datetime

from pydantic import Field

from vitrine.wire.base import Sent
from vitrine.wire.products import PriceOut
from vitrine.wire.search import ModelOut, ResultImage


class ProfileProduct(Sent):
    """A product of a profile; `at` says when that was, where that is known."""

    id: str = Field(examples=["acme:mug-1"])
    title: str
    brand: str
    category: str
    price: PriceOut
    currency: str
    image: ResultImage | None = Field(description="None while it has no picture to show.")
    at: datetime | None = None


class InterestOut(Sent):
    """Products that look alike and that somebody likes, or does not."""

    words: str = Field(
        examples=["Mostly home/kitchen/mugs, blue, around 12.50 EUR; last on 24 November 2026"]
    )
    weight: float = Field(description="Those of all interests add up to 1, as those of dislikes.")
    product: ProfileProduct = Field(description="The one that stands for them all (medoid).")
    products: list[ProfileProduct] = Field(description="Some others, the latest first.")
    count: int = Field(description="How many products it has.")
    last_at: datetime


class AffinityOut(Sent):
    """How much somebody is drawn to a category or a brand; below zero: away from it."""

    name: str
    share: float


class PriceBandOut(Sent):
    """Weighted 10, 50 and 90 % points of the prices of what somebody likes."""

    low: PriceOut
    middle: PriceOut
    high: PriceOut
    currency: str


class ProfileOut(Sent):
    """What the shop makes of what a person did."""

    words: list[str] = Field(description="The same in sentences.")
    events: int = Field(description="How many events it is made of.")
    as_of: datetime | None = Field(description="When the last of them was.")
    interests: list[InterestOut] = Field(description="What weighs most comes first.")
    dislikes: list[InterestOut]
    categories: list[AffinityOut]
    brands: list[AffinityOut]
    price: PriceBandOut | None
    viewed: list[ProfileProduct] = Field(description="The latest first, as all of these.")
    bought: list[ProfileProduct]
    carted: list[ProfileProduct] = Field(description="What is in the cart.")
    hidden: list[ProfileProduct]
    picture: str = Field(description="Path of a PNG that shows the interests.")
    model: ModelOut = Field(description="Whose vectors made the interests.")
