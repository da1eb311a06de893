"""Around every call to the index server: what keeps a slow or silent one from holding the rest."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

from vitrine import deadline
from vitrine.breaker import Breaker
from vitrine.bulkhead import Bulkhead
from vitrine.errors import Unavailable
from vitrine.index import failures

# Each costs whoever made it the whole timeout.
FAILURES = 3
# A wait that the caller's own deadline cut shorter than this says nothing about the server.
_FAIR = 0.5


class Silent(Unavailable):
    """Nobody could connect within the timeout."""


class Guard:
    """A circuit breaker behind a bulkhead of `at_once` places, or of any number."""

    def __init__(self, uri: str, timeout_seconds: float, at_once: int | None = None) -> None:
        name = f"The vector index at {uri}"
        self._timeout_seconds = timeout_seconds
        self._breaker = Breaker(name, _is_silence, failures=FAILURES)
        self._bulkhead = Bulkhead(name, at_once) if at_once else None

    @contextmanager
    def call(self) -> Iterator[None]:
        """Make one call inside. Raises Unavailable while the server is known to be silent."""
        with self._bulkhead.place() if self._bulkhead else nullcontext():
            fair = deadline.bounded(self._timeout_seconds) >= _FAIR * self._timeout_seconds
            with self._breaker.attempt(None if fair else _cut_short):
                yield

    def refuse(self) -> None:
        """Raise Unavailable while the server is known to be silent."""
        self._breaker.refuse()

    @contextmanager
    def look(self) -> Iterator[None]:
        """Make a call inside that asks whether the server is well: it is always made."""
        with self._breaker.look():
            yield


def _is_silence(error: Exception) -> bool | None:
    cause = error.__cause__ or error  # the client puts what went wrong into our words
    if isinstance(cause, Silent) or (isinstance(cause, Exception) and failures.is_silence(cause)):
        return True
    return _cut_short(error)


def _cut_short(error: Exception) -> bool | None:
    cause = error.__cause__ or error
    return False if isinstance(cause, Exception) and failures.is_answer(cause) else None
