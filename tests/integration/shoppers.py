"""What shoppers of `tests.integration.shop` do, sent as their storefront would send it."""

import dataclasses
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from vitrine.assembly import Platform
from vitrine.decisions.people import Who, resolve
from vitrine.recommend.service import Recommender
from vitrine.recommend.visit import RecommendationRequest
from vitrine.wire.events import EventBatch
from vitrine.wire.recommendations import RecommendationResponse

Recommend = Callable[..., RecommendationResponse]


class Shoppers:
    """Takes in events; products are named by their sku, and shoppers are users unless told."""

    def __init__(self, platform: Platform) -> None:
        self._intake = platform.intake

    def did(
        self,
        user: str,
        name: str,
        *skus: str,
        days_ago: float = 0.0,
        visitor: bool = False,
        token: str | None = None,
        client_id: str | None = None,
    ) -> None:
        at = datetime.now(UTC) - timedelta(days=days_ago)
        params: dict[str, Any] = {"items": [{"item_id": f"acme:{one}"} for one in skus]}
        if token is not None:
            params["token"] = token
        event = {
            "name": name,
            "event_id": uuid4().hex,
            "timestamp_micros": int(at.timestamp() * 1e6),
            "params": params,
        }
        who = {"client_id": user} if visitor else {"user_id": user}
        if client_id is not None:
            who["client_id"] = client_id
        taken = self._intake.take(EventBatch(**who, events=[event]), published=False)
        assert (taken.accepted, taken.errors, taken.warnings) == (1, [], [])


def asking(recommender: Recommender) -> Recommend:
    def ask(user: str, *products: str, **how: Any) -> RecommendationResponse:
        how["exclude_ids"] = tuple(f"acme:{one}" for one in how.pop("exclude_ids", ()))
        request = RecommendationRequest(
            user, products=tuple(f"acme:{one}" for one in products), **how
        )
        return recommender.recommend(request, key_id="test")

    return ask


def varied(shop: Platform, **settings: Any) -> Recommend:
    """Ask the same shop under other settings."""
    changed = shop.settings.model_copy(update=settings)
    return asking(dataclasses.replace(shop, settings=changed).recommender)


def skus(found: RecommendationResponse) -> list[str]:
    return [one.product.id.partition(":")[2] for one in found.results]


def name() -> str:
    return f"shopper-{uuid4().hex}"


def who_is(shop: Platform, user: str) -> Who:
    with shop.sessions() as session:
        found = resolve(session, user)
    assert found is not None
    return found


def person(shop: Platform, user: str) -> int:
    return who_is(shop, user).person_id
