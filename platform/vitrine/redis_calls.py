"""Redis for short-lived state: asked briefly, and not at all while it does not answer."""

import time
from collections.abc import Callable
from typing import Any, TypeVar

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as Disconnected
from redis.exceptions import RedisError, ResponseError
from redis.exceptions import TimeoutError as Silence
from redis.retry import Retry

from vitrine import deadline
from vitrine.breaker import Breaker
from vitrine.errors import Unavailable

T = TypeVar("T")

# What is kept here is a convenience: a request goes on without it rather than waits for it.
LONGEST_WAIT_SECONDS = 1.0
# The rest is for what is small and has to be there, such as the limits of the api: Redis at its
# bound throws away what ends soonest, and those end within seconds.
FULL_SHARE = 0.8
LOOK_EVERY_SECONDS = 1.0


def make_redis(url: str, *, timeout_seconds: float) -> Redis:
    """A client that connects lazily and waits at most `timeout_seconds` for each answer.

    A connection that broke while it idled is made anew once; the client's own default would wait
    for seconds between several tries.
    """
    return Redis.from_url(
        url,
        socket_timeout=timeout_seconds,
        socket_connect_timeout=timeout_seconds,
        retry=Retry(NoBackoff(), 1, supported_errors=(Disconnected,)),
        retry_on_error=[],
    )


class RedisCalls:
    """Calls to one Redis behind one circuit breaker."""

    def __init__(self, client: Redis, breaker: Breaker | None = None) -> None:
        self._client = client
        self._breaker = breaker or Breaker("Redis", _is_silence, failures=2)
        self._full = False
        self._look_at = 0.0

    def call(self, ask: Callable[[Redis], T]) -> T:
        """Ask; raises Unavailable if it does not answer, at once while that is known."""
        deadline.bounded(LONGEST_WAIT_SECONDS)
        try:
            with self._breaker.attempt():
                return ask(self._client)
        except RedisError as error:
            raise Unavailable(f"Redis does not answer: {error}.") from error

    def refuse_if_full(self) -> None:
        """Raise Unavailable while Redis holds nearly as much as it may; ask before large things.

        What it holds is looked at once a second; without `maxmemory` there is no bound.
        """
        now = time.monotonic()
        if now >= self._look_at:
            self._look_at = now + LOOK_EVERY_SECONDS
            self._full = self.call(_is_full)
        if self._full:
            raise Unavailable("Too much is being kept for now; try again in a few seconds.")


def _is_full(redis: Redis) -> bool:
    try:
        memory: Any = redis.info("memory")
    except ResponseError:
        return False  # a server that may not be asked
    most = memory.get("maxmemory", 0)
    return bool(most and memory["used_memory"] > FULL_SHARE * most)


def _is_silence(error: Exception) -> bool | None:
    # Anything else, such as "out of memory", is an answer.
    return isinstance(error, Disconnected | Silence) if isinstance(error, RedisError) else None
