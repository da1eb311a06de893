"""A bulkhead: a dependency that became slow holds some of the threads, never all of them.

As long as it answers, whoever finds all places taken waits a moment for one. Once none has become
free for that moment, everyone else is refused at once.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from vitrine import deadline
from vitrine.errors import Unavailable

# Longer than Milvus Lite stands still while it flushes.
PATIENCE_SECONDS = 1.5
RETRY_SECONDS = 2


class Bulkhead:
    """Lets `at_once` threads wait for one dependency."""

    def __init__(
        self, name: str, at_once: int, *, patience_seconds: float = PATIENCE_SECONDS
    ) -> None:
        self._name = name
        self._patience_seconds = patience_seconds
        self._places = threading.BoundedSemaphore(at_once)
        self._moved_at = 0.0  # when a place was last taken at once or became free

    @contextmanager
    def place(self) -> Iterator[None]:
        """Hold a place; raises Unavailable when all are held by calls that do not end."""
        if not self._places.acquire(blocking=False):
            self._wait()
        else:
            self._moved_at = time.monotonic()
        try:
            yield
        finally:
            self._moved_at = time.monotonic()
            self._places.release()

    def _wait(self) -> None:
        patience = self._moved_at + self._patience_seconds - time.monotonic()
        if patience <= 0 or not self._places.acquire(timeout=deadline.bounded(patience)):
            raise Unavailable(
                f"{self._name} is slow and too many requests wait for it; try again in a few "
                "seconds.",
                retry_after_seconds=RETRY_SECONDS,
            )
