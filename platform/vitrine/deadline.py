"""How long the work at hand may still take: a bound that every call to a dependency respects.

A request begins one; workers and commands have none, so that only each call's own bound holds. It
belongs to the context: a thread that helps with a request has to be run in a copy of its context
(`contextvars.copy_context().run`).
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from vitrine.errors import Unavailable

_ends: ContextVar[float | None] = ContextVar("deadline", default=None)


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Bound what is done inside; a bound that is there already and ends earlier stays."""
    ends, outer = time.monotonic() + seconds, _ends.get()
    token = _ends.set(ends if outer is None else min(ends, outer))
    try:
        yield
    finally:
        _ends.reset(token)


def time_left() -> float | None:
    """The seconds left, below zero when they are over; None without a bound."""
    ends = _ends.get()
    return None if ends is None else ends - time.monotonic()


def bounded(seconds: float) -> float:
    """The shorter of `seconds` and the time left. Raises Unavailable when there is none left."""
    left = time_left()
    if left is None:
        return seconds
    if left <= 0:
        raise Unavailable("This took longer than a request may; try again in a few seconds.")
    return min(seconds, left)
