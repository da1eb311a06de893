"""Erasing a person, and handing over what is kept of them, on a real PostgreSQL."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import insert, select, text
from sqlalchemy.event import listen

from tests.integration.shoppers import person
from vitrine.ads.models import (
    AdDecision,
    AdEvent,
    AdSlot,
    Advertiser,
    AdvertiserMember,
    Conversion,
)
from vitrine.api.app import create_app
from vitrine.assembly import Platform, assemble
from vitrine.catalog.keys import create_key
from vitrine.decisions.history import read_history
from vitrine.decisions.incoming import digest_of
from vitrine.decisions.logins import Claim, log_in
from vitrine.decisions.models import (
    ANONYMOUS,
    USER,
    Decision,
    Event,
    EventId,
    Feedback,
    Login,
    Person,
)
from vitrine.decisions.people import Who, ensure, resolve
from vitrine.decisions.tokens import Shown, TokenSigner
from vitrine.errors import NotFound
from vitrine.recommend.erasure import erase
from vitrine.recommend.models import ProfileRow
from vitrine.settings import Settings
from vitrine.wire.events import EventBatch, EventsTaken

NOW = datetime.now(UTC)


@pytest.fixture
def platform(settings: Settings) -> Iterator[Platform]:
    """An empty shop; no picture is embedded here."""
    built = assemble(settings)
    yield built
    built.engine.dispose()
    built.redis.close()


@pytest.fixture
def api(platform: Platform) -> FlaskClient:
    with platform.sessions.begin() as session:
        key = create_key(session, "admin")[1]
    client = create_app(platform).test_client()
    client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {key}"
    return client


def view(key: str, minutes: float = 60, token: str = "", **who: str) -> dict[str, Any]:
    micros = round((NOW - timedelta(minutes=minutes)).timestamp() * 1e6)
    item = {"item_id": "acme:mug", **({"token": token} if token else {})}
    params = {"items": [item]}
    return {
        "name": "view_item", "event_id": key, "timestamp_micros": micros, "params": params, **who
    }  # fmt: skip


def take(platform: Platform, *events: Any) -> EventsTaken:
    return platform.intake.take(EventBatch.model_validate({"events": list(events)}))


def show(platform: Platform, decision: str, person_id: int | None) -> str:
    """Record an answer of one slot, and return the token of that."""
    values = {"kind": "recommendation", "model": "m", "products": [7], "sources": ["new"]}
    with platform.sessions.begin() as session:
        session.execute(
            insert(Decision).values(
                id=decision,
                person_id=person_id,
                propensities=[1.0],
                **values,
                features=b"\x00\x3c\x00\x40",
            )
        )
    signer = TokenSigner(platform.settings.secret_key)
    issued = int(NOW.timestamp())
    return signer.sign(Shown("k", decision, "recommendation", "acme:mug", 0, "m", issued))


def advertise(platform: Platform, decision: str, person_id: int | None) -> None:
    """Show an ad, which is seen, and after which something is bought."""
    of = {"campaign_id": 1, "creative_id": 1, "person_id": person_id, "placement": "top"}
    money = dict.fromkeys(("bid_micros", "price_micros", "expected_micros"), 1)
    slot = {"decision": decision, "position": 1, "at": NOW, **of}
    told = {"event": "click", "probability": 0.01, "relevance": 0.5}
    auction = {"key_id": "k", "placement": "top", "seed": 1, "model": "m", "click_model": 0}
    with platform.sessions.begin() as session:
        session.execute(
            insert(AdDecision).values(
                id=decision, at=NOW, person_id=person_id, **auction, context={"text": "mugs"},
                trace={},
            )
        )  # fmt: skip
        session.execute(insert(AdSlot).values(**slot, **money, **told))
        session.execute(insert(AdEvent).values(**slot, kind="impression"))
        sold = {"key": f"of {decision}", "at": NOW, "value_micros": 5, "person_id": person_id}
        session.execute(insert(Conversion).values(**sold))


def counts(platform: Platform) -> dict[str, int]:
    tables = (Person, Login, Event, EventId, Decision, Feedback, ProfileRow)
    with platform.sessions() as session:
        found = {
            str(table.__tablename__): len(session.execute(select(table)).all()) for table in tables
        }
        return {**found, "work": session.execute(text("select count(*) from work")).scalar_one()}


def shop(platform: Platform) -> None:
    """Ada with two browsers, of which Bob borrowed one; and Bob."""
    take(
        platform,
        view("e1", 90, client_id="ada-1"),
        view("e2", 80, client_id="ada-1", user_id="ada"),
        view("e3", 70, client_id="ada-2", user_id="ada"),
        view("e4", 60, client_id="ada-2"),
        view("e5", 50, client_id="ada-2", user_id="bob"),
        view("e6", 40, client_id="bob-1"),
        view("e7", 30, client_id="bob-1", user_id="bob"),
    )
    ada, bob = person(platform, "ada"), person(platform, "bob")
    for decision, who in (("d-ada", ada), ("d-visitor", ada), ("d-bob", bob)):
        token = show(platform, decision, who)
        take(platform, view(decision, 20, token, user_id="ada" if who == ada else "bob"))
    with platform.sessions.begin() as session:
        for who in (ada, bob):
            session.execute(insert(ProfileRow).values(person_id=who, model="m", made="1", body={}))


def test_all_that_hangs_on_a_person_goes_and_nothing_else(platform: Platform) -> None:
    shop(platform)
    erased = erase(platform.sessions, "ada")
    assert erased.model_dump() == {
        "user": "ada", "visitors": 2, "events": 6, "decisions": 2, "feedback": 2, "profiles": 1,
        "ads": 0,
    }  # fmt: skip
    assert counts(platform) == {
        "people": 2, "logins": 1, "events": 4, "event_ids": 10, "decisions": 1, "feedback": 1,
        "profiles": 1, "work": 2,
    }  # fmt: skip
    with platform.sessions() as session:
        assert resolve(session, "ada-1") is resolve(session, "ada-2") is None
        borrowed = session.scalars(select(Event).where(Event.anonymous_id.is_(None))).all()
    assert {one.user_id for one in borrowed} == {person(platform, "bob")}


def test_what_advertisers_pay_for_stays_and_is_nobodys(
    platform: Platform, api: FlaskClient
) -> None:
    shop(platform)
    ada = person(platform, "ada")
    with platform.sessions() as session:
        browser = session.scalars(select(Person.id).where(Person.name == "ada-1")).one()
    for decision, who in (
        ("a-ada", ada),
        ("a-browser", browser),
        ("a-bob", person(platform, "bob")),
    ):
        advertise(platform, decision, who)
    with platform.sessions.begin() as session:
        session.execute(insert(Advertiser).values(id="acme", name="Acme"))
        session.execute(insert(AdvertiserMember).values(advertiser_id="acme", person_id=browser))
    whole = api.get("/v1/users/ada/export").get_json()
    assert [(one["decision"], one["client_id"]) for one in whole["ads"]] == [
        ("a-ada", None), ("a-browser", "ada-1")
    ]  # fmt: skip
    assert whole["ads"][0]["context"] == {"text": "mugs"}
    assert [one["kind"] for one in whole["ads"][0]["events"]] == ["impression"]
    assert [one["client_id"] for one in whole["conversions"]] == [None, "ada-1"]
    assert "of a-ada" not in str(whole["conversions"]), "what an order is called is not kept"
    assert whole["advertisers"] == ["acme"]
    parts = ("events", "decisions", "ads", "conversions")
    for limit in (1, 3, 9):
        found: dict[str, list[Any]] = {part: [] for part in parts}
        cursor = ""
        while cursor is not None:
            query = {"limit": limit, "cursor": cursor}
            page = api.get("/v1/users/ada/export", query_string=query).get_json()
            assert sum(len(page[part]) for part in parts) <= limit
            for part in parts:
                found[part] += page[part]
            cursor = page["next_cursor"]
        assert found == {part: whole[part] for part in parts}
    assert erase(platform.sessions, "ada").ads == 2
    with platform.sessions() as session:
        assert session.scalars(select(AdDecision.id)).all() == ["a-bob"]
        for table in (AdSlot, AdEvent, Conversion):
            left = session.scalars(select(table.person_id)).all()
            assert sorted(left, key=str) == [person(platform, "bob"), None, None]


def test_a_browser_called_like_a_user_goes_with_the_user(
    platform: Platform, api: FlaskClient
) -> None:
    shop(platform)
    # Whoever holds a key of a page may call a browser so.
    take(platform, view("fake", client_id="ada"), view("his", client_id="ada-3", user_id="ada"))
    exported = api.get("/v1/users/ada-3/export").get_json()
    assert "ada" in {one["client_id"] for one in exported["events"]}
    erased = erase(platform.sessions, "ada-3")
    assert (erased.user, erased.visitors, erased.events) == ("ada-3", 4, 8)
    with platform.sessions() as session:
        names = {(one.kind, one.name) for one in session.scalars(select(Person))}
    assert names == {(USER, "bob"), (ANONYMOUS, "bob-1")}


def test_a_browser_of_another_user_that_is_called_like_one_gets_another_name(
    platform: Platform, api: FlaskClient
) -> None:
    shop(platform)
    take(platform, view("1", client_id="ada"), view("2", client_id="ada", user_id="bob"))
    bob = person(platform, "bob")
    with platform.sessions() as session:
        before = read_history(session, bob, limit=99)
    exported = api.get("/v1/users/ada/export").get_json()
    assert "ada" not in {one["client_id"] for one in exported["events"]}
    assert erase(platform.sessions, "ada").events == 6
    with platform.sessions() as session:
        assert read_history(session, bob, limit=99) == before
        names = set(session.scalars(select(Person.name)))
    assert "ada" not in names and {"bob", "bob-1"} < names and len(names) == 3


def test_an_answer_to_what_was_shown_to_another_stays_theirs(platform: Platform) -> None:
    for name in ("dan", "kim"):
        take(platform, view(f"first of {name}", user_id=name))
    token = show(platform, "d-dan", person(platform, "dan"))
    strangers = show(platform, "d-nobody", None)
    # Dan shared the address of a product that was shown to him.
    take(
        platform,
        view("k1", token=token, user_id="kim"),
        view("d1", token=token, user_id="dan"),
        view("k2", token=strangers, user_id="kim"),
    )
    assert counts(platform)["feedback"] == 2
    assert erase(platform.sessions, "kim").feedback == 1
    with platform.sessions() as session:
        assert session.scalars(select(Feedback.decision)).all() == ["d-dan"]
    assert erase(platform.sessions, "dan").feedback == 1


def test_events_that_are_sent_again_bring_nobody_back(platform: Platform) -> None:
    shop(platform)
    erase(platform.sessions, "ada")
    again = take(platform, view("e2", 80, client_id="ada-1", user_id="ada"))
    assert (again.accepted, again.duplicates) == (0, 1)
    with pytest.raises(NotFound, match="Nothing is kept"):
        erase(platform.sessions, "ada")


def test_a_browser_that_logged_in_stands_for_its_user(platform: Platform) -> None:
    shop(platform)
    take(platform, view("alone", client_id="nobody-1"))
    assert erase(platform.sessions, "ada-2").events == 6
    assert erase(platform.sessions, "nobody-1").model_dump(include={"visitors", "events"}) == {
        "visitors": 1, "events": 1
    }  # fmt: skip


def test_events_that_come_in_meanwhile_are_erased_or_of_somebody_new(platform: Platform) -> None:
    take(platform, view("first", user_id="ada"))
    stop = threading.Event()
    accepted: list[int] = []

    def send() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            sent = [view(f"e{number}", user_id="ada", client_id=f"v{number % 3}")]
            accepted.append(take(platform, *sent).accepted)

    sending = threading.Thread(target=send)
    sending.start()
    erased = 0
    try:
        while erased < 10:
            try:
                erase(platform.sessions, "ada")
                erased += 1
            except NotFound:
                continue
    finally:
        stop.set()
        sending.join()
    assert sum(accepted) == len(accepted) > 0, "no event failed"
    with platform.sessions() as session:
        lost = text("select count(*) from events where user_id not in (select id from people)")
        assert session.execute(lost).scalar_one() == 0


def test_a_profile_that_is_being_made_does_not_come_back(platform: Platform) -> None:
    shop(platform)
    ada = person(platform, "ada")
    with platform.sessions.begin() as working:
        assert platform.profiles.refresh(working, ada)
        erasing = threading.Thread(target=erase, args=(platform.sessions, "ada"))
        erasing.start()
        erasing.join(0.2)
        assert erasing.is_alive(), "it waits for the worker"
    erasing.join(10)
    with platform.sessions.begin() as working:
        assert not platform.profiles.refresh(working, ada)
    assert counts(platform)["profiles"] == 1


def test_a_browser_that_turns_out_to_be_of_somebody_else_meanwhile_stays(
    platform: Platform,
) -> None:
    take(platform, view("e1", 90, client_id="shared"), view("e2", 20, user_id="bob"))
    take(platform, view("e3", 30, client_id="shared", user_id="ada"))
    bob, ada = person(platform, "bob"), person(platform, "ada")
    with platform.sessions.begin() as earlier:
        shared = ensure(earlier, ANONYMOUS, ["shared"])["shared"]
        log_in(earlier, [Claim(NOW - timedelta(minutes=60), b"late", shared, bob)])
        erasing = threading.Thread(target=erase, args=(platform.sessions, "ada"))
        erasing.start()
        erasing.join(0.2)
        assert erasing.is_alive(), "it waits for what is taken in"
    erasing.join(10)
    signer = TokenSigner(platform.settings.secret_key)
    with platform.sessions() as session:
        assert resolve(session, "ada") is None
        assert resolve(session, "shared") == Who(bob, USER, (bob, shared))
        assert [one.event for one in read_history(session, bob, limit=9)] == [
            digest_of(signer, None, "shared", "e1"), digest_of(signer, "bob", None, "e2")
        ]  # fmt: skip
        assert session.get(Person, ada) is None


def test_to_erase_somebody_nobody_elses_feedback_is_looked_at(platform: Platform) -> None:
    shop(platform)
    sent: list[tuple[str, Any]] = []

    def remember(connection: object, cursor: object, sql: str, values: Any, *more: object) -> None:
        if "delete from feedback" in sql:
            sent.append((sql, values))

    listen(platform.engine, "before_cursor_execute", remember)
    erase(platform.sessions, "ada")
    ((sql, values),) = sent
    with platform.engine.connect() as connection:
        connection.execute(text("set local enable_seqscan = off"))  # the table is small here
        plan = connection.exec_driver_sql(f"explain {sql}", values).scalars().all()
    assert any("pk_feedback" in line for line in plan)
    assert not any("Seq Scan on feedback" in line for line in plan)


def test_an_export_has_everything_on_whatever_pages(platform: Platform, api: FlaskClient) -> None:
    shop(platform)
    whole = api.get("/v1/users/ada/export").get_json()
    assert (whole["user"], whole["kind"], whole["next_cursor"]) == ("ada", "user", None)
    assert [one["client_id"] for one in whole["visitors"]] == ["ada-1", "ada-2"]
    assert [(one["user_id"], one["client_id"]) for one in whole["events"]] == [
        (None, "ada-1"), ("ada", "ada-1"), ("ada", "ada-2"), (None, "ada-2"), ("ada", None),
        ("ada", None),
    ]  # fmt: skip
    assert [one["id"] for one in whole["decisions"]] == ["d-ada", "d-visitor"]
    assert whole["decisions"][0]["features"] == [[1.0, 2.0]]
    assert [one["name"] for one in whole["decisions"][0]["feedback"]] == ["view_item"]
    assert whole["profile"] == {}
    for limit in (1, 2, 5, 6, 7):
        events, decisions, cursor = [], [], ""
        while cursor is not None:
            query = {"limit": limit, "cursor": cursor}
            page = api.get("/v1/users/ada/export", query_string=query).get_json()
            assert len(page["events"]) + len(page["decisions"]) <= limit
            events += page["events"]
            decisions += page["decisions"]
            cursor = page["next_cursor"]
        assert (events, decisions) == (whole["events"], whole["decisions"])
    assert api.get("/v1/users/ada-1/export").get_json()["user"] == "ada"


@pytest.mark.parametrize(
    "cursor",
    [
        "x",
        "ü",
        "W10=",
        "WyJldmVudHMiLCAieCIsICIiLCAwXQ==",
        "WyJhIiwgbnVsbCwgIiIsIDBd",
        "W1tdLDEsMiwzXQ==",
    ],
)
def test_a_cursor_of_somebody_else_is_told(
    platform: Platform, api: FlaskClient, cursor: str
) -> None:
    take(platform, view("e1", user_id="ada"))
    answer = api.get("/v1/users/ada/export", query_string={"cursor": cursor})
    assert (answer.status_code, "start again" in answer.text) == (422, True)


def test_an_unknown_user_is_told_and_not_kept_by_anybody(
    platform: Platform, api: FlaskClient
) -> None:
    for method, path in (("GET", "/v1/users/nobody/export"), ("DELETE", "/v1/users/nobody")):
        answer = api.open(path, method=method)
        assert (answer.status_code, "Nothing is kept" in answer.text) == (404, True)
        assert "no-store" in answer.headers["Cache-Control"]


def test_over_http_what_was_erased_is_counted(platform: Platform, api: FlaskClient) -> None:
    shop(platform)
    answer = api.delete("/v1/users/ada")
    assert (answer.status_code, answer.get_json()["events"]) == (200, 6)
    assert api.get("/v1/users/ada/export").status_code == 404
