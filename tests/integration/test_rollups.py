"""Pairs and trends, counted from events in the real PostgreSQL."""

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import select, text

from tests.integration.shop import shop_of_a_module
from tests.integration.shoppers import Shoppers
from vitrine.assembly import Platform
from vitrine.catalog.models import Product
from vitrine.db import make_engine, make_sessions
from vitrine.recommend import rollups, trends
from vitrine.recommend.models import Pair, Trend
from vitrine.recommend.rollups import _LOCK, RolledUp, RollupBounds, roll_up
from vitrine.recommend.service import Recommender
from vitrine.recommend.visit import RecommendationRequest
from vitrine.recommend.weights import EventWeights
from vitrine.wire.recommendations import RecommendationResponse

BOUNDS = RollupBounds()


class Counted:
    """What stands in the tables, by sku."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    def __call__(self, bounds: RollupBounds = BOUNDS) -> RolledUp | None:
        return roll_up(self._platform.sessions, self._platform.event_weights, bounds)

    @property
    def names(self) -> dict[int, str]:
        with self._platform.sessions() as session:
            return {row.id: row.sku for row in session.execute(select(Product.id, Product.sku))}

    @property
    def pairs(self) -> dict[tuple[str, str], int]:
        names = self.names
        with self._platform.sessions() as session:
            return {
                (names[one.product_id], names[one.other_id]): one.together
                for one in session.scalars(select(Pair))
            }

    @property
    def trends(self) -> dict[str, Trend]:
        names = self.names
        with self._platform.sessions() as session:
            return {names[one.product_id]: one for one in session.scalars(select(Trend))}


@pytest.fixture(scope="module")
def shop(request: pytest.FixtureRequest) -> Iterator[Platform]:
    with shop_of_a_module(request, 8) as platform:
        yield platform


@pytest.fixture
def platform(shop: Platform) -> Platform:
    """The shop, in which nobody has done anything yet."""
    with shop.sessions.begin() as session:
        session.execute(text("truncate people, event_ids, feedback, pairs, trends cascade"))
    return shop


@pytest.fixture
def counted(platform: Platform) -> Counted:
    return Counted(platform)


@pytest.fixture
def shoppers(platform: Platform) -> Shoppers:
    return Shoppers(platform)


def test_what_many_people_took_in_one_basket(counted: Counted, shoppers: Shoppers) -> None:
    for number in range(8):
        shoppers.did(f"pair-{number}", "purchase", "p00", "p01")
        shoppers.did(f"alone-{number}", "add_to_cart", "p02")
        # Two days, two baskets.
        shoppers.did(f"apart-{number}", "add_to_cart", "p03", days_ago=5)
        shoppers.did(f"apart-{number}", "add_to_cart", "p04")
        # Looking at something puts it into no basket.
        shoppers.did(f"looks-{number}", "view_item", "p05", "p06")
    # One person, however often, is one.
    for days_ago in range(5):
        shoppers.did("busy", "purchase", "p02", "p07", days_ago=days_ago)
        shoppers.did("pair-0", "purchase", "p00", "p01", days_ago=days_ago)
    found = counted()
    assert found is not None
    assert found.pairs == 2
    assert counted.pairs == {("p00", "p01"): 8, ("p01", "p00"): 8}
    # What fell out of the window is forgotten.
    shoppers.did("old-1", "purchase", "p05", "p07", days_ago=30)
    assert counted(RollupBounds(pair_days=20, significance=1e6)) is not None
    assert counted.pairs == {}


def test_everybody_buys_the_bestseller_so_it_goes_with_nothing(
    counted: Counted, shoppers: Shoppers
) -> None:
    for number in range(12):
        shoppers.did(f"u-{number}", "purchase", "p00", f"p0{1 + number % 4}")
    counted()
    assert counted.pairs == {}


def test_a_trend_fades_and_counts_people(counted: Counted, shoppers: Shoppers) -> None:
    for _ in range(50):
        shoppers.did("busy", "view_item", "p00")
    for number in range(4):
        shoppers.did(f"u-{number}", "view_item", "p01")
        shoppers.did(f"u-{number}", "add_to_cart", "p02", days_ago=7)
        shoppers.did(f"u-{number}", "view_item_list", "p03")
        shoppers.did(f"u-{number}", "hide_item", "p04")
    shoppers.did("late", "purchase", "p05", days_ago=80)
    counted()
    trends = counted.trends
    assert set(trends) == {"p00", "p01", "p02"}
    assert (trends["p00"].people, trends["p01"].people) == (1, 4)
    assert trends["p00"].score == pytest.approx(1.0, rel=1e-2)
    assert trends["p01"].score == pytest.approx(4.0, rel=1e-2)
    # Four carts, each worth 4, seven days ago: half of it.
    assert trends["p02"].score == pytest.approx(8.0, rel=1e-2)


def test_a_visitor_who_logged_in_is_one_person(
    counted: Counted, shoppers: Shoppers, platform: Platform
) -> None:
    shoppers.did("visitor-1", "view_item", "p00", visitor=True)
    shoppers.did("visitor-2", "view_item", "p00", visitor=True)
    shoppers.did("u-1", "view_item", "p00")
    counted()
    assert counted.trends["p00"].people == 3
    with platform.sessions.begin() as session:
        session.execute(
            text(
                "insert into logins (anonymous_id, user_id, at, event) select visitor.id, owner.id,"
                " now(), 'e' from people visitor, people owner"
                " where visitor.kind = 'anonymous' and owner.kind = 'user'"
            )
        )
    counted()
    assert counted.trends["p00"].people == 1


def test_slots_that_were_shown_and_clicked(
    counted: Counted, shoppers: Shoppers, platform: Platform
) -> None:
    recommender = platform.recommender
    first = ask(recommender)
    second = ask(recommender)
    clicked = first.results[1]
    shoppers.did("nobody", "select_item", clicked.product.id.partition(":")[2], token=clicked.token)
    counted()
    sku = clicked.product.id.partition(":")[2]
    trend = counted.trends[sku]
    times = sum(one.product.id == clicked.product.id for one in (*first.results, *second.results))
    assert trend.shown == pytest.approx(times, rel=1e-2)
    assert trend.clicked == pytest.approx(1, rel=1e-2)
    assert {one.clicked for name, one in counted.trends.items() if name != sku} == {0.0}


def test_what_was_only_recommended_is_not_popular(counted: Counted, platform: Platform) -> None:
    first = ask(platform.recommender)
    counted()
    assert len(counted.trends) == len(first.results)
    again = platform.recommender.recommend(RecommendationRequest("nobody", limit=8), key_id="k")
    assert {tuple(one.sources) for one in again.results} == {("new",)}


def test_pairs_are_proposed_beside_a_cart(
    counted: Counted, shoppers: Shoppers, platform: Platform
) -> None:
    for number in range(8):
        shoppers.did(f"pair-{number}", "purchase", "p00", "p07")
        shoppers.did(f"other-{number}", "purchase", "p03")
    counted()
    request = RecommendationRequest("nobody", context="cart", products=("acme:p00",), limit=5)
    found = platform.recommender.recommend(request, key_id="k")
    best = found.results[0]
    assert (best.product.id, best.source) == ("acme:p07", "bought_together")
    assert best.reasons[0].text == "Often in one basket with Red mug Alba"
    popular = platform.recommender.recommend(
        RecommendationRequest("nobody", sources=("trending",), limit=5), key_id="k"
    )
    assert {one.product.id for one in popular.results} == {"acme:p00", "acme:p03", "acme:p07"}


def test_only_one_counts_at_a_time(counted: Counted, platform: Platform) -> None:
    with platform.sessions.begin() as session:
        session.execute(text("select pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        assert counted() is None
    assert counted() is not None


def test_sellers_change_products_while_it_counts(
    counted: Counted, shoppers: Shoppers, platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(8):
        shoppers.did(f"pair-{number}", "purchase", "p00", "p07")
        shoppers.did(f"other-{number}", "purchase", "p03")
    count = rollups.count_trends

    def meanwhile(*args: Any, **how: Any) -> int:
        with platform.sessions.begin() as session:
            taken = session.scalars(select(Product).with_for_update(nowait=True)).all()
            assert len(taken) == 8
        return count(*args, **how)

    monkeypatch.setattr(rollups, "count_trends", meanwhile)
    assert counted() == RolledUp(pairs=2, trends=3)


def test_it_may_take_longer_than_other_statements(
    shoppers: Shoppers, platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = trends._COUNT.text.replace("create temporary", "select pg_sleep(0.3); create temporary")
    monkeypatch.setattr(trends, "_COUNT", text(slow))
    shoppers.did("u-1", "view_item", "p00")
    engine = make_engine(platform.settings.database_url, statement_seconds=0.2)
    try:
        found = roll_up(make_sessions(engine), platform.event_weights, BOUNDS)
    finally:
        engine.dispose()
    assert found == RolledUp(pairs=0, trends=1)


def test_what_is_true_no_more_is_forgotten(
    counted: Counted, shoppers: Shoppers, platform: Platform
) -> None:
    for number in range(8):
        shoppers.did(f"pair-{number}", "purchase", "p00", "p07")
        shoppers.did(f"other-{number}", "purchase", "p03")
    counted()
    counted()
    assert set(counted.trends) == {"p00", "p03", "p07"}
    assert counted.pairs == {("p00", "p07"): 8, ("p07", "p00"): 8}
    with platform.sessions.begin() as session:
        session.execute(
            text("delete from events where product_id = :p").bindparams(
                p=next(id_ for id_, sku in counted.names.items() if sku == "p07")
            )
        )
    assert counted() == RolledUp(pairs=0, trends=2)
    assert set(counted.trends) == {"p00", "p03"}
    assert counted.pairs == {}


def test_weights_of_an_operator_count(counted: Counted, shoppers: Shoppers) -> None:
    shoppers.did("u-1", "view_item", "p00")
    weights = EventWeights.of({"view_item": 9.0}, half_life_days=30, events=10)
    roll_up(counted._platform.sessions, weights, BOUNDS)
    assert counted.trends["p00"].score == pytest.approx(9.0, rel=1e-2)


def ask(recommender: Recommender) -> RecommendationResponse:
    return recommender.recommend(RecommendationRequest("nobody", limit=4), key_id="k")
