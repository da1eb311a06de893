"""One event by itself: what it says, when it was, and what its token is worth."""

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vitrine.decisions.incoming import Batch, Terms, digest_of, read_batch
from vitrine.decisions.tokens import Shown, TokenSigner
from vitrine.errors import Forbidden
from vitrine.wire.events import EventBatch

SIGNER = TokenSigner("a secret key that only the tests use")
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
VISITOR = "GA1.1.731846.1795500000"


def read(*events: Any, published: bool = False, **batch: Any) -> Batch:
    sent = EventBatch.model_validate({"client_id": VISITOR, **batch, "events": list(events)})
    return read_batch(sent, Terms(SIGNER, NOW, 395, 90, published))


def view(**changes: Any) -> dict[str, Any]:
    params = {"items": [{"item_id": "acme:mug", **changes.pop("item", {})}]}
    return {"name": "view_item", "event_id": "e1", "params": params, **changes}


def micros(at: datetime) -> int:
    return int(at.timestamp()) * 1_000_000


def token(item: str = "acme:mug", *, age_days: float = 0) -> str:
    issued = int(time.time() - age_days * 86_400)
    return SIGNER.sign(Shown("k", "d1", "search", item, 3, "m", issued))


def said(notes: list[Any]) -> str:
    return " ".join(note.detail for note in notes)


def test_what_an_event_does_not_say_is_that_of_the_batch() -> None:
    at = NOW - timedelta(hours=2)
    (one,) = read(view(), user_id="ada", timestamp_micros=micros(at)).events
    assert (one.user, one.visitor, one.at) == ("ada", VISITOR, at)
    (one,) = read(view(user_id="bob", client_id="other", timestamp_micros=0)).events or (None,)
    assert one is None, "of 1970"


@pytest.mark.parametrize(
    ("ahead", "kept"),
    [
        (timedelta(days=-394), True),
        (timedelta(0), True),
        (timedelta(minutes=5), True),
        (timedelta(minutes=6), False),
        (timedelta(hours=23), False),
    ],
)
def test_a_clock_that_is_a_little_ahead_is_believed(ahead: timedelta, kept: bool) -> None:
    batch = read(view(timestamp_micros=micros(NOW + ahead)))
    (one,) = batch.events
    assert one.at == (NOW + ahead if kept else NOW)
    assert kept == (not batch.warnings)


def test_what_is_too_old_is_ignored_with_a_word() -> None:
    batch = read(view(timestamp_micros=micros(NOW - timedelta(days=396))))
    assert (batch.events, batch.ignored, batch.errors) == ([], 1, [])
    assert "2025-10-24" in said(batch.warnings)


def test_milliseconds_and_nanoseconds_are_told_from_microseconds() -> None:
    milliseconds = read(view(timestamp_micros=micros(NOW) // 1000))
    assert "1970-01-21" in said(milliseconds.warnings) and "microseconds" in said(
        milliseconds.warnings
    )
    nanoseconds = read(view(timestamp_micros=micros(NOW + timedelta(days=9000))))
    assert "microseconds" in said(nanoseconds.errors)


def test_without_a_time_it_is_now() -> None:
    assert read(view()).events[0].at == NOW


@pytest.mark.parametrize(
    ("event", "word"),
    [
        (7, "must be a JSON object"),
        ({}, "/name"),
        ({"name": 3}, "/name"),
        ({"name": "view_item", "event_id": "e"}, "/params/items"),
        (view(event_id=None), "/event_id"),
        (view(event_id=""), "/event_id"),
        (view(event_id="nul\x00"), "NUL"),
        (view(item={"item_id": 5}), "/params/items/0/item_id"),
        (view(item={"quantity": -1}), "/params/items/0/quantity"),
        (view(item={"price": "a lot"}), "/params/items/0/price"),
        (view(item={"price": 1e300}), "/params/items/0/price"),
        (view(item={"rating": 6}), "/params/items/0/rating"),
        (view(name="rate_item"), "/params/items/0/rating"),
        (view(user_id="a b"), "/user_id"),
        (view(user_id="a/b"), "/user_id"),
        (view(user_id=".."), "/user_id"),
        (view(user_id="\ud800"), "/user_id"),
        (view(timestamp_micros="now"), "/timestamp_micros"),
        (view(timestamp_micros=-1), "/timestamp_micros"),
        (view(params={"items": [{"item_id": "x"}] * 201}), "/params/items"),
    ],
)
def test_a_bad_event_says_where_and_costs_no_other(event: Any, word: str) -> None:
    batch = read(view(), event, view(event_id="e3"))
    assert [one.index for one in batch.events] == [0, 2]
    assert [note.index for note in batch.errors] == [1]
    assert word in said(batch.errors)


def test_nobody_did_it() -> None:
    sent = EventBatch.model_validate({"events": [view()]})
    batch = read_batch(sent, Terms(SIGNER, NOW, 395, 90, False))
    assert "/client_id" in said(batch.errors)


def test_what_else_ga4_sends_is_let_go() -> None:
    event = view(engagement_time_msec=3, item={"item_name": "Mug", "price": 12.345})
    batch = read(event, {"name": "page_view", "params": 3}, user_properties={"x": 1})
    assert str(batch.events[0].event.params.items[0].price) == "12.34"
    assert (batch.ignored, "page_view" in said(batch.warnings)) == (1, True)


def test_a_purchase_is_named_by_its_transaction() -> None:
    params = {"transaction_id": "T1", "items": [{"item_id": "acme:mug"}]}
    bought = {"name": "purchase", "params": params}
    first, second = read(bought, {**bought, "name": "refund"}).events
    assert first.digest != second.digest
    assert first.digest == digest_of(SIGNER, None, VISITOR, "purchase:T1")
    assert read({"name": "purchase", "params": {}}).errors


def test_an_event_id_is_that_of_its_shopper_alone() -> None:
    names = [("ada", None), (None, "ada"), ("ada", "v"), ("bob", "v"), (None, "v")]
    digests = [digest_of(SIGNER, *name, "e1") for name in names]
    assert digests[0] == digests[2], "a user's event is the same from any browser"
    assert len(set(digests)) == 4


def test_who_does_not_know_the_secret_cannot_tell_whose_event_it_was() -> None:
    other = TokenSigner("another secret key of the same length")
    assert digest_of(SIGNER, "ada", None, "e1") != digest_of(other, "ada", None, "e1")


def test_a_good_token_says_what_was_shown() -> None:
    (shown,) = read(view(item={"token": token()})).events[0].quoted
    assert shown is not None
    assert (shown.decision, shown.position) == ("d1", 3)


@pytest.mark.parametrize(
    ("quoted", "word"),
    [
        ("v1.forged.token", "not signed"),
        ("ü", "not signed"),
        (token("acme:lamp"), "another product"),
        (token(age_days=91), "too old"),
        (token().replace("v1.", "v1.A"), "not signed"),
    ],
    ids=["forged", "no token", "another's", "old", "changed"],  # tokens are made at collection
)
def test_a_bad_token_costs_only_itself(quoted: str, word: str) -> None:
    batch = read(view(item={"token": quoted}))
    assert batch.events[0].quoted == (None,)
    assert word in said(batch.warnings)


def test_the_token_of_an_event_is_that_of_its_one_item() -> None:
    params = {"items": [{"item_id": "acme:mug"}], "token": token()}
    assert read(view(params=params)).events[0].quoted[0] is not None
    params["items"] *= 2
    batch = read(view(params=params))
    assert batch.events[0].quoted == (None, None)
    assert "beside the items" in said(batch.warnings)


def test_a_key_in_pages_speaks_for_visitors_alone() -> None:
    for sent in ({"user_id": "ada"}, {}):
        event = view() if sent else view(user_id="ada")
        with pytest.raises(Forbidden, match="from your server"):
            read(event, published=True, **sent)
    assert read(view(), published=True).events
    short = read(view(client_id="123456789012345"), published=True)
    assert "at least 16" in said(short.errors)


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
_fields = st.sampled_from(
    ["name", "event_id", "timestamp_micros", "client_id", "user_id", "params", "items", "token"]
)


@given(st.lists(st.dictionaries(_fields, _json) | _json, min_size=1, max_size=4))
def test_whatever_comes_each_event_is_one_of_four_things(events: list[Any]) -> None:
    batch = read(*events, view(event_id="sound"))
    assert len(batch.events) + batch.ignored + len(batch.errors) == len(events) + 1
    assert batch.events[-1].event.key == "sound"
