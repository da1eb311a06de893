"""Who may ask how often: each key, each address with a published key, without one, or guessing.

Announced as draft-ietf-httpapi-ratelimit-headers-11 has it, in `RateLimit-Policy` and `RateLimit`.
"""

import ipaddress
import threading
import time
from collections import OrderedDict

from flask import Flask, Response, g, request

from vitrine import logs
from vitrine.api.buckets import Buckets, Quota, Standing
from vitrine.errors import TooManyRequests
from vitrine.redis_calls import RedisCalls
from vitrine.settings import Settings

# Wrong keys of one address. There is nothing to guess in 256 bits; this spares the database, and is
# so high that a right key among many wrong ones behind one proxy is found soon.
WRONG_KEYS_PER_MINUTE = 600
_REMEMBER_GUESSERS = 10_000
_log = logs.get(__name__)


class Limits:
    """Raises TooManyRequests for what comes too often."""

    def __init__(self, settings: Settings, redis: RedisCalls) -> None:
        self._buckets = Buckets(redis)
        self._of_key = _quota("key", settings.rate_limit_per_minute)
        self._of_address = _quota("address", settings.rate_limit_per_address)
        self._of_stranger = _quota("stranger", settings.rate_limit_per_address)
        self._of_guesser = Quota("wrong-keys", WRONG_KEYS_PER_MINUTE)
        self._proxies = settings.trusted_proxies
        self._guessers: OrderedDict[str, float] = OrderedDict()
        self._lock = threading.Lock()

    def count(self, key_id: str, *, published: bool) -> None:
        """Count a request of this key, and of this address if the key is there for everyone."""
        wanted = [(self._of_key, key_id)] if self._of_key else []
        if published and self._of_address:
            wanted.append((self._of_address, f"{key_id}:{address()}"))
            self._warn_of_proxy()
        if wanted:
            standings = g.standings = self._buckets.take(wanted)
            _refuse(standings)

    def count_stranger(self, call: str) -> None:
        """Count a call that needs no key; each such call has a bucket of its own."""
        if self._of_stranger:
            wanted = [(self._of_stranger, f"{call}:{address()}")]
            self._warn_of_proxy()
            standings = g.standings = self._buckets.take(wanted)
            _refuse(standings)

    def meet_stranger(self) -> None:
        """Look at an address before a key of it is looked up that was never seen here."""
        until = self._guessers.get(address(), 0.0)
        wait = until - time.monotonic()
        if wait > 0:
            raise _too_many(self._of_guesser, int(wait) + 1)

    def count_wrong_key(self) -> None:
        """Count a key that nobody has."""
        (standing,) = self._buckets.take([(self._of_guesser, address())])
        if standing.refused:
            with self._lock:
                until = time.monotonic() + standing.retry_after_seconds
                self._guessers[address()] = until
                self._guessers.move_to_end(address())
                while len(self._guessers) > _REMEMBER_GUESSERS:
                    self._guessers.popitem(last=False)
            raise _too_many(self._of_guesser, standing.retry_after_seconds)

    def _warn_of_proxy(self) -> None:
        if self._proxies == 0 and "X-Forwarded-For" in request.headers:
            self._proxies = -1  # once is enough
            _log.warning(
                "proxy.not_trusted",
                hint="requests come through a proxy and count as of one address; set "
                "VITRINE_TRUSTED_PROXIES to the number of proxies before the api",
            )


def install(app: Flask) -> None:
    """Say with every counted answer how its buckets stand."""

    @app.after_request
    def announce(response: Response) -> Response:
        standings: list[Standing] = g.get("standings", [])
        if standings:
            policy = [f'"{s.quota.name}";q={s.quota.burst};w={_window(s)}' for s in standings]
            left = [f'"{s.quota.name}";r={s.remaining};t={s.full_in_seconds}' for s in standings]
            response.headers["RateLimit-Policy"] = ", ".join(policy)
            response.headers["RateLimit"] = ", ".join(left)
        return response


def address() -> str:
    """The caller's address; of IPv6 the network, as every customer has billions in one."""
    try:
        found = ipaddress.ip_address(request.remote_addr or "")
    except ValueError:
        return "unknown"
    if isinstance(found, ipaddress.IPv6Address):
        if found.ipv4_mapped:
            return str(found.ipv4_mapped)
        return str(ipaddress.ip_network((found, 64), strict=False))
    return str(found)


def _window(standing: Standing) -> int:
    return standing.quota.window_seconds


def _quota(name: str, per_minute: int) -> Quota | None:
    return Quota(name, per_minute) if per_minute else None


def _refuse(standings: list[Standing]) -> None:
    refusing = [standing for standing in standings if standing.refused]
    if refusing:
        worst = max(refusing, key=lambda standing: standing.owed)
        raise _too_many(worst.quota, max(each.retry_after_seconds for each in refusing))


def _too_many(quota: Quota, seconds: int) -> TooManyRequests:
    what = {
        "key": "This key asks",
        "address": "This address asks with this key",
        "stranger": "This address asks",
        "wrong-keys": "This address sends wrong keys",
    }[quota.name]
    return TooManyRequests(
        f"{what} more than {quota.per_minute} times a minute; try again in {seconds} s.",
        retry_after_seconds=seconds,
    )
