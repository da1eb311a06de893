"""Events on a real PostgreSQL: doubled, in any order, late, across a login, and in pages."""

import itertools
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, insert, select, text
from sqlalchemy.event import listen

from vitrine import work
from vitrine.api.app import create_app
from vitrine.assembly import Platform, assemble
from vitrine.catalog.keys import create_key
from vitrine.catalog.models import Product, Seller
from vitrine.decisions.history import read_history
from vitrine.decisions.intake import Intake
from vitrine.decisions.models import Event, Feedback
from vitrine.decisions.months import EVENTS, Month, drop_month
from vitrine.decisions.people import resolve
from vitrine.decisions.tokens import Shown, TokenSigner
from vitrine.settings import Settings
from vitrine.wire.events import EventBatch, EventsTaken

NOW = datetime.now(UTC)
VISITOR, OTHER = "visitor-0123456789", "visitor-9876543210"


@pytest.fixture
def platform(settings: Settings) -> Iterator[Platform]:
    """An empty shop; no picture is embedded here."""
    built = assemble(settings)
    yield built
    built.engine.dispose()
    built.redis.close()


@pytest.fixture
def intake(platform: Platform) -> Intake:
    return platform.intake


@pytest.fixture
def products(platform: Platform) -> dict[str, int]:
    """Two products, by public id."""
    fields = {"title": "Mug", "category": "home", "price": "1.00", "availability": "in_stock"}
    with platform.sessions.begin() as session:
        session.execute(insert(Seller).values(id="acme", name="acme"))
        for sku in ("mug", "lamp"):
            session.execute(insert(Product).values(seller_id="acme", sku=sku, **fields))
        rows = session.execute(select(Product.sku, Product.id))
        return {f"acme:{row.sku}": row.id for row in rows}


def event(name: str, key: str, *items: str, minutes: float = 60, **more: Any) -> dict[str, Any]:
    """An event so many minutes ago."""
    at = NOW - timedelta(minutes=minutes)
    params = {"items": [{"item_id": item} for item in items or ("acme:mug",)]}
    micros = round(at.timestamp() * 1e6)
    return {
        "name": name, "event_id": key, "timestamp_micros": micros, "params": params, **more
    }  # fmt: skip


def take(intake: Intake, *events: Any, **batch: Any) -> EventsTaken:
    return intake.take(EventBatch.model_validate({"events": list(events), **batch}))


def histories(platform: Platform, *names: str) -> dict[str, list[Any]]:
    """What each of these did; their ids differ from shop to shop, so they are left out."""
    with platform.sessions() as session:
        found = {}
        for name in names:
            who = resolve(session, name)
            found[name] = [] if who is None else read_history(session, who.person_id, limit=999)
        return found


def owed(platform: Platform) -> set[str]:
    with platform.sessions() as session:
        keys = session.execute(text("select key from work where kind = 'profile'")).scalars()
        people = session.execute(text("select cast(id as text), name from people"))
        names = {row.id: row.name for row in people}
        return {names[key] for key in keys}


def test_an_event_is_kept_with_all_that_it_says(
    intake: Intake, platform: Platform, products: dict[str, int]
) -> None:
    item = {"item_id": "acme:mug", "quantity": 2, "price": "12.50", "index": 4}
    params = {
        "items": [item, {"item_id": "acme:gone"}],
        "search_term": "mug",
        "item_list_id": "top",
    }
    taken = take(intake, event("add_to_cart", "e1", client_id=VISITOR, params=params))
    assert (taken.accepted, taken.duplicates, taken.ignored, taken.errors) == (1, 0, 0, [])
    assert "'acme:gone'" in taken.warnings[0].detail
    first, second = histories(platform, VISITOR)[VISITOR]
    assert (first.product_id, first.item) == (products["acme:mug"], "acme:mug")
    assert (first.quantity, str(first.price), first.position) == (2, "12.50", 4)
    assert (second.product_id, second.item, second.line) == (None, "acme:gone", 1)
    with platform.sessions() as session:
        assert session.execute(select(Event.list, Event.search_term)).first() == ("top", "mug")
    assert owed(platform) == {VISITOR}


def test_a_batch_again_counts_once(intake: Intake, platform: Platform) -> None:
    batch = [event("view_item", f"e{at}", client_id=VISITOR) for at in range(3)]
    assert take(intake, *batch, batch[1]).duplicates == 1
    before = histories(platform, VISITOR)
    again = take(intake, *reversed(batch), event("view_item", "new", user_id="ada"))
    assert (again.accepted, again.duplicates) == (1, 3)
    assert histories(platform, VISITOR) == before


def test_another_shopper_cannot_use_up_an_event_id(intake: Intake, platform: Platform) -> None:
    take(intake, event("view_item", "purchase:T1", client_id=OTHER))
    params = {"transaction_id": "T1", "items": [{"item_id": "acme:mug"}]}
    assert take(intake, {"name": "purchase", "params": params}, client_id=VISITOR).accepted == 1


def shopping() -> list[dict[str, Any]]:
    """Two browsers and two users: one of them borrows the other's browser."""
    return [
        event("view_item", "e1", client_id=VISITOR, minutes=90),
        event("view_item", "e2", client_id=OTHER, minutes=80),
        event("add_to_cart", "e3", user_id="ada", client_id=VISITOR, minutes=70),
        event("view_item", "e4", client_id=VISITOR, minutes=60),
        event("view_item", "e5", user_id="bob", client_id=VISITOR, minutes=50),
        event("purchase", "e6", user_id="ada", minutes=40),
        event("view_item", "e7", user_id="bob", client_id=OTHER, minutes=30),
        event("hide_item", "e8", client_id=OTHER, minutes=20),
    ]


def test_the_order_of_arrival_changes_nothing(
    settings: Settings,
    platform: Platform,
    database_from: Callable[..., Any],
    template_database: str,
) -> None:
    names = ("ada", "bob", VISITOR, OTHER)
    take(platform.intake, *shopping())
    expected = histories(platform, *names)
    assert [len(expected[name]) for name in ("ada", "bob")] == [4, 4]
    assert expected[VISITOR] == expected["ada"]
    orders = list(itertools.permutations(range(8)))[:: 40320 // 5]
    for order in orders:
        with database_from(template_database) as url:
            other = assemble(settings.model_copy(update={"database_url": url}))
            for at in order:
                take(other.intake, shopping()[at])
                take(other.intake, shopping()[order[0]])
            assert histories(other, *names) == expected, order
            other.engine.dispose()


def test_a_login_owes_both_and_an_earlier_one_takes_the_visitor_back(
    intake: Intake, platform: Platform
) -> None:
    take(intake, event("view_item", "e1", client_id=VISITOR, minutes=90))
    take(intake, event("view_item", "e2", client_id=VISITOR, user_id="bob", minutes=50))
    assert [len(each) for each in histories(platform, "bob", VISITOR).values()] == [2, 2]
    forget_work(platform)
    take(intake, event("view_item", "e3", client_id=VISITOR, user_id="ada", minutes=70))
    assert owed(platform) == {"ada", "bob", VISITOR}
    found = histories(platform, "ada", "bob", VISITOR)
    assert [len(each) for each in found.values()] == [2, 1, 2]
    forget_work(platform)
    take(intake, event("view_item", "e4", client_id=VISITOR, minutes=10))
    assert owed(platform) == {VISITOR}, "whose history it is, is found out when it is worked on"


def forget_work(platform: Platform) -> None:
    with platform.sessions.begin() as session:
        work.forget(session, work.PROFILE)


def test_the_same_batch_from_many_at_once_is_taken_once(intake: Intake, platform: Platform) -> None:
    batch = shopping() + [event("view_item", f"x{at}", client_id=f"v{at}") for at in range(40)]
    ready = threading.Barrier(4)

    def send(turn: int) -> EventsTaken:
        ready.wait(10)
        return take(platform.intake, *(batch if turn % 2 else reversed(batch)))

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(send, range(4)))
    assert sum(one.accepted for one in answers) == len(batch)
    assert all(one.accepted + one.duplicates == len(batch) for one in answers)
    with platform.sessions() as session:
        assert len(session.scalars(select(Event.event)).all()) == len(batch)


def test_a_batch_of_many_items_gets_on_though_it_is_cut_off(
    intake: Intake, platform: Platform
) -> None:
    items = ["acme:mug"] * 200
    batch = [event("view_item_list", f"e{at}", *items, client_id=VISITOR) for at in range(60)]
    inserts = itertools.count()

    def cut_off(connection: object, cursor: object, statement: str, *more: object) -> None:
        if "insert into events" in statement and next(inserts) == 1:
            raise TimeoutError

    listen(platform.engine, "before_cursor_execute", cut_off)
    with pytest.raises(TimeoutError):
        take(intake, *batch)
    again = take(intake, *batch)
    assert (again.accepted, again.duplicates) == (10, 50)
    with platform.sessions() as session:
        assert session.scalar(select(func.count()).select_from(Event)) == 60 * 200


def test_late_events_get_a_month_of_their_own(intake: Intake, platform: Platform) -> None:
    late = [event("view_item", f"e{days}", minutes=days * 1440) for days in (0, 45, 200, 394)]
    assert take(intake, *late, client_id=VISITOR).accepted == 4
    assert len(histories(platform, VISITOR)[VISITOR]) == 4
    assert take(intake, *late, client_id=VISITOR).duplicates == 4


def test_many_need_the_same_new_months_at_once(platform: Platform) -> None:
    ready = threading.Barrier(4)

    def send(turn: int) -> EventsTaken:
        ready.wait(10)
        late = [event("view_item", f"{turn}.{at}", minutes=at * 43200) for at in range(12)]
        return take(platform.intake, *late, client_id=f"v{turn}")

    with ThreadPoolExecutor(4) as pool:
        assert [one.accepted for one in pool.map(send, range(4))] == [12] * 4


def test_a_month_that_was_dropped_is_made_again(intake: Intake, platform: Platform) -> None:
    take(intake, event("view_item", "e1", minutes=70 * 1440, client_id=VISITOR))
    with platform.sessions.begin() as session:
        drop_month(session, EVENTS, Month.of(NOW - timedelta(days=70)))
    take(intake, event("view_item", "e2", minutes=70 * 1440, client_id=VISITOR))
    assert len(histories(platform, VISITOR)[VISITOR]) == 1


def shown(platform: Platform, item: str, position: int) -> str:
    signer = TokenSigner(platform.settings.secret_key)
    issued = int(NOW.timestamp())
    return signer.sign(Shown("k", "d1", "recommendation", item, position, "m", issued))


def test_a_token_is_feedback_once_for_each_name(
    intake: Intake, platform: Platform, products: dict[str, int]
) -> None:
    token = shown(platform, "acme:mug", 3)

    def quoting(name: str, key: str, minutes: float, item: str = "acme:mug") -> dict[str, Any]:
        params = {"items": [{"item_id": item, "token": token, "index": 9}]}
        return event(name, key, minutes=minutes, client_id=VISITOR, params=params)

    take(intake, quoting("select_item", "e1", 30), quoting("view_item", "e2", 29))
    take(intake, quoting("select_item", "e3", 40), quoting("select_item", "e4", 20))
    other = take(intake, quoting("purchase", "e5", 10, item="acme:lamp"))
    assert "another product" in other.warnings[0].detail
    with platform.sessions() as session:
        rows = session.scalars(select(Feedback).order_by(Feedback.name)).all()
        found = {(one.decision, one.position, one.name): one.at for one in rows}
    assert found == {
        ("d1", 3, "select_item"): NOW - timedelta(minutes=40),
        ("d1", 3, "view_item"): NOW - timedelta(minutes=29),
    }
    history = histories(platform, VISITOR)[VISITOR]
    assert [(one.decision, one.position) for one in history] == [("d1", 3)] * 4 + [(None, 9)]


class Api:
    """The api of a shop with a key for servers and one that stands in pages."""

    def __init__(self, platform: Platform) -> None:
        self.client: FlaskClient = create_app(platform).test_client()
        with platform.sessions.begin() as session:
            self.server = create_key(session, "storefront")[1]
            origins = ["https://shop.example"]
            self.page = create_key(session, "storefront", origins=origins)[1]

    def send(self, key: str, body: Any) -> Any:
        headers = {"Authorization": f"Bearer {key}"}
        return self.client.post("/v1/events", json=body, headers=headers)


def test_over_http_a_bad_event_costs_none_of_the_others(platform: Platform) -> None:
    api = Api(platform)
    events = [event("view_item", "e1"), {"name": "view_item"}, {"name": "scroll"}, None]
    answer = api.send(api.server, {"client_id": "v1", "events": events})
    assert answer.status_code == 202
    body = answer.get_json()
    assert (body["accepted"], body["duplicates"], body["ignored"]) == (1, 0, 1)
    assert [note["index"] for note in body["errors"]] == [1, 3]
    assert [note["index"] for note in body["warnings"]] == [0, 2]


@pytest.mark.parametrize(
    "body",
    [
        {"events": []},
        {"events": [{}] * 501},
        {"events": {}},
        {"client_id": "a b", "events": [{}]},
        {"timestamp_micros": "x", "events": [{}]},
        [],
    ],
)
def test_a_batch_that_is_none_is_refused_as_a_whole(platform: Platform, body: Any) -> None:
    api = Api(platform)
    assert api.send(api.server, body).status_code == 422


def test_a_key_in_pages_speaks_for_no_user(platform: Platform) -> None:
    api = Api(platform)
    view = event("view_item", "e1")
    assert api.send(api.page, {"client_id": VISITOR, "events": [view]}).status_code == 202
    for body in (
        {"user_id": "ada", "events": [view]},
        {"client_id": VISITOR, "events": [view, {**view, "user_id": "ada"}]},
    ):
        answer = api.send(api.page, body)
        assert (answer.status_code, "from your server" in answer.text) == (403, True)
        assert api.send(api.server, body).status_code == 202
    guessed = api.send(api.page, {"client_id": "v1", "events": [view]}).get_json()
    assert (guessed["accepted"], "at least 16" in guessed["errors"][0]["detail"]) == (0, True)
