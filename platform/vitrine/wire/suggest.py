"""Suggestions while a shopper types, and searches that found nothing."""

from datetime import date, datetime
from typing import Any, Literal

from pydantic import Field

from vitrine.wire.base import Sent

SuggestionKind = Literal["query", "category", "brand", "product"]


class Suggestion(Sent):
    """One line to show under the search box."""

    kind: SuggestionKind
    text: str
    product: str | None = Field(None, description="Of a product: its id.")
    category: str | None = Field(None, description="Of a category: its path, for a filter.")
    highlight: list[tuple[int, int]] = Field(
        default_factory=list,
        description="What was typed already, as ranges of characters of `text`: first, and after.",
    )


class Suggestions(Sent):
    """What the shopper may mean, the likeliest of each kind first."""

    query: str
    suggestions: list[Suggestion]


class EmptySearchOut(Sent):
    """What was asked for and not found, all its days together."""

    kind: str = Field(examples=["text"])
    text: str
    filter: dict[str, Any] | None = None
    searches: int
    last_at: datetime


class EmptySearchPage(Sent):
    """Some of them, the most frequent first, and where to go on."""

    since: date
    searches: list[EmptySearchOut]
    next_cursor: str | None = None
