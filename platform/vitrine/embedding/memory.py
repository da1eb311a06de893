"""Batches that shrink when memory is short, and grow again when it may have come back."""

import threading
import time
from collections.abc import Callable

from vitrine import logs
from vitrine.errors import OutOfMemory

# A batch that did not fit is not tried again before; then twice the size, and so on.
REMEMBER_SECONDS = 60.0

# How libraries say it that have no class for it: OpenVINO, and torch on a CPU.
_SAID = ("bad_alloc", "out of memory", "allocate memory", "can't alloc")
_SAID_TOGETHER = ("fail", "alloc", "memory")

log = logs.get(__name__)


class BatchSize:
    """How many pictures may be computed at once now; safe in threads."""

    def __init__(self, most: int, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._most = most
        self._clock = clock
        self._lock = threading.Lock()
        self._limit = most
        self._until = 0.0

    @property
    def now(self) -> int:
        with self._lock:
            if self._limit < self._most and self._clock() >= self._until:
                self._limit = min(self._most, 2 * self._limit)
                self._until = self._clock() + REMEMBER_SECONDS
            return self._limit

    def shrink(self, failed: int) -> None:
        """Remember that so many did not fit."""
        with self._lock:
            # Of threads that failed side by side, the one that tried least knows most.
            self._limit = min(self._limit, max(1, failed // 2))
            self._until = self._clock() + REMEMBER_SECONDS


def within_memory(fits: BatchSize, wanted: int, run: Callable[[int], None]) -> None:
    """Run with batches of `wanted`, then of half as many until they fit.

    `run` is given the size and goes on where it stopped. Raises OutOfMemory where one picture does
    not fit, and whatever else `run` raises.
    """
    while True:
        size = max(1, min(wanted, fits.now))
        try:
            return run(size)
        except (MemoryError, RuntimeError) as error:
            if not is_out_of_memory(error):
                raise
            fits.shrink(size)
            if size == 1:
                raise OutOfMemory(
                    "There is not enough memory to compute this picture now; try again."
                ) from error
        # Out of the handler: the error held on to all that the batch had allocated.
        log.warning("batch.shrunk", did_not_fit=size)


def is_out_of_memory(error: BaseException) -> bool:
    """Say whether this is what a library raises when it gets no memory, on a CPU or a GPU."""
    if isinstance(error, MemoryError):
        return True
    # That of torch on a GPU has a class of its own, which is one of these and says it in words.
    if not isinstance(error, RuntimeError):
        return False
    said = str(error).lower()
    return any(mark in said for mark in _SAID) or all(word in said for word in _SAID_TOGETHER)
