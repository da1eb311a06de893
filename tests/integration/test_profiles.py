"""Profiles through the real intake and the real work: fresh, the same however events come, gone."""

import random
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import text
from werkzeug.test import TestResponse

from tests.integration.conftest import listing
from tests.integration.profiles import (
    did,
    ids,
    model_of,
    profile,
    refresh,
    send,
    stored,
)
from tests.integration.shop import opened, sku
from tests.integration.shoppers import person, who_is
from tests.pictures import jpeg
from vitrine import work
from vitrine.api.app import create_app
from vitrine.assembly import Platform
from vitrine.catalog.keys import create_key
from vitrine.catalog.service import Catalog
from vitrine.decisions.event_rows import write_events
from vitrine.decisions.models import USER
from vitrine.decisions.people import Who
from vitrine.decisions.retention import Kept, keep_behaviour, kept_since
from vitrine.ingest.drain import drain
from vitrine.ingest.parts import Parts
from vitrine.recommend.models import ProfileRow
from vitrine.recommend.profile import Profile
from vitrine.recommend.profiles import Profiles
from vitrine.recommend.weights import EventWeights
from vitrine.wire.profiles import ProfileOut

WorkOff = Callable[[], int]
VISITOR = "a-visitor-of-this-shop"


HISTORY = [
    *(did("view_item", number, 600 - 30 * number) for number in range(6)),
    did("view_item", 12, 300),
    did("view_item", 13, 280),
    did("add_to_cart", 12, 270),
    did("purchase", 12, 260, quantity=2),
    did("refund", 12, 100, quantity=1),
    did("purchase", 1, 90),
    did("refund", 1, 80),
    did("purchase", 3, 75, order="T1"),
    did("refund", None, 70, order="T1"),
    did("rate_item", 13, 60, rating=5),
    did("hide_item", 4, 50),
    did("view_item_list", 9, 40),
]


@pytest.fixture
def shop(platform: Platform) -> Platform:
    return opened(platform)


def test_an_event_counts_at_once_and_is_stored_by_the_worker(shop: Platform) -> None:
    send(shop, *HISTORY, user_id="ada")
    assert stored(shop, "ada") is None, "nobody has worked yet"
    fresh = profile(shop, "ada")
    assert set(fresh.viewed) == ids(shop, 0, 1, 2, 3, 4, 5, 12, 13)
    assert set(fresh.bought) == ids(shop, 12) and set(fresh.hidden) == ids(shop, 4)
    assert fresh.interests and fresh.dislikes
    assert refresh(shop) == 1
    assert stored(shop, "ada") == fresh.to_json()
    assert profile(shop, "ada") == fresh
    send(shop, did("view_item", 17, 1), user_id="ada")
    assert ids(shop, 17) <= set(profile(shop, "ada").viewed)
    assert stored(shop, "ada") == fresh.to_json(), "what the api makes, it does not store"


def test_a_profile_does_not_wait_until_all_listings_are_done(
    shop: Platform, catalog: Catalog
) -> None:
    for number in range(30, 34):
        catalog.put("acme", sku(number), listing(), [jpeg(number)])
    send(shop, *HISTORY, user_id="ada")

    def embed(parts: Parts, claims: Sequence[work.Claim]) -> None:
        done.append(stored(shop, "ada") is not None)
        shop.handlers[work.EMBED].run(parts, claims)

    done: list[bool] = []
    handlers = {**shop.handlers, work.EMBED: replace(shop.handlers[work.EMBED], run=embed)}
    assert drain(shop.ingest, work.EMBED, handlers=handlers, first=(work.PROFILE,)) == 4
    assert done == [True]


def test_order_doubles_lateness_batches_and_a_login_change_nothing(shop: Platform) -> None:
    send(shop, *HISTORY, user_id="ada")
    refresh(shop)
    chance = random.Random(5)
    events = [*HISTORY, *chance.sample(HISTORY, 8)]
    # The first half by somebody unknown, who logs in later; all that out of order, bit by bit.
    unknown = {one["event_id"] for one in HISTORY[:7]}
    chance.shuffle(events)
    while events:
        for one in [events.pop() for _ in range(min(3, len(events)))]:
            visitor = {"client_id": VISITOR}
            who = visitor if one["event_id"] in unknown else {"user_id": "eve"}
            send(shop, one, **who)
        if chance.random() < 0.5:
            refresh(shop)
    assert profile(shop, VISITOR).events == 7
    assert profile(shop, "eve").events == len(HISTORY) - 1 - 7
    send(shop, did("view_item_list", 9, 700), user_id="eve", client_id=VISITOR)
    assert profile(shop, "eve").to_json() == profile(shop, "ada").to_json()
    refresh(shop)
    assert profile(shop, "eve").to_json() == profile(shop, "ada").to_json()
    for name in ("ada", "eve"):
        before = stored(shop, name)
        assert before is not None
        with shop.sessions.begin() as session:
            one = person(shop, name)
            session.execute(text("delete from profiles where person_id = :id"), {"id": one})
            assert shop.profiles.refresh(session, one)
        assert stored(shop, name) == before, "made anew it is the same"


def test_other_weights_another_model_or_a_product_that_is_gone_make_it_anew(
    shop: Platform, catalog: Catalog
) -> None:
    send(shop, *HISTORY, user_id="ada")
    refresh(shop)
    heavier = EventWeights.of({"view_item": 50}, half_life_days=30, events=1000)
    other = Profiles(shop.reading.connect, heavier)
    ada = who_is(shop, "ada")
    assert other.of(ada, model_of(shop)).categories != profile(shop, "ada").categories
    unknown = shop.profiles.of(ada, "a model that nobody has")
    assert unknown.interests == [] and unknown.viewed
    fewer = Profiles(shop.reading.connect, EventWeights(events=3)).of(ada, model_of(shop))
    assert not fewer.viewed and set(fewer.hidden) == ids(shop, 4), "only the last three deeds stand"
    more = Profiles(shop.reading.connect, EventWeights(events=9)).of(ada, model_of(shop))
    assert len(more.viewed) < 8 and set(more.bought) == ids(shop, 12)
    assert shop.profiles.owe_outdated(shop.sessions) == 0
    assert other.owe_outdated(shop.sessions) == 1
    assert other.owe_outdated(shop.sessions) == 0, "it is owed already"
    assert drain(shop.ingest, work.REMAKE, handlers={work.REMAKE: other.handler}) == 1
    assert stored(shop, "ada") == other.of(ada, model_of(shop)).to_json()

    gone = ids(shop, 13)
    catalog.delete("acme", sku(13))
    send(shop, did("view_item", 0, 1), user_id="ada")
    found = profile(shop, "ada")
    assert not gone & set(found.viewed)
    assert not any(gone & set(one.products) for one in found.interests)


def test_neither_who_is_gone_nor_what_was_given_up_holds_up_anybody(shop: Platform) -> None:
    send(shop, *HISTORY, user_id="ada")
    send(shop, *HISTORY, user_id="eve")
    eve = person(shop, "eve")
    with shop.sessions.begin() as session:
        session.execute(text("delete from people where id = :id"), {"id": eve})
    assert refresh(shop) == 2
    assert stored(shop, "ada") is not None
    with shop.sessions() as session:
        assert session.get(ProfileRow, eve) is None
        assert work.pending_keys(session, work.PROFILE, [eve, person(shop, "ada")]) == set()
    gone = Who(eve, USER, (eve,))
    assert shop.profiles.of(gone, model_of(shop)) == Profile(model_of(shop))

    # A profile that was given up is still made for who asks.
    send(shop, did("view_item", 16, 3), user_id="ada")
    ada = who_is(shop, "ada")
    handler = shop.profiles.handler
    with shop.sessions.begin() as session:
        claims = work.claim(session, work.PROFILE, limit=9, lease_seconds=60, fresh=True)
        handler.give_up(session, claims, "This failed 5 times on our side.")
    with shop.sessions() as session:
        assert work.backlog(session)[work.PROFILE] == (0, 1)
    assert ids(shop, 16) <= set(profile(shop, "ada").viewed)
    send(shop, did("view_item", 0, 1), user_id="ada")
    assert refresh(shop) == 1, "the next event owes it anew"
    assert stored(shop, "ada") == shop.profiles.of(ada, model_of(shop)).to_json()


def test_an_event_that_came_before_a_login_and_is_told_again_after_it_counts_once(
    shop: Platform,
) -> None:
    once = did("purchase", 1, 50, quantity=1)
    send(shop, once, client_id=VISITOR)
    send(shop, did("view_item", 2, 40), client_id=VISITOR, user_id="ada")
    send(shop, once, client_id=VISITOR, user_id="ada")
    assert profile(shop, "ada").events == 2
    send(shop, did("refund", 1, 48, quantity=1), user_id="ada")
    assert not profile(shop, "ada").bought
    # What a browser and the server tell of one order, each by an id of its own.
    send(shop, did("purchase", 1, 45, quantity=1, order="T1"), client_id=VISITOR)
    send(shop, did("purchase", 1, 44, quantity=1, order="T1"), user_id="ada")
    assert profile(shop, "ada").events == 4
    send(shop, did("refund", 1, 30, quantity=1), user_id="ada")
    assert not profile(shop, "ada").bought


def test_what_a_browser_did_while_its_user_logged_in_is_in_the_users_profile(
    shop: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    send(shop, did("view_item", 0, 90), client_id=VISITOR)
    send(shop, did("view_item", 1, 80), user_id="ada")
    refresh(shop)
    told, logged_in = threading.Event(), threading.Event()

    def slow(*args: Any, **values: Any) -> None:
        write_events(*args, **values)
        told.set()
        assert logged_in.wait(20)

    monkeypatch.setattr("vitrine.decisions.intake.write_events", slow)
    sending = threading.Thread(
        target=send, args=(shop, did("purchase", 2, 70)), kwargs={"client_id": VISITOR}
    )
    sending.start()
    assert told.wait(20)
    monkeypatch.setattr("vitrine.decisions.intake.write_events", write_events)
    # The login is committed, and its profiles are stored, before that event is.
    send(shop, did("view_item", 3, 60), client_id=VISITOR, user_id="ada")
    refresh(shop)
    logged_in.set()
    sending.join(20)
    assert set(profile(shop, "ada").bought) == ids(shop, 2), "it is owed under the browser"
    refresh(shop)
    assert stored(shop, "ada") == profile(shop, "ada").to_json()
    assert set(profile(shop, "ada").bought) == ids(shop, 2)


def test_a_profile_forgets_what_is_no_longer_kept(shop: Platform) -> None:
    send(shop, did("view_item", 1, 6 * 24 * 60), did("view_item", 2, 60), user_id="ada")
    send(shop, did("view_item", 2, 60), user_id="eve")
    refresh(shop)
    now = datetime.now(UTC)
    keep_behaviour(shop.sessions, Kept(event_days=5, decision_days=5), now=now)
    since = kept_since(now, 5)
    assert shop.profiles.owe_too_old(shop.sessions, since) == 1
    assert shop.profiles.owe_too_old(shop.sessions, since) == 0, "it is owed already"
    assert drain(shop.ingest, work.REMAKE, handlers=shop.handlers) == 1
    assert shop.profiles.owe_too_old(shop.sessions, since) == 0
    body = stored(shop, "ada")
    assert body == profile(shop, "ada").to_json()
    assert [product for product, _ in body["viewed"]] == list(ids(shop, 2))


def test_it_is_told_in_words_and_pictures_to_admins_alone(shop: Platform, catalog: Catalog) -> None:
    client = create_app(shop).test_client()

    def get(path: str, role: str = "admin") -> TestResponse:
        return client.get(path, headers={"Authorization": f"Bearer {keys[role]}"})

    with shop.sessions.begin() as session:
        keys = {
            "admin": create_key(session, "admin")[1],
            "storefront": create_key(session, "storefront")[1],
        }
    send(shop, *HISTORY, user_id="ada")
    assert get("/v1/users/ada/profile", "storefront").status_code == 403
    assert get("/v1/users/ada/profile/picture", "storefront").status_code == 403
    assert get("/v1/users/nobody/profile").status_code == 404
    assert get("/v1/users/no%00body/profile").status_code == 404
    found = ProfileOut.model_validate(get("/v1/users/ada/profile").json)
    assert found.events == len(HISTORY) - 1
    assert [one.id for one in found.hidden] == [f"acme:{sku(4)}"]
    assert [one.id for one in found.bought] == [f"acme:{sku(12)}"]
    assert "Hid 1 product." in found.words
    stands = found.interests[0].product
    assert stands.image is not None and client.get(stands.image.url).status_code == 200
    assert sum(one.count for one in found.interests) == 7, "what was liked, but for the hidden one"
    send(shop, did("view_item", 17, 1), user_id="ada")
    viewed = ProfileOut.model_validate(get("/v1/users/ada/profile").json).viewed
    assert viewed[0].id == f"acme:{sku(17)}", "an event counts at the very next request"
    drawn = get(found.picture)
    assert drawn.content_type == "image/png" and "no-store" in drawn.headers["Cache-Control"]
    # What is deleted is gone from every answer at once, the medoid too.
    catalog.delete("acme", stands.id.partition(":")[2])
    assert stands.id not in get("/v1/users/ada/profile").text
