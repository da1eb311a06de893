"""One request for recommendations: who asks, from where, and what may not be shown."""

from collections.abc import Set
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement

from vitrine.decisions.people import Who
from vitrine.recommend.profile import Profile
from vitrine.recommend.proposals import SOURCES, Context, Situation
from vitrine.retrieval.filters import Filter, to_sql
from vitrine.retrieval.serving import Serving


@dataclass(frozen=True, slots=True)
class RecommendationRequest:
    """What is asked. `published`: by a key that everybody can read, so of visitors only."""

    user: str
    context: Context = "home"
    products: tuple[str, ...] = ()
    limit: int = 20
    filter: dict[str, Any] | None = None
    exclude_ids: tuple[str, ...] = ()
    exclude_seen_days: int | None = None
    exclude_seller: str | None = None
    sources: tuple[str, ...] = SOURCES
    explain: bool = False
    published: bool = False


@dataclass(frozen=True, slots=True)
class Listed:
    """A product that the request names."""

    product_id: int
    category: str


@dataclass(frozen=True, slots=True)
class Visit:
    """A request, understood. `page` are the products of page or cart; none of `excluded` is shown.

    `seen` are of the excluded those that were recommended lately.
    """

    request: RecommendationRequest
    now: datetime
    serving: Serving
    who: Who | None
    profile: Profile
    tree: Filter
    page: tuple[Listed, ...] = ()
    excluded: Set[int] = frozenset()
    seen: Set[int] = field(default_factory=frozenset)

    @property
    def condition(self) -> ColumnElement[bool]:
        return to_sql(self.tree)

    @property
    def situation(self) -> Situation:
        categories = frozenset(one.category for one in self.page)
        return Situation(self.request.context, self.now, categories)

    def asks_for(self, source: str) -> bool:
        """Whether this source may propose something."""
        return source in self.request.sources
