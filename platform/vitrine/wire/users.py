"""What is known of one person: handed over as a whole, and erased."""

from datetime import datetime
from decimal import Decimal
from typing import Any, Literal

from pydantic import Field

from vitrine.wire.base import Sent

MAX_EXPORT_PAGE = 500


class ExportedVisitor(Sent):
    """A browser or device that turned out to be this user."""

    client_id: str
    since: datetime
    merged_at: datetime = Field(description="When it logged in first.")


class ExportedEvent(Sent):
    """One item of one event."""

    at: datetime
    name: str
    event: str = Field(description="A digest of the event's id and its shopper, in hexadecimal.")
    line: int = Field(description="The place of the item in the event, from 0.")
    user_id: str | None
    client_id: str | None
    item_id: str | None
    product_id: str | None = Field(
        description="Null: this shop has no such product (any more), or listed it after showing it."
    )
    quantity: int | None
    price: Decimal | None
    position: int | None
    rating: float | None
    item_list_id: str | None
    search_term: str | None
    transaction_id: str | None
    decision: str | None = Field(description="From the token that it quoted.")
    received_at: datetime


class ExportedFeedback(Sent):
    """An event that quoted the token of a slot."""

    position: int
    name: str
    at: datetime


class ExportedDecision(Sent):
    """One answer that was shown; the lists have an entry for each slot."""

    id: str
    at: datetime
    kind: str
    client_id: str | None = Field(description="Null: it was shown to the user.")
    context: dict[str, Any]
    model: str
    ranker: int | None
    products: list[str | None] = Field(description="Null: not in this shop any more.")
    sources: list[str]
    propensities: list[float]
    explored: list[int]
    features: list[list[float]] = Field(description="What the ranker saw of each.")
    feedback: list[ExportedFeedback]


class ExportedAdEvent(Sent):
    """What came of an ad: it was shown, seen, clicked, or led to something."""

    kind: str
    at: datetime


class ExportedAd(Sent):
    """One ad that was shown."""

    decision: str
    position: int
    at: datetime
    client_id: str | None = Field(description="Null: it was shown to the user.")
    placement: str
    creative: str | None
    context: dict[str, Any] | None = Field(
        description="What it was chosen for; null: not kept any more."
    )
    events: list[ExportedAdEvent]


class ExportedConversion(Sent):
    """Something that they bought or did, as it was told for the ads that led to it.

    Of its order id only a keyed digest is kept.
    """

    at: datetime
    client_id: str | None = Field(description="Null: the user did it.")
    value_micros: int


class UserExport(Sent):
    """One page of all that is kept of a person.

    Events come first, then decisions, ads and conversions, each from the oldest on.
    """

    user: str
    kind: Literal["user", "anonymous"]
    since: datetime
    visitors: list[ExportedVisitor]
    profile: dict[str, Any] | None = Field(description="As it is stored; ids are internal.")
    advertisers: list[str] = Field(
        default_factory=list, description="Whose ads they do not pay for: they are a member."
    )
    events: list[ExportedEvent]
    decisions: list[ExportedDecision]
    ads: list[ExportedAd] = Field(default_factory=list)
    conversions: list[ExportedConversion] = Field(default_factory=list)
    next_cursor: str | None = None


class UserErased(Sent):
    """What was erased."""

    user: str
    visitors: int = Field(description="Browsers and devices that were this person.")
    events: int
    decisions: int = Field(description="Answers that were shown.")
    feedback: int = Field(description="Reactions to them.")
    profiles: int
    ads: int = Field(
        0, description="Ads that were shown to them: the accounts keep them, and no longer whose."
    )
