"""A circuit breaker: nobody waits for a dependency that is known not to answer.

Closed, calls go through. After some failures in a row it opens: calls are refused at once. When it
has rested, one call goes through to try (half-open), and its outcome closes or opens it again.
"""

import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from vitrine import logs
from vitrine.errors import Unavailable

FAILURES = 5
REST_SECONDS = 5.0

log = logs.get(__name__)

Judge = Callable[[Exception], bool | None]
"""True: no answer came. False: one came, if only to refuse. None: the error tells neither."""


class Breaker:
    """One for each dependency, shared by the threads of a process."""

    def __init__(
        self,
        name: str,
        judge: Judge,
        *,
        failures: int = FAILURES,
        rest_seconds: float = REST_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = name
        self._judge = judge
        self._most_failures = failures
        self._rest_seconds = rest_seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._failures = 0
        self._opens_at: float | None = None  # when the next try may be made; None: closed
        self._trying = False

    @property
    def closed(self) -> bool:
        return self._opens_at is None

    @contextmanager
    def attempt(self, judge: Judge | None = None) -> Iterator[None]:
        """Make one call inside and learn from its outcome; raises Unavailable while open."""
        trying = self._admit()
        try:
            yield
        except Exception as error:
            silent = (judge or self._judge)(error)
            if silent:
                self._failed(trying, error)
            elif silent is False:
                self._answered()
            raise
        else:
            self._answered()
        finally:
            if trying:
                self._trying = False

    def refuse(self) -> None:
        """Raise Unavailable while a call would be refused; for work that leads up to one."""
        # Another thread may close it meanwhile, and the one try is for a call.
        opens_at = self._opens_at
        if opens_at is not None and (wait := opens_at - self._clock()) > 0:
            raise self._refusal(wait)

    @contextmanager
    def look(self) -> Iterator[None]:
        """Make one call inside that is never refused and whose failure does not count.

        For health checks: they are to see the dependency itself, and may find that it is back.
        """
        yield
        self._answered()

    def _admit(self) -> bool:
        if self._opens_at is None:
            return False
        with self._lock:
            if self._opens_at is None:
                return False
            wait = self._opens_at - self._clock()
            if wait <= 0 and not self._trying:
                self._trying = True
                return True
        raise self._refusal(wait)

    def _refusal(self, wait: float) -> Unavailable:
        return Unavailable(
            f"{self.name} does not answer; try again in a few seconds.",
            retry_after_seconds=max(1, math.ceil(wait)),
        )

    def _answered(self) -> None:
        if self._failures == 0 and self._opens_at is None:
            return  # the usual case needs no lock
        with self._lock:
            was_open = self._opens_at is not None
            self._failures, self._opens_at = 0, None
        if was_open:
            log.info("breaker.closed", dependency=self.name)

    def _failed(self, trying: bool, error: Exception) -> None:
        with self._lock:
            self._failures += 1
            opens = trying or (self._opens_at is None and self._failures >= self._most_failures)
            if opens:
                self._opens_at = self._clock() + self._rest_seconds
        if opens:
            log.warning("breaker.open", dependency=self.name, reason=str(error)[:300])
