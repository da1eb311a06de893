"""Recommendations: what suits a user or a visitor."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from vitrine.client.request import Message, call, given
from vitrine.wire.recommendations import (
    RecommendationContext,
    RecommendationResponse,
    RecommendationSource,
)


@call("GET", "/v1/users/{user}/recommendations", RecommendationResponse)
def recommendations(  # noqa: PLR0913 - one parameter a field of the query
    user: str,
    *,
    context: RecommendationContext | None = None,
    product: str | Sequence[str] | None = None,
    limit: int | None = None,
    filter: Mapping[str, Any] | None = None,
    exclude_ids: Sequence[str] | None = None,
    exclude_seen_days: int | None = None,
    exclude_seller: str | None = None,
    sources: Sequence[RecommendationSource] | None = None,
    explain: bool | None = None,
) -> Message:
    """Recommend products to a user or an anonymous visitor; a stranger is shown what is popular.

    `product` is that of the page, or those of the cart; `exclude_seller` is the seller who looks,
    and sees none of its own. What is left out is as docs/recommend.md says.
    """
    return Message(
        path={"user": user},
        params=given(
            context=context,
            product=product if isinstance(product, str) else _listed(product),
            limit=limit,
            filter=None if filter is None else json.dumps(filter),
            exclude_ids=_listed(exclude_ids),
            exclude_seen_days=exclude_seen_days,
            exclude_seller=exclude_seller,
            sources=_listed(sources),
            explain=explain,
        ),
    )


def _listed(values: Sequence[str] | None) -> str | None:
    return ",".join(values) if values else None
