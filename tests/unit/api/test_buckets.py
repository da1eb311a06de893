"""Token buckets without Redis: the arithmetic, against a bucket that counts tokens."""

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vitrine.api import buckets
from vitrine.api.buckets import Buckets, Quota, Standing
from vitrine.assembly import Platform
from vitrine.breaker import Breaker
from vitrine.redis_calls import RedisCalls

SECOND = 1_000_000


class Clock:
    now = 50 * SECOND

    def monotonic_ns(self) -> int:
        return self.now * 1000


@pytest.fixture
def alone(lonely: Platform) -> Buckets:
    """Redis does not answer: each process counts for itself."""
    return Buckets(RedisCalls(lonely.redis, Breaker("Redis", lambda error: True, failures=1)))


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[Clock]:
    clock = Clock()
    monkeypatch.setattr(buckets, "time", clock)
    yield clock


@pytest.mark.parametrize(
    ("per_minute", "burst", "window"), [(6000, 1000, 10), (600, 100, 10), (60, 10, 10), (6, 6, 60)]
)
def test_a_quota_in_figures(per_minute: int, burst: int, window: int) -> None:
    quota = Quota("key", per_minute)
    assert (quota.burst, quota.window_seconds) == (burst, window)


def test_a_burst_and_then_as_much_as_is_earned(alone: Buckets, clock: Clock) -> None:
    quota = Quota("key", 60)
    taken = [alone.take([(quota, "a")])[0] for _ in range(11)]
    assert [one.remaining for one in taken] == [9, 8, 7, 6, 5, 4, 3, 2, 1, 0, 0]
    assert [one.refused for one in taken] == [False] * 10 + [True]
    assert taken[-1].retry_after_seconds == 1
    assert taken[-1].full_in_seconds == 10
    assert not alone.take([(quota, "b")])[0].refused
    clock.now += SECOND
    assert not alone.take([(quota, "a")])[0].refused
    assert alone.take([(quota, "a")])[0].refused


def test_one_bucket_that_refuses_spares_the_others(alone: Buckets, clock: Clock) -> None:
    key, address = Quota("key", 6000), Quota("address", 60)
    for _ in range(10):
        alone.take([(key, "k"), (address, "a")])
    for _ in range(5):
        assert alone.take([(key, "k"), (address, "a")])[1].refused
    assert alone.take([(key, "k")])[0].remaining == 1000 - 11


@given(pauses=st.lists(st.integers(0, 3 * SECOND), max_size=60), per_minute=st.integers(1, 6000))
def test_it_admits_what_a_bucket_of_tokens_admits(pauses: list[int], per_minute: int) -> None:
    quota = Quota("key", per_minute)
    now, full_at = 50 * SECOND, 0
    tokens, seen_at = quota.burst * quota.interval, now  # in microseconds earned, as one interval
    for pause in pauses:
        now += pause
        tokens = min(quota.burst * quota.interval, tokens + now - seen_at)
        seen_at = now
        standing = Standing(quota, max(full_at, now) + quota.interval - now)
        assert standing.refused == (tokens < quota.interval)
        if not standing.refused:
            full_at = now + standing.owed
            tokens -= quota.interval
            assert standing.remaining == tokens // quota.interval


def test_what_is_remembered_is_bounded(alone: Buckets, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(buckets, "_REMEMBER_BUCKETS", 5)
    for number in range(50):
        alone.take([(Quota("key", 60), str(number))])
    assert len(alone._full_at) == 5
