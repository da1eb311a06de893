"""Bytes with a time to live, in the real Redis, and without one."""

import socket
import time

import pytest

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


def test_a_full_redis_forgets_what_ends_soonest_and_never_the_broker(platform: Platform) -> None:
    info = platform.redis.config_get("maxmemory*")
    assert info["maxmemory-policy"] == "volatile-ttl"  # type: ignore[index]
    assert info["maxmemory"] == str(512 * 1024 * 1024)  # type: ignore[index]
