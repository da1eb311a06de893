"""What became of ads, over the api: pixel, click, beacon, and what counts for nothing."""

import dataclasses
import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import event, text
from werkzeug.test import TestResponse

from tests.integration.ad_books import (
    BROWSER,
    MILLION,
    Ad,
    AdBooks,
    Switched,
    ad_books,
    recount,
)
from vitrine.ads.slots import read_slots
from vitrine.ads.traffic import ADDRESS_FACTOR, Traffic
from vitrine.ads.unsigned import WRITE_EVERY, UnsignedCounts
from vitrine.api.app import create_app
from vitrine.assembly import assemble
from vitrine.catalog.keys import create_key
from vitrine.db import make_engine, make_sessions
from vitrine.decisions.models import Login
from vitrine.decisions.people import ensure

AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
_SUM = "select coalesce(sum(count), 0) as n from ad_unsigned where reason = 'unknown'"
FORGED = "v1.WyJrIl0.AAAAAAAAAAAAAAAAAAAAAA"


@pytest.fixture(scope="module")
def books(request: pytest.FixtureRequest) -> Iterator[AdBooks]:
    with ad_books(request, ad_clicks_per_minute=3) as opened:
        opened.campaign("clicks", time_zone="Europe/Berlin")
        opened.campaign("views", bid_type="cpm", bid_micros=1000 * MILLION)
        yield opened


@pytest.fixture(scope="module")
def api(books: AdBooks) -> FlaskClient:
    return create_app(books.platform).test_client()


@pytest.fixture(autouse=True)
def later(books: AdBooks) -> None:
    """Clicks of a minute ago are not too many for the next test."""
    books.clock.now += timedelta(minutes=2)


def get(api: FlaskClient, path: str, **headers: str) -> TestResponse:
    sent = {"User-Agent": AGENT} | {name.replace("_", "-"): said for name, said in headers.items()}
    return api.get(path, headers=sent)


def click(api: FlaskClient, ad: Ad, query: str = "", **headers: str) -> TestResponse:
    return get(api, f"/ads/click/{ad.token}{query}", **headers)


def beacon(api: FlaskClient, *events: tuple[str, str], kind: str = "application/json") -> Any:
    body = json.dumps({"events": [{"token": token, "event": name} for token, name in events]})
    answer = api.post("/v1/ads/events", data=body, content_type=kind, headers={"User-Agent": AGENT})
    assert answer.status_code == 202, answer.text
    return answer.get_json()


def came_of(books: AdBooks, ad: Ad) -> dict[str, tuple[int, str | None]]:
    """What was billed for each event of an ad, and why one counts for nothing."""
    rows = books.rows("select * from ad_events where decision = :decision", decision=ad.decision)
    return {row["kind"]: (row["billed_micros"], row["invalid"]) for row in rows}


def unsigned(books: AdBooks, api: FlaskClient) -> dict[tuple[str, str], int]:
    """What is counted, once the next event has written it down."""
    books.clock.now += WRITE_EVERY
    beacon(api, (books.show("clicks", price=1).token, "viewable"))
    rows = books.rows("select kind, reason, sum(count) as n from ad_unsigned group by 1, 2")
    return {(row["kind"], row["reason"]): int(row["n"]) for row in rows}


def test_a_pixel_is_an_impression_once(books: AdBooks, api: FlaskClient) -> None:
    ad = books.show("views", price=MILLION, probability=1.0)
    for _ in range(2):
        answer = get(api, f"/ads/pixel/{ad.token}", Origin="https://any.example")
        assert (answer.status_code, answer.content_type) == (200, "image/gif")
        assert answer.data[:6] == b"GIF89a"
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        assert answer.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert came_of(books, ad) == {"impression": (MILLION, None)}
    recount(books, "views")


@pytest.mark.parametrize("token", ["x", FORGED, "ü.ä.ö", "v1.." + "x" * 3000, "%00"])
def test_a_page_gets_its_pixel_whatever_is_wrong(
    books: AdBooks, api: FlaskClient, token: str
) -> None:
    answer = get(api, f"/ads/pixel/{token}")
    assert (answer.status_code, answer.content_type) == (200, "image/gif")


def test_a_click_leads_where_the_creative_does_and_nowhere_else(
    books: AdBooks, api: FlaskClient
) -> None:
    ad = books.show("clicks", person="ada")
    query = "?url=https://evil.example&redirect=//evil.example&landing_url=x&to=%0d%0aX-A:b"
    for _ in range(2):
        answer = click(
            api, ad, query, X_Forwarded_Host="evil.example", Referer="https://evil.example"
        )
        assert answer.status_code == 302
        assert answer.headers["Location"] == "https://shop.example/clicks"
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert "evil" not in answer.text + str(answer.headers)
    assert came_of(books, ad) == {"click": (MILLION, None)}
    (entry,) = books.rows("select * from ledger where decision = :decision", decision=ad.decision)
    assert entry["key"] == f"charge:{ad.decision}:1:click"
    assert entry["at"] == books.clock.now
    recount(books, "clicks")


@pytest.mark.parametrize(
    "headers",
    [{"Sec_Purpose": "prefetch;prerender"}, {"Purpose": "prefetch"}, {"Sec_Purpose": "prefetch"}],
)
def test_what_is_fetched_in_advance_counts_nothing(
    books: AdBooks, api: FlaskClient, headers: dict[str, str]
) -> None:
    ad = books.show("clicks")
    assert click(api, ad, **headers).headers["Location"] == "https://shop.example/clicks"
    looked = api.head(f"/ads/click/{ad.token}", headers={"User-Agent": AGENT})
    assert looked.headers["Location"] == "https://shop.example/clicks"
    assert get(api, f"/ads/pixel/{ad.token}", **headers).status_code == 200
    assert came_of(books, ad) == {}


def test_a_click_that_comes_too_late_still_leads_there(books: AdBooks, api: FlaskClient) -> None:
    ad, before = books.show("clicks"), unsigned(books, api)
    books.clock.now += timedelta(seconds=books.platform.settings.ad_token_seconds + 1)
    assert click(api, ad).status_code == 302
    assert get(api, f"/ads/pixel/{ad.token}").status_code == 200
    assert beacon(api, (ad.token, "click"), (ad.token, "viewable")) == {
        "accepted": 0,
        "duplicates": 0,
        "refused": 2,
    }
    assert came_of(books, ad) == {}
    counted = {key: n - before.get(key, 0) for key, n in unsigned(books, api).items()}
    assert {key: n for key, n in counted.items() if n} == {
        ("click", "expired"): 2,
        ("impression", "expired"): 1,
        ("viewable", "expired"): 1,
    }


def test_what_nobody_signed_leads_nowhere(books: AdBooks, api: FlaskClient) -> None:
    before = unsigned(books, api)
    ad = books.show("clicks")
    other_kind = books.token(ad.decision, "clicks-ad", kind="search")
    tampered = ad.token[:-2] + ("AA" if ad.token[-2:] != "AA" else "BB")
    for token in (FORGED, other_kind, tampered, "ü.ä.ö"):
        answer = get(api, f"/ads/click/{token}?url=https://evil.example")
        assert answer.status_code == 422
        assert "Location" not in answer.headers
        assert answer.get_json()["type"] == "/problems/invalid"
        api.head(f"/ads/click/{token}")
        assert get(api, f"/ads/click/{token}", Purpose="prefetch").status_code == 422
    counted = unsigned(books, api)["click", "unsigned"]
    assert counted - before.get(("click", "unsigned"), 0) == 4, "only what somebody asked for"
    # Signed for an ad, but for one that was never shown, or another one.
    never = books.token("never", "clicks-ad")
    another = books.token(ad.decision, "views-ad")
    assert beacon(api, (never, "click"), (another, "click"))["refused"] == 2
    assert unsigned(books, api)["click", "unknown"] == 2
    assert came_of(books, ad) == {}


def test_a_beacon_counts_each_kind_once(books: AdBooks, api: FlaskClient) -> None:
    ad, other = books.show("clicks"), books.show("views", probability=1.0)
    told = [(ad.token, "impression"), (ad.token, "viewable"), (ad.token, "click")]
    sent = beacon(api, *told, (ad.token, "click"), (FORGED, "click"), (other.token, "impression"))
    assert sent == {"accepted": 4, "duplicates": 1, "refused": 1}
    again = beacon(api, *told, kind="text/plain;charset=UTF-8")
    assert again == {"accepted": 0, "duplicates": 3, "refused": 0}
    assert came_of(books, ad) == {
        "impression": (0, None),
        "viewable": (0, None),
        "click": (MILLION, None),
    }
    assert came_of(books, other) == {"impression": (MILLION, None)}


def test_any_page_may_send_it(api: FlaskClient) -> None:
    page = {"Origin": "https://any.example", "Access-Control-Request-Method": "POST"}
    allowed = api.options("/v1/ads/events", headers=page)
    assert allowed.status_code == 204
    assert allowed.headers["Access-Control-Allow-Origin"] == "https://any.example"
    assert allowed.headers["Access-Control-Allow-Credentials"] == "true"
    assert "Content-Type" in allowed.headers["Access-Control-Allow-Headers"]
    body = {"events": [{"token": FORGED, "event": "click"}]}
    sent = api.post("/v1/ads/events", json=body, headers={"Origin": "https://any.example"})
    assert sent.headers["Access-Control-Allow-Origin"] == "https://any.example"
    # Nothing else is open to them.
    other = api.options("/v1/ads/conversions", headers=page)
    assert other.status_code == 405
    assert "Access-Control-Allow-Origin" not in other.headers
    wrong = api.post("/v1/ads/events", data="x", content_type="text/html")
    assert wrong.status_code == 415


def test_too_many_clicks_of_one_person_are_marked(books: AdBooks, api: FlaskClient) -> None:
    ads = [books.show("clicks", person="bob") for _ in range(5)]
    for number, ad in enumerate(ads):
        sent = {"User-Agent": AGENT}
        address = {"REMOTE_ADDR": f"203.0.113.{number}"}
        api.get(f"/ads/click/{ad.token}", headers=sent, environ_base=address)
    marks = [came_of(books, ad)["click"] for ad in ads]
    assert marks == [(MILLION, None)] * 3 + [(0, "rate")] * 2
    # Whoever only has to click again would be counted in the end.
    books.clock.now += timedelta(minutes=2)
    click(api, ads[-1])
    assert came_of(books, ads[-1])["click"] == (0, "rate")


@pytest.mark.parametrize("redis", ["there", "away"])
def test_too_many_clicks_of_one_address_are_marked(
    books: AdBooks, api: FlaskClient, redis: str
) -> None:
    books.redis.away = redis == "away"
    most = 3 * ADDRESS_FACTOR
    ads = [books.show("clicks", price=1) for _ in range(most + 2)]
    assert beacon(api, *((ad.token, "click") for ad in ads[:most]))["accepted"] == most
    statuses = {click(api, ad).status_code for ad in ads[most:]}
    marks = [came_of(books, ad)["click"][1] for ad in ads]
    books.redis.away = False
    assert statuses == {302}
    assert marks == [None] * most + ["rate", "rate"]
    keys: Any = books.platform.redis.keys("vitrine:ads:clicks:address:*")
    assert all(b"127.0.0.1" not in key for key in keys)


def test_a_batch_of_clicks_is_counted_by_one_call(
    books: AdBooks, monkeypatch: pytest.MonkeyPatch
) -> None:
    ads = [books.show("clicks", price=1, person=one) for one in ("ada", "ada", "bob") * 2]
    with books.platform.sessions() as session:
        slots = read_slots(session, [(ad.decision, 1) for ad in ads])
    calls: list[Any] = []
    one_call = Switched.call
    monkeypatch.setattr(
        Switched, "call", lambda redis, ask: calls.append(ask) or one_call(redis, ask)
    )
    traffic = Traffic(books.redis, books.signer, clicks_per_minute=3, clock=books.clock)
    told = [(slots[ad.decision, 1], "click") for ad in ads]
    # Of Ada's four the last; Bob has clicked twice.
    assert traffic.mark(told, BROWSER) == [None, None, None, None, "rate", None]
    assert len(calls) == 1
    nobodys = dataclasses.replace(slots[ads[0].decision, 1], person_id=None)
    assert traffic.mark([(nobodys, "click")], None) == [None]
    assert len(calls) == 1, "of nobody known, and of no address"


def test_a_server_tells_what_people_did(books: AdBooks, api: FlaskClient) -> None:
    with books.platform.sessions.begin() as session:
        key = create_key(session, "ads")[1]
    ads = [books.show("clicks", price=1) for _ in range(3 * ADDRESS_FACTOR + 1)]
    of_bob = [books.show("clicks", price=1, person="bob") for _ in range(4)]
    own = books.show("clicks", price=1, person="boss")

    def tell(*told: Ad, **headers: str) -> TestResponse:
        events = [{"token": ad.token, "event": "click"} for ad in told]
        return api.post("/v1/ads/postbacks", json={"events": events}, headers=headers)

    assert tell(own).status_code == 401
    sent = tell(*ads, *of_bob, own, Authorization=f"Bearer {key}", User_Agent="")
    assert sent.get_json() == {"accepted": len(ads) + 5, "duplicates": 0, "refused": 0}
    assert {came_of(books, ad)["click"] for ad in ads} == {(1, None)}
    marks = [came_of(books, ad)["click"][1] for ad in of_bob]
    assert marks == [None, None, None, "rate"]
    assert came_of(books, own) == {"click": (0, "self_click")}


def test_many_forged_tokens_are_few_statements(books: AdBooks, api: FlaskClient) -> None:
    before = unsigned(books, api).get(("click", "unsigned"), 0)
    statements: list[str] = []

    def note(*told: Any) -> None:
        statements.append(told[2])

    event.listen(books.platform.engine, "before_cursor_execute", note)
    for _ in range(40):
        get(api, f"/ads/click/{FORGED}")
    event.remove(books.platform.engine, "before_cursor_execute", note)
    assert sum("ad_unsigned" in statement for statement in statements) <= 1
    assert unsigned(books, api)["click", "unsigned"] - before == 40


def test_what_could_not_be_counted_is_counted_later(books: AdBooks) -> None:
    gone = make_sessions(make_engine("postgresql+psycopg2://nobody:x@127.0.0.1:1/none"))
    counts = UnsignedCounts(gone, clock=books.clock)
    counts.add([("viewable", "unknown")] * 3)
    counts._sessions = books.platform.sessions
    counts.add([])
    (sum_,) = books.rows(_SUM)[0].values()
    books.clock.now += WRITE_EVERY
    counts.add([])
    (after,) = books.rows(_SUM)[0].values()
    assert after - sum_ == 3


def test_a_click_that_cannot_be_taken_in_leads_there(books: AdBooks) -> None:
    settings = books.platform.settings.model_copy(update={"request_deadline_seconds": 0.5})
    hurried = create_app(dataclasses.replace(books.platform, settings=settings)).test_client()
    ad = books.show("clicks")
    with books.platform.sessions.begin() as session:
        session.execute(text("lock table ad_events in exclusive mode"))
        answer = click(hurried, ad)
    assert (answer.status_code, answer.headers.get("Location")) == (
        302, "https://shop.example/clicks"
    )  # fmt: skip
    assert came_of(books, ad) == {}
    click(hurried, ad)
    assert came_of(books, ad) == {"click": (MILLION, None)}


def test_the_advertiser_and_crawlers_are_marked(books: AdBooks, api: FlaskClient) -> None:
    own, crawled = books.show("clicks", person="boss"), books.show("clicks")
    click(api, own)
    get(api, f"/ads/pixel/{own.token}")
    click(api, crawled, User_Agent="Googlebot/2.1")
    click(api, crawled)
    assert came_of(books, own) == {"click": (0, "self_click"), "impression": (0, None)}
    assert came_of(books, crawled) == {"click": (0, "bot")}
    # Nothing can come of them any more: what was reserved is free again.
    open_: Any = books.platform.redis.zrange(f"vitrine:ads:open:{books.ids['clicks']}", 0, -1)
    assert not {f"{own.decision}:1".encode(), f"{crawled.decision}:1".encode()} & set(open_)


def test_a_browser_of_a_member_is_theirs_after_the_login(books: AdBooks, api: FlaskClient) -> None:
    with books.platform.sessions.begin() as session:
        books.people |= ensure(session, "anonymous", ["browser-of-boss"])
        session.add(
            Login(
                anonymous_id=books.people["browser-of-boss"],
                user_id=books.people["boss"],
                at=books.clock.now,
                event=b"1",
            )
        )
    ad = books.show("clicks", person="browser-of-boss")
    click(api, ad)
    assert came_of(books, ad) == {"click": (0, "self_click")}


def test_what_the_budget_no_longer_covers_is_counted_and_not_billed(
    books: AdBooks, api: FlaskClient
) -> None:
    slug = books.campaign("little", total_budget_micros=2 * MILLION, bid_micros=MILLION)
    ads = [books.show(slug, probability=0.01) for _ in range(3)]
    events = beacon(api, *((ad.token, "click") for ad in ads))
    assert events["accepted"] == 3
    rows = books.rows("select * from ad_events where campaign_id = :id", id=books.ids[slug])
    assert sorted((row["billed_micros"], row["unbilled"]) for row in rows) == [
        (0, "budget"), (MILLION, None), (MILLION, None),
    ]  # fmt: skip
    recount(books, slug)
    assert books.counters.reserve([books.ask(slug, 1, 1.0)]) == ["budget"]


def test_an_ad_that_was_shown_is_billed_after_its_campaign_was_archived(
    books: AdBooks, api: FlaskClient
) -> None:
    slug = books.campaign("over")
    ad = books.show(slug)
    books.platform.campaigns.archive(slug)
    assert click(api, ad).status_code == 302
    assert came_of(books, ad) == {"click": (MILLION, None)}


def test_a_stranger_who_asks_too_often(books: AdBooks) -> None:
    settings = books.platform.settings.model_copy(update={"rate_limit_per_address": 60})
    limited = create_app(dataclasses.replace(books.platform, settings=settings)).test_client()
    limited.environ_base["REMOTE_ADDR"] = "198.51.100.7"  # who asked nothing before
    ad = books.show("clicks")
    statuses = [click(limited, ad).status_code for _ in range(12)]
    assert statuses[:10] == [302] * 10
    assert statuses[-1] == 429
    assert get(limited, f"/ads/pixel/{ad.token}").status_code == 200
    assert beacon(limited, (ad.token, "viewable"))["accepted"] == 1, "it has a bucket of its own"
    for _ in range(20):
        assert get(limited, f"/ads/pixel/{ad.token}").status_code == 200


def test_without_postgres(books: AdBooks) -> None:
    ad = books.show("clicks")
    gone = books.platform.settings.model_copy(
        update={"database_url": "postgresql+psycopg2://nobody:x@127.0.0.1:1/none"}
    )
    alone = create_app(assemble(gone, clock=books.clock)).test_client()
    answer = click(alone, ad)
    assert answer.status_code == 503
    assert "Retry-After" in answer.headers
    assert get(alone, f"/ads/pixel/{ad.token}").status_code == 200
