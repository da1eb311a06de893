"""Answers that come page by page."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from vitrine.client.request import Request

Page = TypeVar("Page")
Item = TypeVar("Item")


@dataclass(frozen=True, kw_only=True, slots=True)
class Pages(Generic[Page, Item]):
    """The first page's request, what a page holds, and the request of the page after it."""

    first: Request[Page]
    items: Callable[[Page], Sequence[Item]]
    after: Callable[[Page], Request[Page] | None]
