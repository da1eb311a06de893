"""What shoppers of `tests.integration.shop` do, sent as their storefront would send it."""

import dataclasses
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.conftest import DatabaseFrom
from tests.integration.conftest import in_use, worked_off
from tests.integration.shop import COUNT, fill
from vitrine.assembly import Platform
from vitrine.decisions.people import Who, resolve
from vitrine.embedded.services import ServiceUrls
from vitrine.recommend.service import Recommender
from vitrine.recommend.visit import RecommendationRequest
from vitrine.settings import Settings
from vitrine.wire.events import EventBatch
from vitrine.wire.recommendations import RecommendationResponse

Recommend = Callable[..., RecommendationResponse]


@contextmanager
def shop_of_a_module(request: pytest.FixtureRequest, count: int = COUNT) -> Iterator[Platform]:
    """Open a filled shop that serves all tests of a module."""
    services: ServiceUrls = request.getfixturevalue("services")
    database_from: DatabaseFrom = request.getfixturevalue("database_from")
    paths: pytest.TempPathFactory = request.getfixturevalue("tmp_path_factory")
    models_dir: Path = request.getfixturevalue("models_dir")
    with database_from(request.getfixturevalue("template_database")) as database_url:
        settings = Settings(
            data_dir=paths.mktemp("shop"),
            database_url=database_url,
            redis_url=services.redis_url,
            milvus_uri=services.milvus_uri,
            models_dir=models_dir,
            secret_key="a secret key that only the tests use",
        )
        with in_use(settings) as platform:
            fill(platform.catalog, count)
            worked_off(platform)
            yield platform


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
