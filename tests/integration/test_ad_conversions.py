"""What was sold, which ads led to it, who pays for it, and what is given back."""

import dataclasses
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from click.testing import CliRunner
from flask.testing import FlaskClient
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from tests.integration.ad_books import BROWSER, MILLION, Ad, AdBooks, ad_books, recount
from vitrine.ads.audit import verify_books
from vitrine.api.app import create_app
from vitrine.catalog.keys import create_key
from vitrine.cli.ads_verify import verify
from vitrine.decisions.models import Login
from vitrine.decisions.people import ensure
from vitrine.recommend.erasure import erase
from vitrine.wire.ad_events import AdEventIn

DAY = timedelta(days=1)
PRICE = 3 * MILLION + 1


class Shop:
    """The shop's server, which tells of orders."""

    def __init__(self, books: AdBooks) -> None:
        self.books = books
        with books.platform.sessions.begin() as session:
            key = create_key(session, "ads")[1]
        self._headers = {"Authorization": f"Bearer {key}"}
        self._api: FlaskClient = create_app(books.platform).test_client()

    def __call__(self, method: str, path: str, body: Any = None, *, status: int = 200) -> Any:
        answer = self._api.open(f"/v1/{path}", method=method, headers=self._headers, json=body)
        assert answer.status_code == status, answer.text
        return answer.get_json()

    def sells(self, order: str, **fields: Any) -> Any:
        told = {"order_id": order, "value": "49.90", **fields}
        found = self("POST", "ads/conversions", {"conversions": [told]}, status=202)
        return found["conversions"][0]

    def tell(self, ad: Ad, *kinds: str) -> None:
        events = [AdEventIn(token=ad.token, event=kind) for kind in kinds]
        self.books.platform.ad_events.take(events, BROWSER)

    def ad(self, campaign: str, person: str | None, *kinds: str, price: int = PRICE) -> Ad:
        """Show an ad that is seen or clicked a minute later than the one before."""
        self.books.clock.now += timedelta(minutes=1)
        ad = self.books.show(campaign, price=price, probability=0.01, person=person)
        self.tell(ad, *kinds)
        return ad


@pytest.fixture(scope="module")
def opened(request: pytest.FixtureRequest) -> Iterator[AdBooks]:
    with ad_books(request) as books:
        books.campaign("clicks", click_days=30, view_days=1)
        books.campaign("sales", bid_type="cpa", bid_micros=5 * MILLION, click_days=7, view_days=1)
        yield books


@pytest.fixture
def shop(opened: AdBooks, request: pytest.FixtureRequest) -> Shop:
    """With a person `ann` of its own for each test, called `name`."""
    opened.clock.now += 100 * DAY
    return Shop(opened)


@pytest.fixture
def ann(opened: AdBooks, request: pytest.FixtureRequest) -> str:
    """A user whom nobody else shows anything."""
    opened.meet(f"ann-{request.node.name[:80]}")
    return f"ann-{request.node.name[:80]}"


def micros(at: datetime) -> int:
    return int(at.timestamp() * 1_000_000)


def parts(taken: Any) -> list[tuple[str, str, float, float]]:
    return [
        (one["campaign"], one["touch"], one["last_touch"], one["position_based"])
        for one in taken["attributed"]
    ]


def test_the_last_click_has_led_to_it_and_pays(shop: Shop, ann: str) -> None:
    shop.ad("clicks", ann, "impression", "click")
    sale = shop.ad("sales", ann, "impression", "viewable", "click")
    shop.ad("clicks", ann, "impression")
    taken = shop.sells("o-last", user_id=ann)
    assert parts(taken) == [
        ("sales", "click", 1.0, 0.2),
        ("clicks", "click", 0.0, 0.4),
        ("clicks", "view", 0.0, 0.4),
    ]
    assert (taken["billed_micros"], taken["known"], taken["warning"]) == (PRICE, False, None)
    again = shop.sells("o-last", user_id=ann, value="1.00")
    assert again == {**taken, "known": True}
    (row,) = shop.books.rows(
        "select * from conversions where person_id = :id", id=shop.books.people[ann]
    )
    assert (row["value_micros"], row["invalid"]) == (49_900_000, None)
    assert "o-last" not in str(row)
    (event,) = shop.books.rows("select * from ad_events where kind = 'conversion'")
    assert (event["decision"], event["billed_micros"]) == (sale.decision, PRICE)
    # Another order of the same ad is another charge, and its event is there already.
    assert shop.sells("o-next", user_id=ann)["billed_micros"] == PRICE
    entries = shop("GET", "campaigns/sales/ledger")["entries"]
    assert [one["amount_micros"] for one in entries[-2:]] == [PRICE, PRICE]
    recount(shop.books, "sales", "clicks")


def test_every_ad_that_led_to_it_pays_its_part(shop: Shop, ann: str) -> None:
    settings = shop.books.platform.settings.model_copy(update={"ad_attribution": "position_based"})
    shared = Shop(shop.books)
    platform = dataclasses.replace(shop.books.platform, settings=settings)
    shared._api = create_app(platform).test_client()
    for kind in ("click", "impression", "impression"):
        shop.ad("sales", ann, kind)
    taken = shared.sells("o-shared", user_id=ann)
    assert [share for *_, share in parts(taken)] == [0.4, 0.4, 0.2]
    # Rounded down, each.
    assert taken["billed_micros"] == 2 * (PRICE * 2 // 5) + PRICE // 5
    recount(shop.books, "sales")


def test_windows(shop: Shop, ann: str) -> None:
    shop.ad("sales", ann, "click")
    shop.ad("clicks", ann, "impression")
    seen = shop.books.clock.now
    late = shop.sells("o-late", user_id=ann, timestamp_micros=micros(seen + timedelta(minutes=4)))
    assert parts(late) == [("sales", "click", 1.0, 0.5), ("clicks", "view", 0.0, 0.5)]
    shop.books.clock.now += 2 * DAY
    assert parts(shop.sells("o-2", user_id=ann)) == [("sales", "click", 1.0, 1.0)]
    shop.books.clock.now += 6 * DAY
    assert parts(shop.sells("o-8", user_id=ann)) == []
    # What came afterwards has not led to it.
    before = micros(seen - timedelta(hours=1))
    assert parts(shop.sells("o-0", user_id=ann, timestamp_micros=before)) == []


def test_by_a_token_alone_and_by_a_browser(shop: Shop, ann: str) -> None:
    ad = shop.ad("clicks", None, "click")
    assert parts(shop.sells("o-token", token=ad.token)) == [("clicks", "click", 1.0, 1.0)]
    with shop.books.platform.sessions.begin() as session:
        shop.books.people |= ensure(session, "anonymous", ["browser-of-ann"])
        ids = shop.books.people
        login = {"at": shop.books.clock.now, "event": b"1"}
        session.add(Login(anonymous_id=ids["browser-of-ann"], user_id=ids[ann], **login))
    shop.ad("clicks", "browser-of-ann", "click")
    assert len(parts(shop.sells("o-user", user_id=ann))) == 1
    assert len(parts(shop.sells("o-browser", client_id="browser-of-ann"))) == 1
    both = shop.sells("o-both", client_id="browser-of-ann", token=ad.token)
    assert len(parts(both)) == 2


def test_a_browser_that_is_called_like_a_user_is_not_the_user(shop: Shop) -> None:
    with shop.books.platform.sessions.begin() as session:
        shop.books.people |= ensure(session, "anonymous", ["sam"])
    shop.ad("sales", "sam", "click")
    of_user = shop.sells("o-of-user", user_id="sam")
    assert (parts(of_user), of_user["billed_micros"]) == ([], 0)
    assert "Nobody is known" in of_user["warning"]
    shop.books.meet("sam")
    shop.ad("clicks", "sam", "click")
    assert parts(shop.sells("o-of-browser", client_id="sam")) == [("sales", "click", 1.0, 1.0)]
    assert parts(shop.sells("o-of-user-2", user_id="sam")) == [("clicks", "click", 1.0, 1.0)]


def test_an_order_of_somebody_erased_opens_nothing(shop: Shop, ann: str) -> None:
    shop.ad("clicks", ann, "click")
    assert len(shop.sells("o-erased", user_id=ann)["attributed"]) == 1
    erase(shop.books.platform.sessions, ann)
    again = shop.sells("o-erased", user_id=ann)
    assert (again["known"], again["attributed"], again["billed_micros"]) == (True, [], 0)


def test_who_is_of_the_advertiser_buys_for_nothing(shop: Shop) -> None:
    own = shop.ad("sales", "boss", "impression", "click")
    taken = shop.sells("o-boss", user_id="boss")
    assert (parts(taken), taken["billed_micros"]) == ([], 0)
    assert parts(shop.sells("o-boss-token", token=own.token)) == []
    rows = shop.books.rows(
        "select invalid from conversions where person_id = :id", id=shop.books.people["boss"]
    )
    assert [row["invalid"] for row in rows] == ["self_conversion"] * 2


def test_one_that_is_refused_costs_none_of_the_others(shop: Shop, ann: str) -> None:
    shop.ad("clicks", ann, "click")
    now = shop.books.clock.now
    (began,) = shop.books.rows("select clock_timestamp() as now")[0].values()
    told = [
        {"order_id": "b-future", "user_id": ann, "timestamp_micros": micros(now + DAY)},
        {"order_id": "b-wrong-unit", "user_id": ann, "timestamp_micros": 2**62},
        {"order_id": "b-old", "user_id": ann, "timestamp_micros": micros(now - 91 * DAY)},
        {"order_id": "b-forged", "token": "v1.x.y"},
        {"order_id": "b-half", "user_id": ann, "token": "v1.ü.y"},
        {"order_id": "b-nobody", "user_id": "nobody-at-all"},
        {"order_id": "b-ahead", "user_id": ann, "timestamp_micros": micros(now) + 10**8},
    ]
    taken = shop("POST", "ads/conversions", {"conversions": told}, status=202)["conversions"]
    words = ["future", "future", "90 days", "not signed", "without its token", "Nobody is known"]
    for one, word in zip(taken, words, strict=False):
        assert word in one["warning"], one
    assert [len(one["attributed"]) for one in taken] == [0, 0, 0, 0, 1, 0, 1]
    assert taken[-1]["warning"] is None
    kept = shop.books.rows(
        "select id, at from conversions where received_at >= :began order by id", began=began
    )
    assert [row["at"] for row in kept] == [now, now, now]
    known = shop("POST", "ads/conversions", {"conversions": told}, status=202)["conversions"]
    assert [one["order_id"] for one in known if one["known"]] == ["b-half", "b-nobody", "b-ahead"]


def test_a_sale_that_the_budget_does_not_cover(shop: Shop, ann: str) -> None:
    slug = shop.books.campaign(
        "poor", bid_type="cpa", bid_micros=MILLION, total_budget_micros=MILLION
    )
    ad = shop.ad(slug, ann, "click", price=MILLION)
    assert shop.sells("p-1", user_id=ann)["billed_micros"] == MILLION
    unpaid = shop.sells("p-2", user_id=ann)
    assert (unpaid["billed_micros"], len(unpaid["attributed"])) == (0, 1)
    (event,) = shop.books.rows(
        "select * from ad_events where decision = :decision and kind = 'conversion'",
        decision=ad.decision,
    )
    assert (event["billed_micros"], event["unbilled"]) == (MILLION, "budget")
    totals = shop("GET", f"campaigns/{slug}/report")["totals"]
    assert totals["unbilled_events"] == 0, "one of its orders was paid for"
    recount(shop.books, slug)


def test_a_charge_is_given_back_in_parts_and_no_more_than_it_was(shop: Shop, ann: str) -> None:
    slug = shop.books.campaign("back", daily_budget_micros=10 * MILLION)
    shop.ad(slug, ann, "click")
    (charge,) = shop("GET", f"campaigns/{slug}/ledger")["entries"]

    def refund(id_: str, amount: int | None = None, status: int = 200, **more: Any) -> Any:
        body = {"refund_id": id_, "charge": charge["id"], **more}
        if amount is not None:
            body["amount_micros"] = amount
        return shop("POST", "ads/refunds", body, status=status)

    first = refund("back-1", MILLION, note="A test clicked it.")
    assert (first["amount_micros"], first["refunds"]) == (-MILLION, charge["id"])
    assert (first["kind"], first["day"], first["event"]) == ("refund", charge["day"], "click")
    assert refund("back-1", MILLION, note="A test clicked it.") == first
    assert refund("back-1", note="A test clicked it.") == first
    for other in ({"amount": 2 * MILLION}, {"note": "Another."}):
        assert "booked already" in refund("back-1", **other, status=409)["detail"]
    left = PRICE - MILLION
    assert f"the {left} micros that are left" in refund("back-2", PRICE, status=422)["detail"]
    rest = refund("back-3")
    assert rest["amount_micros"] == -left
    assert "given back already" in refund("back-4", status=409)["detail"]
    page = shop("GET", f"campaigns/{slug}/ledger")
    assert page["spent_micros"] == sum(one["amount_micros"] for one in page["entries"]) == 0
    assert shop.books.standing(slug).day_spent_micros == 0
    charge = rest
    assert "no charge" in refund("back-5", status=404)["detail"]
    recount(shop.books, slug)


def test_a_refund_of_yesterday_leaves_the_budget_of_today_as_it_is(shop: Shop, ann: str) -> None:
    slug = shop.books.campaign("days", daily_budget_micros=10 * MILLION)
    shop.ad(slug, ann, "click", price=MILLION)
    shop.books.clock.now += DAY
    shop.ad(slug, ann, "click", price=2 * MILLION)
    first = shop("GET", f"campaigns/{slug}/ledger?limit=1")["entries"][0]
    shop("POST", "ads/refunds", {"refund_id": "days-1", "charge": first["id"]})
    standing = shop.books.standing(slug)
    assert (standing.spent_micros, standing.day_spent_micros) == (2 * MILLION, 2 * MILLION)
    recount(shop.books, slug)


def test_the_ledger_page_by_page(shop: Shop, ann: str) -> None:
    slug = shop.books.campaign("pages")
    for number in range(5):
        shop.ad(slug, ann, "click", price=number + 1)
    seen: list[int] = []
    cursor = ""
    while True:
        page = shop("GET", f"campaigns/{slug}/ledger?limit=2{cursor}")
        assert page["spent_micros"] == 15
        seen += [one["amount_micros"] for one in page["entries"]]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert seen == [1, 2, 3, 4, 5]
    assert {page["entries"][0][name] for name in ("campaign", "creative")} == {slug, f"{slug}-ad"}
    shop("GET", "campaigns/none/ledger", status=404)
    shop("GET", f"campaigns/{slug}/ledger?cursor=x", status=422)


def test_nobody_changes_the_ledger(shop: Shop, ann: str) -> None:
    shop.ad("clicks", ann, "click")
    for statement in ("update ledger set note = 'x'", "delete from ledger", "truncate ledger"):
        with (
            pytest.raises(DBAPIError, match="only ever added to"),
            shop.books.platform.sessions.begin() as session,
        ):
            session.execute(text(statement))


def test_books_that_do_not_add_up_are_told(
    shop: Shop, ann: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    slug = shop.books.campaign("wrong", daily_budget_micros=10 * MILLION)
    ad = shop.ad(slug, ann, "click")
    settings = shop.books.platform.settings
    monkeypatch.setattr("vitrine.cli.ads_verify.load_settings", lambda: settings)
    said = CliRunner().invoke(verify)
    assert (said.exit_code, said.output) == (0, "The books add up.\n")
    wrong = [
        ("update budgets set spent_micros = spent_micros + 1", "by its budget"),
        ("update budgets set day_spent_micros = day_spent_micros - 1", "on "),
        ("update budgets set total_micros = 1", "of a budget of 1"),
        ("update budgets set daily_micros = null", "other bounds"),
        ("update budgets set day = day - 1", "after the budget's last day"),
        ("update ad_events set billed_micros = billed_micros - 1", "by its events"),
        ("update ad_events set invalid = 'bot'", "must not be"),
        ("delete from ad_events", "by its events"),
    ]
    for statement, sentence in wrong:
        with shop.books.platform.sessions() as session:
            session.execute(
                text(f"{statement} where campaign_id = :id"), {"id": shop.books.ids[slug]}
            )
            found = verify_books(session)
            session.rollback()
        assert any(sentence in one and (slug in one or ad.decision in one) for one in found), (
            statement,
            found,
        )
    with shop.books.platform.sessions.begin() as session:
        session.execute(text("update budgets set spent_micros = spent_micros + 1"))
    said = CliRunner().invoke(verify)
    assert said.exit_code == 1
    assert "by its budget" in said.output
    with shop.books.platform.sessions.begin() as session:
        session.execute(text("update budgets set spent_micros = spent_micros - 1"))
