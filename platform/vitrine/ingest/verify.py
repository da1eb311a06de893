"""Verify: compare the index with Postgres page by page, and repair what differs."""

from collections.abc import Callable, Sequence
from typing import Any

from vitrine.index.models import Generation
from vitrine.ingest.comparing import Verified, compare
from vitrine.ingest.holdings import PICTURES, Holding
from vitrine.ingest.parts import Parts

__all__ = ["Verified", "verify"]

PAGE = 1000


def verify(
    parts: Parts,
    generation: Generation,
    holding: Holding[Any] = PICTURES,
    *,
    repair: bool = True,
    page: int = PAGE,
    progress: Callable[[int], object] = lambda count: None,
) -> Verified:
    """Compare every row of a generation's collection with Postgres; memory holds two pages.

    A row that changes while it is compared may be synced once more than needed, which is harmless.
    """

    def read(after: int, limit: int) -> tuple[Sequence[Any], Sequence[Any]]:
        # The index first: what is written meanwhile is then missing in it, and not surplus.
        found = holding.found(parts.index, holding.collection(generation), after=after, limit=limit)
        with parts.sessions() as session:
            wanted = holding.wanted(session, generation.model, after=after, limit=limit)
        return wanted, found

    def sync_again(wrong: Sequence[int]) -> None:
        for start in range(0, len(wrong), parts.bounds.sync_batch):
            some = wrong[start : start + parts.bounds.sync_batch]
            holding.sync(parts.sessions, parts.index, generation, some)

    return compare(read, sync_again if repair else None, page=page, progress=progress)
