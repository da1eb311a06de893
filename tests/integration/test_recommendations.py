"""Recommendations on the real PostgreSQL, Milvus Lite and Redis.

One shop serves all tests of this file; each has shoppers of its own, and none rolls up.
"""

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import update

from tests.integration.conftest import listing, worked_off
from tests.integration.shop import shop_of_a_module
from tests.integration.shoppers import (
    Recommend,
    Shoppers,
    asking,
    name,
    skus,
    varied,
    who_is,
)
from tests.pictures import jpeg
from vitrine.assembly import Platform
from vitrine.index.client import VectorIndex
from vitrine.ingest.switch import rebuild
from vitrine.recommend.models import ProfileRow


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


def test_a_shop_without_an_event_shows_what_is_new_and_differs(shop: Platform) -> None:
    found = varied(shop, exploration=0)("nobody", limit=6)
    assert not found.known
    assert found.degraded is None
    assert len(found.results) == 6
    assert {one.source for one in found.results} == {"new"}
    assert found.results[0].reasons[0].text.startswith("New in ")
    assert len({one.product.category for one in found.results}) == 3


def test_a_page_of_a_product_shows_what_looks_like_it_to_a_stranger(shop: Platform) -> None:
    alike = [one.product.id for one in shop.search.similar("acme:p03", key_id="k").results]
    # What exploration draws need not look like it.
    recommend = varied(shop, exploration=0.0)
    found = recommend("nobody", "p03", context="product", sources=("similar",), limit=4)
    assert set(skus(found)) <= {one.partition(":")[2] for one in alike[:14]}
    assert "p03" not in skus(found)
    assert found.results[0].source == "similar"
    reason = found.results[0].reasons[0]
    assert (reason.text, reason.product_id) == ("Looks like Red bowl Dune".replace(
        "bowl", "mug"), "acme:p03")  # fmt: skip


def test_one_event_counts_at_the_very_next_request(
    recommend: Recommend, shoppers: Shoppers
) -> None:
    user = name()
    shoppers.did(user, "view_item", "p07")
    found = recommend(user, limit=18)
    assert found.known
    bought_for = [one for one in found.results if one.source == "for_you"]
    assert bought_for
    assert bought_for[0].reasons[0].text == "Because you viewed Blue bowl Hazel"
    assert bought_for[0].reasons[0].product_id == "acme:p07"
    again = [one for one in found.results if one.product.id == "acme:p07"]
    assert [one.source for one in again] == ["recently_viewed"]
    assert "for_you" not in again[0].sources


def test_all_interests_and_the_page_are_one_call_of_the_index(
    shop: Platform, recommend: Recommend, shoppers: Shoppers, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = name()
    for one in ("p01", "p02", "p05", "p08", "p11", "p13", "p14", "p15", "p16"):
        shoppers.did(user, "add_to_cart", one)
    calls: list[int] = []
    search = VectorIndex.search

    def counted(self: VectorIndex, collection: str, vectors: Any, **how: Any) -> Any:
        calls.append(len(vectors))
        return search(self, collection, vectors, **how)

    monkeypatch.setattr(VectorIndex, "search", counted)
    found = recommend(user, "p04", "p10", context="cart", limit=10)
    interests = len(shop.profiles.of(who_is(shop, user), found.model.digest).interests)
    assert interests > 1
    assert calls == [interests + 2]


def test_what_was_bought_does_not_come_back(
    shop: Platform, recommend: Recommend, shoppers: Shoppers
) -> None:
    user = name()
    shoppers.did(user, "view_item", "p02", "p03")
    shoppers.did(user, "purchase", "p02", "p09")
    assert not {"p02", "p09"} & set(skus(recommend(user, limit=18)))
    assert not {"p02", "p09"} & set(skus(recommend(user, "p03", context="product", limit=18)))
    used_up = varied(shop, replenishable_categories=["home/kitchen/mugs"])
    assert {"p02", "p09"} & set(skus(used_up(user, limit=18))) == {"p02"}
    long_ago = varied(shop, bought_days=0)
    assert {"p02", "p09"} <= set(skus(long_ago(user, limit=18)))


def test_what_is_hidden_excluded_or_on_the_page_is_never_shown(
    recommend: Recommend, shoppers: Shoppers
) -> None:
    user = name()
    shoppers.did(user, "view_item", "p00", "p06")
    shoppers.did(user, "hide_item", "p01")
    found = recommend(user, "p06", "p07", context="cart", exclude_ids=("p00", "never"), limit=18)
    assert len(found.results) == 14
    assert not {"p00", "p01", "p06", "p07"} & set(skus(found))


def test_what_was_seen_lately_can_be_left_out(recommend: Recommend, shoppers: Shoppers) -> None:
    user = name()
    shoppers.did(user, "view_item", "p00")
    first = recommend(user, limit=6)
    assert not set(skus(first)) & set(skus(recommend(user, limit=12, exclude_seen_days=1)))
    # The second answer was seen as well: with the first, all of the shop.
    assert recommend(user, limit=12, exclude_seen_days=1).results == []
    assert recommend(user, limit=12).results


def test_a_filter_that_leaves_little_fills_the_page_with_it(
    recommend: Recommend, shoppers: Shoppers
) -> None:
    user = name()
    shoppers.did(user, "view_item", "p17")
    red = recommend(user, filter={"attributes.color": "red"}, limit=6)
    assert [one.product.attributes["color"] for one in red.results] == ["red"] * 6
    assert "for_you" in {source for one in red.results for source in one.sources}
    narrow = recommend(user, filter={"category": "home", "price": {"lt": 12}}, limit=6)
    assert sorted(skus(narrow)) == ["p00", "p01"]
    assert recommend(user, filter={"brand": "Nobody"}, limit=6).results == []


def test_a_seller_does_not_see_its_own(shop: Platform, recommend: Recommend) -> None:
    assert recommend("nobody", exclude_seller="acme").results == []
    assert recommend("nobody", exclude_seller="other").results


def test_an_empty_a_full_and_a_cart_of_what_is_gone_are_carts(recommend: Recommend) -> None:
    assert recommend("nobody", context="cart", limit=3).results
    assert recommend("nobody", "gone", context="cart", limit=3).results
    full = (*(f"p{number:02}" for number in range(16)), *(f"gone-{at}" for at in range(84)))
    assert skus(recommend("nobody", *full, context="cart", limit=3)) == ["p16", "p17"]


def test_a_product_outlives_the_picture_that_was_found(
    shop: Platform, recommend: Recommend, shoppers: Shoppers
) -> None:
    user = name()
    shoppers.did(user, "view_item", "p04")
    shop.catalog.put("acme", "two", listing(title="Two"), [jpeg(60), jpeg(4)])
    worked_off(shop)
    pictures = shop.catalog.get("acme:two").images

    def shown() -> str:
        found = recommend(user, sources=("for_you",), limit=18).results
        return next(one.image.id for one in found if one.product.sku == "two")

    assert shown() == pictures[1].id
    # The index still knows the one that is nearest to what was viewed.
    shop.catalog.put("acme", "two", listing(title="Two"), [jpeg(60)])
    assert shown() == pictures[0].id
    shop.catalog.delete("acme", "two")


def test_out_of_stock_deleted_copied_and_cold_items(
    shop: Platform, recommend: Recommend, shoppers: Shoppers
) -> None:
    """Last: it changes the shop."""
    user = name()
    shoppers.did(user, "view_item", "p04")
    catalog = shop.catalog
    catalog.put("acme", "p05", listing(availability="out_of_stock"), [jpeg(5)])
    catalog.delete("acme", "p06")
    # Nothing is worked off yet: Postgres is the last gate.
    assert not {"p05", "p06"} & set(skus(recommend(user, limit=18)))
    catalog.put("acme", "copy", listing(title="Copy"), [jpeg(4)])
    catalog.put("acme", "cold", listing(title="Cold"), [jpeg(44)])
    worked_off(shop)
    found = recommend(user, limit=18)
    assert "cold" in skus(found)
    assert len({"p04", "copy"} & set(skus(found))) == 1
    on_page = recommend(user, "p04", context="product", limit=18)
    assert "copy" not in skus(on_page)
    assert "cold" in skus(on_page)


def test_a_collection_made_anew_answers_the_next_request(
    shop: Platform, recommend: Recommend, shoppers: Shoppers
) -> None:
    user = name()
    shoppers.did(user, "view_item", "p08")
    before = recommend(user, sources=("for_you",), limit=6)
    rebuild(shop.ingest)
    with shop.sessions.begin() as session:
        # As if another model had grouped what they like.
        worked_off(shop)
        session.execute(update(ProfileRow).values(model="another", body={}))
    after = recommend(user, sources=("for_you",), limit=6)
    assert before.results
    assert set(skus(after)) & set(skus(before))
    assert after.degraded is None
