"""Bytes with a time to live, in the real Redis, and without one."""

import socket
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.pictures import jpeg
from vitrine import redis_calls
from vitrine.api.buckets import Buckets, Quota
from vitrine.assembly import Platform
from vitrine.errors import Unavailable
from vitrine.redis_calls import RedisCalls, make_redis
from vitrine.shortlived import ShortLived


def test_what_is_put_is_there_until_it_is_deleted(platform: Platform) -> None:
    store = platform.short_lived
    store.put("upload", "a", b"\x00\xff", 60)
    assert store.get("upload", "a") == b"\x00\xff"
    assert store.get("search", "a") is None
    assert 0 < platform.redis.ttl("vitrine:upload:a") <= 60  # type: ignore[operator]
    store.put("upload", "a", b"new", 5)
    assert store.get("upload", "a") == b"new"
    assert platform.redis.ttl("vitrine:upload:a") <= 5  # type: ignore[operator]
    store.delete("upload", "a")
    store.delete("upload", "a")
    assert store.get("upload", "a") is None


def test_nothing_is_kept_for_ever(platform: Platform) -> None:
    with pytest.raises(ValueError, match="seconds"):
        platform.short_lived.put("upload", "a", b"x", 0)


def test_a_silent_redis_is_waited_for_twice_and_then_not() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"redis://127.0.0.1:{silent.getsockname()[1]}/0"
        store = ShortLived(RedisCalls(make_redis(url, timeout_seconds=0.2)))
        for _ in range(2):
            with pytest.raises(Unavailable, match="Redis does not answer"):
                store.get("upload", "a")
        began = time.monotonic()
        for _ in range(50):
            with pytest.raises(Unavailable) as caught:
                store.put("upload", "a", b"x", 1)
        assert time.monotonic() - began < 0.2  # not one of them waited
        assert 1 <= caught.value.retry_after_seconds <= 5


@pytest.fixture
def bound(platform: Platform) -> Iterator[Callable[[float], None]]:
    """Let Redis hold so many times what it holds now; 0: no bound."""
    before = platform.redis.config_get("maxmemory")["maxmemory"]  # type: ignore[index]

    def to(times: float) -> None:
        used: Any = platform.redis.info("memory")
        platform.redis.config_set("maxmemory", int(used["used_memory"] * times))

    yield to
    platform.redis.config_set("maxmemory", before)


def test_what_is_large_never_pushes_out_what_is_small(
    platform: Platform, bound: Callable[[float], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_calls, "LOOK_EVERY_SECONDS", 0.0)
    store, quota = platform.short_lived, Quota("key", 6)
    buckets = Buckets(platform.redis_calls)
    buckets.take([(quota, "k")])
    store.put("upload", "a", b"kept", 60)
    bound(1.2)
    with pytest.raises(Unavailable, match="Too much is being kept"):
        store.put("upload", "b", b"x" * 1_000_000, 600)
    with pytest.raises(Unavailable, match="Too much is being kept"):
        platform.uploads.keep(jpeg(1), key_id="k")
    assert store.get("upload", "a") == b"kept"
    # The limits are still those of all processes.
    assert Buckets(platform.redis_calls).take([(quota, "k")])[0].remaining == quota.burst - 2
    store.delete("upload", "a")
    bound(0)
    store.put("upload", "b", b"x", 60)
    bound(2)
    store.put("upload", "b", b"x", 60)


def test_room_is_looked_for_once_a_second(
    platform: Platform, bound: Callable[[float], None]
) -> None:
    platform.short_lived.put("upload", "a", b"x", 60)
    bound(1.2)
    platform.redis_calls._look_at += 60
    platform.short_lived.put("upload", "a", b"x", 60)
    platform.redis_calls._look_at = 0.0
    with pytest.raises(Unavailable):
        platform.short_lived.put("upload", "a", b"x", 60)


def test_a_full_redis_forgets_what_ends_soonest_and_never_the_broker(platform: Platform) -> None:
    info = platform.redis.config_get("maxmemory*")
    assert info["maxmemory-policy"] == "volatile-ttl"  # type: ignore[index]
    assert info["maxmemory"] == str(512 * 1024 * 1024)  # type: ignore[index]
