"""The hot counters: in Redis as in the memory of one process, and after Redis was lost."""

import dataclasses
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.integration.ad_books import MILLION, AdBooks, ad_books
from vitrine.ads.asks import Ask, CapAsk, Reservation, Standing, member_of
from vitrine.ads.own_counters import OwnCounters
from vitrine.ads.shared_counters import SharedCounters

BEGIN = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
LASTS = timedelta(seconds=900)
SECONDS = st.integers(0, 2000)
MEMBERS = st.integers(1, 6)
CAMPAIGNS = st.integers(1001, 1002)
AMOUNTS = st.integers(0, 60)
CAPS = st.lists(
    st.builds(
        CapAsk,
        name=st.sampled_from(["hour", "day"]),
        key=st.sampled_from(["a", "b"]),
        most=st.integers(1, 4),
        base=st.integers(0, 3),
        seconds=st.sampled_from([60, 600]),
    ),
    max_size=2,
    unique_by=lambda cap: cap.key,
).map(tuple)
STANDINGS = st.builds(
    Standing,
    campaign_id=CAMPAIGNS,
    version=st.integers(1, 5),
    total_micros=st.integers(50, 200),
    daily_micros=st.none() | st.integers(20, 100),
    spent_micros=AMOUNTS,
    day=st.none() | st.sampled_from([date(2026, 4, 30), date(2026, 5, 1), date(2026, 5, 2)]),
    day_spent_micros=AMOUNTS,
)
ASKS = st.lists(
    st.builds(
        Ask,
        decision=MEMBERS.map(str),
        position=st.just(1),
        standing=STANDINGS,
        today=st.just(date(2026, 5, 1)),
        price_micros=AMOUNTS,
        expected_micros=AMOUNTS,
        caps=CAPS,
    ),
    min_size=1,
    max_size=3,
)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("reserve"), SECONDS, ASKS),
        st.tuples(st.just("reserve"), SECONDS, ASKS),
        st.tuples(st.just("release"), SECONDS, ASKS),
        st.tuples(st.just("end"), MEMBERS, st.none() | STANDINGS, CAMPAIGNS),
        st.tuples(st.just("restore"), STANDINGS, st.dictionaries(MEMBERS, AMOUNTS)),
    ),
    min_size=5,
    max_size=30,
)


@pytest.fixture(scope="module")
def books(request: pytest.FixtureRequest) -> Iterator[AdBooks]:
    with ad_books(request) as opened:
        yield opened


@settings(max_examples=60, deadline=None)
@given(steps=STEPS)
def test_a_process_counts_as_redis_does(books: AdBooks, steps: list[Any]) -> None:
    books.platform.redis.flushall()
    shared, own = SharedCounters(books.redis, seconds=900), OwnCounters()
    now = BEGIN
    for name, *told in steps:
        for book in (shared, own) if name != "reserve" else ():
            if name == "release":
                book.release(told[1], now)
            elif name == "end":
                member, standing, campaign = told
                if standing is not None:
                    standing = dataclasses.replace(standing, campaign_id=campaign)
                book.end(campaign, member_of(str(member), 1), standing)
            else:
                reservations = [
                    Reservation(member_of(str(member), 1), amount, now + LASTS)
                    for member, amount in told[1].items()
                ]
                book.restore(told[0], reservations)
        if name == "reserve":
            now += timedelta(seconds=told[0] / 4)
            answers = shared.reserve(told[1], now, now + LASTS)
            assert answers == own.reserve(told[1], now, now + LASTS)


def test_what_is_open_is_kept_free_until_it_ends(books: AdBooks) -> None:
    slug = books.campaign("open", total_budget_micros=10 * MILLION)
    half = books.ask(slug, price=MILLION, probability=4.5)
    asks = [half, dataclasses.replace(half, position=2), dataclasses.replace(half, position=3)]
    assert books.counters.reserve(asks) == [None, None, "budget"]
    assert books.counters.reserve(asks[:2]) == [None, None], "the same again takes nothing"
    books.counters.release(asks[:1])
    books.counters.release(asks[:1])
    assert books.counters.reserve(asks[2:]) == [None]
    books.counters.ended(half.decision, 2, half.standing.campaign_id)
    assert books.counters.reserve(asks[:1]) == [None]
    again = dataclasses.replace(half, decision="later")
    assert books.counters.reserve([again]) == ["budget"]
    books.clock.now += timedelta(seconds=900)
    assert books.counters.reserve([again]) == [None]


def test_so_many_that_ended_are_dropped_by_parts(books: AdBooks) -> None:
    slug = books.campaign("ended", total_budget_micros=10 * MILLION)
    ask = books.ask(slug, price=1, probability=1.0)
    ended = [Reservation(member_of(f"e{n}", 1), 1, BEGIN) for n in range(2500)]
    shared, own = SharedCounters(books.redis, seconds=900), OwnCounters()
    left = []
    for book in (shared, own):
        book.restore(ask.standing, ended)
    for _ in range(3):
        assert shared.reserve([ask], BEGIN, BEGIN + LASTS) == [""]
        left.append(int(books.platform.redis.zcard(f"vitrine:ads:open:{books.ids[slug]}")))
    assert left == [1501, 501, 1], "what is reserved itself is one of them"
    own.reserve([ask], BEGIN, BEGIN + LASTS)
    kept = own._kept[books.ids[slug]]
    assert (len(kept.open), len(kept.ends), kept.kept_free) == (1, 1, ask.expected_micros)


def test_there_is_enough_for_one_event_at_its_full_price(books: AdBooks) -> None:
    bounds = {"total_budget_micros": 10 * MILLION, "daily_budget_micros": 5 * MILLION}
    slug = books.campaign("full", **bounds)
    ask = books.ask(slug, price=MILLION, probability=0.001)
    left = dataclasses.replace(ask.standing, version=2, spent_micros=9 * MILLION + 1)
    told = dataclasses.replace(ask, standing=left)
    assert books.counters.reserve([told]) == ["budget"]
    today = dataclasses.replace(left, version=3, spent_micros=5 * MILLION, day=ask.today,
                                day_spent_micros=4 * MILLION + 1)  # fmt: skip
    told = dataclasses.replace(ask, standing=today)
    assert books.counters.reserve([told]) == ["daily_budget"]
    # An older standing changes nothing, and another day has a budget of its own.
    assert books.counters.reserve([ask]) == ["daily_budget"]
    tomorrow = dataclasses.replace(told, today=ask.today + timedelta(days=1))
    assert books.counters.reserve([tomorrow]) == [None]


def test_caps_hold_among_requests_that_postgres_does_not_know_yet(books: AdBooks) -> None:
    slug = books.campaign("capped")
    hour = CapAsk("hour", "capped:1:hour", most=4, base=2, seconds=60)
    day = CapAsk("day", "capped:1:day", most=9, base=2, seconds=60)
    asks = [books.ask(slug, 10, 0.5, caps=(day, hour)) for _ in range(4)]
    assert books.counters.reserve(asks) == [None, None, "cap:hour", "cap:hour"]
    assert books.counters.reserve(asks[2:]) == ["cap:hour"] * 2
    books.counters.release(asks[:1])
    assert books.counters.reserve(asks[2:3]) == [None]
    # What PostgreSQL knows by then, the counter need not.
    books.clock.now += timedelta(seconds=61)
    known = dataclasses.replace(hour, base=3)
    asks = [books.ask(slug, 10, 0.5, caps=(known,)) for _ in range(2)]
    assert books.counters.reserve(asks) == [None, "cap:hour"]


def test_everything_in_redis_ends(books: AdBooks) -> None:
    books.platform.redis.flushall()
    cap = CapAsk("hour", "ends:1:hour", most=4, base=2, seconds=60)
    ask = books.ask(books.campaign("ends"), 10, 0.5, caps=(cap,))
    assert books.counters.reserve([ask]) == [None]
    keys: Any = books.platform.redis.keys("vitrine:ads:*")
    assert len(keys) == 3
    assert all(0 < books.platform.redis.ttl(key) <= 1800 for key in keys)


@pytest.mark.parametrize("lost", ["both", "book", "reservations"])
def test_a_lost_redis_is_made_again_of_what_postgres_knows(books: AdBooks, lost: str) -> None:
    slug = books.campaign(f"lost-{lost}", total_budget_micros=10 * MILLION)
    old = books.show(slug, price=3 * MILLION, probability=1.0)
    books.clock.now += timedelta(seconds=800)
    books.show(slug, price=4 * MILLION, probability=1.0)
    campaign = books.ids[slug]
    gone = {"book": ["budget"], "reservations": ["open"]}.get(lost, ["budget", "open"])
    books.platform.redis.delete(*(f"vitrine:ads:{one}:{campaign}" for one in gone))
    assert books.counters.reserve([books.ask(slug, 3 * MILLION + 1, 1.0)]) == ["budget"]
    kept: Any = books.platform.redis.hgetall(f"vitrine:ads:budget:{campaign}")
    assert int(kept[b"open"]) == 7 * MILLION
    # It ends when it would have ended.
    books.clock.now += timedelta(seconds=101)
    assert books.clock.now - old.at > LASTS
    assert books.counters.reserve([books.ask(slug, 6 * MILLION, 1.0)]) == [None]


def test_redis_is_away_for_a_while(books: AdBooks) -> None:
    slug = books.campaign("away", total_budget_micros=10 * MILLION)
    books.show(slug, price=3 * MILLION, probability=1.0)
    books.redis.away = True
    assert books.counters.reserve([books.ask(slug, 8 * MILLION, 1.0)]) == ["budget"]
    alone = books.show(slug, price=4 * MILLION, probability=1.0)
    assert books.counters.reserve([books.ask(slug, 4 * MILLION, 1.0)]) == ["budget"]
    books.redis.away = False
    # What was reserved without it is not forgotten.
    assert books.counters.reserve([books.ask(slug, 4 * MILLION, 1.0)]) == ["budget"]
    books.counters.ended(alone.decision, 1, books.ids[slug])
    assert books.counters.reserve([books.ask(slug, 4 * MILLION, 1.0)]) == [None]
