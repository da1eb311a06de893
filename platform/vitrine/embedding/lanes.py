"""Long work on many pictures in lanes: one decodes while another computes.

Decoding, scaling and computing all run outside of Python's lock, so a lane that does one after the
other for its few pictures, and another beside it that does the same, keep every core busy. There
is no queue between the steps that could fill up: a lane holds one piece of the work at a time.
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from typing import TypeVar

from vitrine.embedding.runtimes import MAX_BATCH

T = TypeVar("T")
R = TypeVar("R")

# Smaller pieces cost more in computing than they win by starting sooner.
LEAST_PIECE = 4


def lanes_for(threads: int) -> int:
    """One more than there are threads that compute: it decodes while they do."""
    return threads + 1


def in_lanes(work: Callable[[Sequence[T]], R], items: Sequence[T], *, lanes: int) -> Iterator[R]:
    """Do `work` on pieces of `items`, in so many threads; yield what it returns, in order.

    What it returns should be small: up to two answers a lane wait to be taken. The first error is
    raised when its turn comes, and nothing is begun after it.
    """
    size = min(MAX_BATCH, max(LEAST_PIECE, -(-len(items) // (2 * lanes))))
    pieces = [items[start : start + size] for start in range(0, len(items), size)]
    if len(pieces) <= 1:
        yield from map(work, pieces)
        return
    waiting: deque[Future[R]] = deque()
    with ThreadPoolExecutor(min(lanes, len(pieces)), thread_name_prefix="lane") as pool:
        try:
            for piece in pieces:
                if len(waiting) == 2 * lanes:
                    yield waiting.popleft().result()
                # A lane's log lines belong to the task that it works for.
                waiting.append(pool.submit(copy_context().run, work, piece))
            while waiting:
                yield waiting.popleft().result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
