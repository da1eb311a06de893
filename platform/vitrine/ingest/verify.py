"""Verify: compare the index with Postgres page by page, and repair what differs."""

from collections.abc import Callable
from dataclasses import dataclass

from vitrine.catalog.index_rows import read_index_rows, read_index_scalars
from vitrine.index.models import Generation
from vitrine.index.schema import IndexScalars
from vitrine.index.sync import sync
from vitrine.ingest.parts import Parts

PAGE = 1000


@dataclass(slots=True)
class Verified:
    """How many rows were compared, and how many were missing, surplus or different."""

    compared: int = 0
    missing: int = 0
    surplus: int = 0
    different: int = 0
    repaired: int = 0

    @property
    def wrong(self) -> int:
        return self.missing + self.surplus + self.different


def verify(
    parts: Parts,
    generation: Generation,
    *,
    repair: bool = True,
    page: int = PAGE,
    progress: Callable[[int], object] = lambda count: None,
) -> Verified:
    """Compare every row of a generation's collection with Postgres; memory holds two pages.

    A row that changes while it is compared may be synced once more than needed, which is harmless.
    """
    report = Verified()
    after = 0
    while True:
        wanted, found, until = _window(parts, generation, after, page)
        if until is None and not wanted and not found:
            return report
        missing = wanted.keys() - found.keys()
        surplus = found.keys() - wanted.keys()
        different = {id_ for id_ in wanted.keys() & found.keys() if wanted[id_] != found[id_]}
        report.compared += len(wanted)
        report.missing += len(missing)
        report.surplus += len(surplus)
        report.different += len(different)
        wrong = sorted(missing | surplus | different)
        if repair and wrong:
            for start in range(0, len(wrong), parts.bounds.sync_batch):
                some = wrong[start : start + parts.bounds.sync_batch]
                sync(parts.sessions, parts.index, generation, some, read_index_rows)
            report.repaired += len(wrong)
        progress(len(wanted))
        if until is None:
            return report
        after = until


def _window(
    parts: Parts, generation: Generation, after: int, page: int
) -> tuple[dict[int, IndexScalars], dict[int, IndexScalars], int | None]:
    """Read both sides of one window of ids; the window ends where the first of the two is full.

    `until` is None in the last window.
    """
    found = parts.index.scalars(generation.images_collection, after=after, limit=page)
    with parts.sessions() as session:
        wanted = read_index_scalars(session, generation.model, after=after, until=None, limit=page)
    ends = [rows[-1].id for rows in (wanted, found) if len(rows) == page]
    until = min(ends) if ends else None
    return (
        {row.id: row for row in wanted if until is None or row.id <= until},
        {row.id: row for row in found if until is None or row.id <= until},
        until,
    )
