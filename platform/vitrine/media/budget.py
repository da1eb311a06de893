"""A gate in front of what takes memory: how many bytes may be in use for it at once.

A request thread has no idea what its neighbours hold. A gate is one for the process, first come
first served, so that a large claim is not starved by small ones.
"""

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager


class ByteBudget:
    """Lets claims in while their bytes together stay under a bound."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._queue: deque[object] = deque()
        self._taken = 0

    @property
    def taken(self) -> int:
        """Bytes that are claimed now."""
        return self._taken

    @contextmanager
    def reserve(
        self, size: int, *, bound: int, wait_seconds: float | None = None
    ) -> Iterator[None]:
        """Wait until `size` bytes more fit under `bound`.

        A claim above the bound goes alone instead of waiting for ever: whether it may be made at
        all is decided before. Raises TimeoutError after `wait_seconds`, if they are given.
        """
        ticket = object()
        with self._changed:
            self._queue.append(ticket)
            try:
                admitted = self._changed.wait_for(
                    lambda: (
                        self._queue[0] is ticket
                        and (self._taken == 0 or self._taken + size <= bound)
                    ),
                    wait_seconds,
                )
            finally:
                # Also on KeyboardInterrupt: an abandoned ticket would block everybody behind it.
                self._queue.remove(ticket)
                self._changed.notify_all()
            if not admitted:
                raise TimeoutError(f"no room for {size} bytes")
            self._taken += size
        try:
            yield
        finally:
            with self._changed:
                self._taken -= size
                self._changed.notify_all()


# The one of this process for decoding: memory is shared by all its threads, whoever asks.
DECODING = ByteBudget()
