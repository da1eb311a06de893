"""How much memory the bodies of all requests may take at once, in one process.

Half of it is for small bodies, which are few enough to fit with one for every thread and never
wait. The other half is for large ones, such as listings with many pictures: slow uploads make each
other wait, and not the searches.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from vitrine.errors import Unavailable
from vitrine.media.budget import ByteBudget
from vitrine.settings import MIB, Settings

LEAST_ROOM = 256 * MIB
LONGEST_WAIT_SECONDS = 5.0
# The one of this process: its threads share the memory.
LARGE = ByteBudget()


def rooms(settings: Settings) -> tuple[int, int]:
    """The size up to which a body is small, and the bound of all large ones together."""
    half = max(LEAST_ROOM // 2, settings.max_request_bytes)
    return half // settings.api_threads, half


@contextmanager
def reading(
    size: int,
    settings: Settings,
    *,
    large: ByteBudget = LARGE,
    wait_seconds: float = LONGEST_WAIT_SECONDS,
) -> Iterator[None]:
    """Hold the room for a body of this size; raises Unavailable where there is none for long."""
    small, bound = rooms(settings)
    with ExitStack() as held:
        if size > small:
            try:
                held.enter_context(large.reserve(size, bound=bound, wait_seconds=wait_seconds))
            except TimeoutError:
                raise Unavailable(
                    "Too many large requests are being read at once; send this one again."
                ) from None
        yield
