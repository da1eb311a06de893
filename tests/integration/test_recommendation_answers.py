"""What an answer of recommendations carries, who may ask for it, and what it goes without.

One shop serves all tests of this file; each has shoppers of its own, and none rolls up.
"""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import numpy as np
import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from tests.integration.shop import shop_of_a_module
from tests.integration.shoppers import (
    Recommend,
    Shoppers,
    asking,
    name,
    person,
    skus,
    varied,
)
from vitrine.api.app import create_app
from vitrine.assembly import Platform
from vitrine.catalog.keys import create_key
from vitrine.decisions.models import Decision, Person
from vitrine.decisions.tokens import TokenSigner
from vitrine.errors import Forbidden, Invalid, NotFound, Unavailable
from vitrine.index.client import VectorIndex
from vitrine.recommend.features import FEATURES
from vitrine.recommend.visit import RecommendationRequest
from vitrine.wire.recommendations import RecommendationResponse


@pytest.fixture(scope="module")
def shop(request: pytest.FixtureRequest) -> Iterator[Platform]:
    with shop_of_a_module(request) as platform:
        yield platform


@pytest.fixture(scope="module")
def shoppers(shop: Platform) -> Shoppers:
    return Shoppers(shop)


@pytest.fixture(scope="module")
def recommend(shop: Platform) -> Recommend:
    return asking(shop.recommender)


def test_every_answer_is_recorded_with_what_learning_needs(
    shop: Platform, shoppers: Shoppers
) -> None:
    user = name()
    shoppers.did(user, "view_item", "p05")
    explored = 0
    for _ in range(6):
        found = varied(shop, exploration=0.5)(user, limit=5)
        with shop.sessions() as session:
            row = session.scalars(
                select(Decision).where(Decision.id == found.recommendation_id)
            ).one()
        assert row.kind == "recommendation"
        assert row.person_id == person(shop, user)
        assert row.context["context"] == "home"
        assert (row.model, row.ranker) == (found.model.digest, found.ranker.version)
        slots = len(found.results)
        arrays = (row.products, row.sources, row.propensities, row.explored)
        assert [len(one) for one in arrays] == [slots] * 4
        assert row.sources == [one.source for one in found.results]
        assert row.explored == [int(one.explored) for one in found.results]
        assert row.explored[0] == 0
        assert all(0 < chance <= 1 for chance in row.propensities)
        for chance, drawn in zip(row.propensities[1:], row.explored[1:], strict=True):
            assert (chance < 0.5) == bool(drawn)
        assert row.features is not None
        seen = np.frombuffer(row.features, np.float16).reshape(slots, len(FEATURES))
        assert np.isfinite(seen).all()
        explored += sum(row.explored)
    assert explored


def test_tokens_name_the_slot(shop: Platform, recommend: Recommend) -> None:
    found = recommend("nobody", limit=3)
    signer = TokenSigner(shop.settings.secret_key)
    for position, one in enumerate(found.results, start=1):
        said = signer.read(one.token)
        assert (said.kind, said.item, said.position) == ("recommendation", one.product.id, position)
        assert said.decision == found.recommendation_id


def test_asking_for_a_name_makes_nobody(shop: Platform, recommend: Recommend) -> None:
    user = name()
    found = recommend(user)
    with shop.sessions() as session:
        row = session.scalars(select(Decision).where(Decision.id == found.recommendation_id)).one()
        assert row.person_id is None
        assert session.scalar(select(Person).where(Person.name == user)) is None


def test_without_a_record_there_is_an_answer(
    shop: Platform, recommend: Recommend, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: Any) -> None:
        raise Unavailable("The database does not answer")

    monkeypatch.setattr("vitrine.decisions.shown.record", away)
    assert recommend("nobody", limit=3).results


def test_a_slow_record_holds_up_no_answer(
    recommend: Recommend, monkeypatch: pytest.MonkeyPatch
) -> None:
    over = threading.Event()
    monkeypatch.setattr("vitrine.recommend.service._RECORD_SECONDS", 0.01)
    monkeypatch.setattr("vitrine.decisions.shown.record", lambda *_: over.wait(20))
    assert recommend("nobody", limit=3).results
    assert not over.is_set()
    over.set()


def test_without_the_index_there_is_what_postgres_knows(
    recommend: Recommend, shoppers: Shoppers, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = name()
    shoppers.did(user, "view_item", "p05")

    def away(*_: Any, **__: Any) -> None:
        raise Unavailable("Milvus does not answer")

    monkeypatch.setattr(VectorIndex, "search", away)
    found = recommend(user, "p03", context="product", limit=6)
    assert found.degraded is not None
    assert "index does not answer" in found.degraded
    assert len(found.results) == 6
    # They are ranked by their looks all the same: the vectors are in PostgreSQL.
    assert len({one.score for one in found.results}) > 1


def test_to_wait_for_a_thread_is_to_wait_for_the_index(
    shop: Platform, shoppers: Shoppers, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = name()
    shoppers.did(user, "view_item", "p05")
    recommender = shop.recommender
    busy = ThreadPoolExecutor(1)
    monkeypatch.setattr(recommender._tools.sources, "_beside", busy)
    monkeypatch.setattr("vitrine.recommend.sources._INDEX_SECONDS", 0.1)
    busy.submit(time.sleep, 0.3)
    assert asking(recommender)(user, limit=3).degraded is not None
    busy.shutdown()


def test_explained_parts_add_up_to_the_score(recommend: Recommend, shoppers: Shoppers) -> None:
    user = name()
    shoppers.did(user, "view_item", "p05")
    found = recommend(user, limit=4, explain=True)
    assert all(one.parts for one in found.results)
    first, second = found.results[:2]
    odds = [np.log(one.score / (1 - one.score)) for one in (first, second)]
    parts = [sum(part.part for part in one.parts) for one in (first, second)]
    assert odds[0] - odds[1] == pytest.approx(parts[0] - parts[1], abs=2e-3)


@pytest.mark.parametrize(
    ("error", "how"),
    [
        (Invalid, {"context": "product"}),
        (Invalid, {"products": ("acme:p01",)}),
        (NotFound, {"context": "product", "products": ("acme:gone",)}),
        (Invalid, {"filter": {"colour": "red"}}),
        (Invalid, {"exclude_seen_days": 91}),
    ],
)
def test_what_cannot_be_meant_is_refused(
    shop: Platform, error: type[Exception], how: dict[str, Any]
) -> None:
    with pytest.raises(error):
        shop.recommender.recommend(RecommendationRequest("nobody", **how), key_id="k")


def test_a_published_key_asks_for_visitors_alone(
    shop: Platform, recommend: Recommend, shoppers: Shoppers
) -> None:
    user, visitor = name(), f"visitor-{uuid4().hex}"
    shoppers.did(user, "view_item", "p05")
    shoppers.did(visitor, "view_item", "p12", visitor=True)
    assert not recommend(user, published=True).known
    assert recommend(visitor, published=True).known
    with pytest.raises(Forbidden, match="from your server"):
        recommend("short", published=True)


def test_what_users_bought_or_hid_in_a_browser_is_not_shown_to_it_again(
    shop: Platform, recommend: Recommend, shoppers: Shoppers
) -> None:
    user, visitor = name(), f"visitor-{uuid4().hex}"
    shoppers.did(visitor, "view_item", "p12", visitor=True)
    shoppers.did(user, "purchase", "p13", client_id=visitor)
    shoppers.did(user, "hide_item", "p14", client_id=visitor)
    shoppers.did(user, "view_item", "p03", client_id=visitor)
    alone = recommend(visitor, published=True, limit=18)
    assert not {"p13", "p14"} & set(skus(alone))
    shoppers.did(user, "refund", "p13", client_id=visitor)
    assert "p13" in skus(recommend(visitor, published=True, limit=18))
    told = {one.product_id for found in alone.results for one in found.reasons}
    assert "acme:p12" in told and not {"acme:p13", "acme:p03"} & told


def test_the_route(shop: Platform, shoppers: Shoppers) -> None:
    user = name()
    shoppers.did(user, "view_item", "p05")
    with shop.sessions.begin() as session:
        _, key = create_key(session, "storefront")
    api: FlaskClient = create_app(shop).test_client()
    headers = {"Authorization": f"Bearer {key}"}
    path = f"/v1/users/{user}/recommendations"
    answer = api.get(
        f'{path}?context=cart&product=acme:p01,acme:p02&limit=3&filter={{"in_stock": true}}'
        "&exclude_ids=acme:p05&exclude_seen_days=7&sources=for_you,new,similar&explain=true",
        headers=headers,
    )
    assert answer.status_code == 200, answer.text
    found = RecommendationResponse.model_validate(answer.get_json())
    assert len(found.results) == 3
    assert not {"p01", "p02", "p05"} & set(skus(found))
    assert answer.headers["Cache-Control"] == "private, no-store"
    assert "ETag" not in answer.headers
    for wrong, status in {
        "product=acme": 422,
        "sources=magic": 422,
        "context=nowhere": 422,
        "filter=[]": 422,
        "filter={": 422,
        "exclude_seen_days=0": 422,
        "limit=101": 422,
        "context=cart&product=" + ",".join(f"acme:{number}" for number in range(101)): 422,
        "color=red": 422,
    }.items():
        refused = api.get(f"{path}?{wrong}", headers=headers)
        assert refused.status_code == status, (wrong, refused.text)
    assert api.get("/v1/users/.hidden/recommendations", headers=headers).status_code == 422
