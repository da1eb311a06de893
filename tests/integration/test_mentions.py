"""Events and the product that they name: listed after them, listed again, embedded after them."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from tests.integration.conftest import listing
from tests.integration.profiles import did, ids, profile, refresh, send, stored
from tests.integration.shop import opened, sku
from tests.integration.shoppers import asking, person, skus
from tests.pictures import jpeg
from vitrine import work
from vitrine.assembly import Platform
from vitrine.catalog.service import Catalog
from vitrine.decisions.event_rows import write_events
from vitrine.ingest.drain import drain
from vitrine.recommend.rollups import roll_up

WorkOff = Callable[[], int]


@pytest.fixture
def shop(platform: Platform) -> Platform:
    return opened(platform)


def due_now(shop: Platform) -> None:
    """Let what waits to be gathered be due."""
    with shop.sessions.begin() as session:
        session.execute(text("update work set due_at = now() where due_at < 'infinity'"))


def drained(shop: Platform, kind: str) -> int:
    return drain(shop.ingest, kind, handlers=shop.handlers)


def test_what_was_bought_or_hidden_stays_away_when_it_is_listed_again(
    shop: Platform, catalog: Catalog, work_off: WorkOff
) -> None:
    send(
        shop, did("purchase", 1, 30), did("hide_item", 2, 20), did("view_item", 0, 9), user_id="ada"
    )
    refresh(shop)
    for number in (1, 2):
        catalog.delete("acme", sku(number))
    work_off()
    for number in (1, 2):
        catalog.put("acme", sku(number), listing(title=f"Again {number}"), [jpeg(number)])
    # A worker does this before the first of their pictures can be found.
    assert drained(shop, work.MENTIONS) == 2
    assert set(profile(shop, "ada").bought) == ids(shop, 1)
    work_off()
    found = asking(shop.recommender)("ada", limit=18)
    assert len(found.results) == 16 and not {"p01", "p02"} & set(skus(found))
    assert stored(shop, "ada") != profile(shop, "ada").to_json(), "it is gathered for a while"
    due_now(shop)
    assert drained(shop, work.REMAKE) == 1
    assert stored(shop, "ada") == profile(shop, "ada").to_json()


def test_events_that_come_before_their_product_count_from_then_on(
    shop: Platform, catalog: Catalog, work_off: WorkOff
) -> None:
    early = [did("view_item", 40, 90), did("purchase", 41, 80)]
    send(shop, *early, client_id="a-browser-of-ada-1")
    send(shop, did("view_item", 3, 1), client_id="a-browser-of-ada-1", user_id="ada")
    work_off()
    assert not ids(shop, 40) and len(profile(shop, "ada").viewed) == 1
    for number in (40, 41):
        catalog.put("acme", sku(number), listing(title=f"Late {number}"), [jpeg(number)])
    work_off()
    due_now(shop)
    work_off()
    for name in ("ada", "a-browser-of-ada-1"):
        body = stored(shop, name)
        assert body == profile(shop, name).to_json()
        assert {product for product, _ in body["viewed"]} >= ids(shop, 40)
        assert {product for one in body["interests"] for product in one["products"]} >= ids(
            shop, 40
        )
    with shop.sessions.begin() as session:
        wanted = text("select score from trends where product_id = any(:ids)")
        roll_up(shop.sessions, shop.event_weights, shop.rollup_bounds)
        assert len(session.execute(wanted, {"ids": list(ids(shop, 40, 41))}).all()) == 2


def test_an_interest_is_found_once_a_picture_has_its_vector(
    shop: Platform, catalog: Catalog, work_off: WorkOff
) -> None:
    catalog.put("acme", sku(40), listing(title="Slow"), [jpeg(40)])
    send(shop, did("view_item", 40, 5), user_id="ada")
    refresh(shop)
    assert profile(shop, "ada").viewed and not profile(shop, "ada").interests
    work_off()
    assert [one.products for one in profile(shop, "ada").interests] == [list(ids(shop, 40))]
    due_now(shop)
    work_off()
    assert stored(shop, "ada") == profile(shop, "ada").to_json()


def test_who_only_saw_it_in_a_list_is_left_alone(
    shop: Platform, catalog: Catalog, work_off: WorkOff
) -> None:
    send(shop, did("view_item_list", 40, 5), user_id="ada")
    work_off()
    catalog.put("acme", sku(40), listing(), [jpeg(40)])
    work_off()
    with shop.sessions() as session:
        assert not work.pending_keys(session, work.REMAKE, [person(shop, "ada")])


def test_events_that_are_being_taken_in_while_their_product_is_listed_find_it(
    shop: Platform, catalog: Catalog, work_off: WorkOff, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slow(*args: Any, **values: Any) -> None:
        catalog.put("acme", sku(40), listing(), [jpeg(40)])
        work_off()
        write_events(*args, **values)

    monkeypatch.setattr("vitrine.decisions.intake.write_events", slow)
    send(shop, did("purchase", 40, 5), user_id="ada")
    assert drained(shop, work.MENTIONS) == 1
    assert set(profile(shop, "ada").bought) == ids(shop, 40)


def test_a_product_that_many_know_is_found_bit_by_bit_and_holds_up_no_shopper(
    shop: Platform, catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vitrine.recommend.mentions._EVENTS_AT_ONCE", 4)
    for at in range(10):
        send(shop, did("view_item", 40, 50 + at), user_id=f"user-{at}")
    refresh(shop)
    catalog.put("acme", sku(40), listing(), [jpeg(40)])
    assert drained(shop, work.MENTIONS) == 1
    with shop.sessions() as session:
        found = text("select count(*) from events where product_id = any(:ids)")
        assert session.execute(found, {"ids": list(ids(shop, 40))}).scalar_one() == 10
        assert work.backlog(session)[work.REMAKE] == (10, 0)
    due_now(shop)
    send(shop, did("view_item", 3, 1), user_id="ada")
    assert refresh(shop) == 1, "who did something is before all of them"


def test_another_first_picture_may_be_of_another_interest(
    shop: Platform, catalog: Catalog, work_off: WorkOff
) -> None:
    send(shop, did("view_item", 3, 5), user_id="ada")
    work_off()
    for pictures, owed in (([3, 60], True), ([60, 3], True), ([60, 3], False), ([60], True)):
        catalog.put("acme", sku(3), listing(title="Another"), [jpeg(one) for one in pictures])
        work_off()
        with shop.sessions() as session:
            ada = [person(shop, "ada")]
            assert bool(work.pending_keys(session, work.REMAKE, ada)) is owed, pictures
        due_now(shop)
        work_off()
        assert stored(shop, "ada") == profile(shop, "ada").to_json()


def test_what_is_owed_to_be_gathered_holds_up_nothing_that_is_due(shop: Platform) -> None:
    with shop.sessions.begin() as session:
        work.owe(session, "profile", [1, 2], wait_seconds=60)
        work.owe(session, "profile", [2])
        work.owe(session, "profile", [2, 3], wait_seconds=60)
    with shop.sessions.begin() as session:
        claims = work.claim(session, "profile", limit=9, lease_seconds=60, fresh=True)
        waits = text("select max(due_at - now()) from work")
        assert [one.key for one in claims] == ["2"]
        assert timedelta(seconds=50) < session.execute(waits).scalar_one() < timedelta(seconds=70)
