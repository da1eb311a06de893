"""Token buckets (GCRA), one number each: shared in Redis, and for each process without it.

The number is the time at which the bucket will be full again. A request moves it on by one
interval, and is refused if that is further away than the whole bucket.
"""

import math
import threading
import time
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

from redis import Redis
from redis.commands.core import Script

from vitrine.errors import Unavailable
from vitrine.redis_calls import RedisCalls

_MICROSECONDS = 1_000_000
# What is earned in this time may be asked for at once: a page wants several things.
_BURST_SECONDS = 10
_LEAST_BURST = 10
_REMEMBER_BUCKETS = 10_000

# All of them are taken from or none: a refused request costs nothing. The clock is that of Redis,
# which every api process shares.
_SCRIPT = """
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local full_at, refused = {}, false
for i, key in ipairs(KEYS) do
  local interval, burst = tonumber(ARGV[2 * i - 1]), tonumber(ARGV[2 * i])
  full_at[i] = math.max(tonumber(redis.call('GET', key)) or 0, now) + interval
  refused = refused or full_at[i] - now > interval * burst
end
local owed = {}
for i, key in ipairs(KEYS) do
  owed[i] = full_at[i] - now
  if not refused then
    redis.call('SET', key, string.format('%.0f', full_at[i]), 'PX', math.ceil(owed[i] / 1000))
  end
end
return owed
"""


@dataclass(frozen=True, slots=True)
class Quota:
    """How often somebody may ask: `per_minute` in the long run, `burst` at once."""

    name: str
    per_minute: int

    @property
    def burst(self) -> int:
        return max(self.per_minute * _BURST_SECONDS // 60, min(self.per_minute, _LEAST_BURST))

    @property
    def interval(self) -> int:
        """Microseconds in which one request is earned."""
        return 60 * _MICROSECONDS // self.per_minute

    @property
    def window_seconds(self) -> int:
        """The time in which a whole burst is earned."""
        return math.ceil(self.burst * self.interval / _MICROSECONDS)


@dataclass(frozen=True, slots=True)
class Standing:
    """How a bucket stands after a request; `owed` are the microseconds until it is full."""

    quota: Quota
    owed: int

    @property
    def refused(self) -> bool:
        return self.owed > self.quota.burst * self.quota.interval

    @property
    def remaining(self) -> int:
        return max(0, self.quota.burst - math.ceil(self.owed / self.quota.interval))

    @property
    def full_in_seconds(self) -> int:
        return math.ceil(min(self.owed, self.quota.burst * self.quota.interval) / _MICROSECONDS)

    @property
    def retry_after_seconds(self) -> int:
        return max(1, math.ceil((self.owed - self.quota.burst * self.quota.interval) / 1e6))


class Buckets:
    """Takes one request from several buckets at once; while Redis is away, from this process's."""

    def __init__(self, redis: RedisCalls) -> None:
        self._redis = redis
        self._script: Script | None = None
        self._full_at: OrderedDict[str, int] = OrderedDict()
        self._lock = threading.Lock()

    def take(self, wanted: Sequence[tuple[Quota, str]]) -> list[Standing]:
        """Take one from the bucket of each quota and owner, unless one of them refuses."""
        keys = [f"vitrine:limit:{quota.name}:{owner}" for quota, owner in wanted]
        quotas = [quota for quota, _ in wanted]
        try:
            owed = self._shared(keys, quotas)
        except Unavailable:
            owed = self._own(keys, quotas)
        return [Standing(quota, each) for quota, each in zip(quotas, owed, strict=True)]

    def _shared(self, keys: list[str], quotas: list[Quota]) -> list[int]:
        numbers = [number for quota in quotas for number in (quota.interval, quota.burst)]

        def ask(redis: Redis) -> list[int]:
            # It is named by its digest; its text is sent only where Redis does not know it yet.
            script = self._script = self._script or redis.register_script(_SCRIPT)
            return list(script(keys=keys, args=numbers))

        return self._redis.call(ask)

    def _own(self, keys: list[str], quotas: list[Quota]) -> list[int]:
        now = time.monotonic_ns() // 1000
        with self._lock:
            full_at = [
                max(self._full_at.get(key, 0), now) + quota.interval
                for key, quota in zip(keys, quotas, strict=True)
            ]
            owed = [at - now for at in full_at]
            if not any(Standing(*each).refused for each in zip(quotas, owed, strict=True)):
                for key, at in zip(keys, full_at, strict=True):
                    self._full_at[key] = at
                    self._full_at.move_to_end(key)
            while len(self._full_at) > _REMEMBER_BUCKETS:
                self._full_at.popitem(last=False)
        return owed
