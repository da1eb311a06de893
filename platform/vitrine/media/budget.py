"""A gate in front of the decoders: how many pixels may be in decoding at once.

Memory follows pixels (at most about 16 bytes for each while a picture is decoded), and a request
thread has no idea what its neighbours decode. The gate is one for the process, first come first
served, so that a large picture is not starved by small ones.
"""

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager


class PixelBudget:
    """Lets pictures in while their pixels together stay under a bound."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._queue: deque[object] = deque()
        self._pixels = 0

    @property
    def pixels(self) -> int:
        """Pixels that are being decoded now."""
        return self._pixels

    @contextmanager
    def reserve(self, pixels: int, *, bound: int) -> Iterator[None]:
        """Wait until `pixels` more fit under `bound`.

        A picture above the bound goes alone instead of waiting for ever: whether it may be decoded
        at all is decided before.
        """
        ticket = object()
        with self._changed:
            self._queue.append(ticket)
            try:
                self._changed.wait_for(
                    lambda: (
                        self._queue[0] is ticket
                        and (self._pixels == 0 or self._pixels + pixels <= bound)
                    )
                )
            finally:
                # Also on KeyboardInterrupt: an abandoned ticket would block everybody behind it.
                self._queue.remove(ticket)
                self._changed.notify_all()
            self._pixels += pixels
        try:
            yield
        finally:
            with self._changed:
                self._pixels -= pixels
                self._changed.notify_all()


# The one of this process: memory is shared by all its threads, whoever asks.
DECODING = PixelBudget()
