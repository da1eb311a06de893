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
        window = _window(parts, generation, after, page)
        differs = window.differences()
        if any(differs):
            # What is written at this moment looks wrong for this moment only: look twice.
            again = _window(parts, generation, after, page).differences()
            differs = tuple(first & second for first, second in zip(differs, again, strict=True))
        missing, surplus, different = differs
        report.compared += len(window.wanted)
        report.missing += len(missing)
        report.surplus += len(surplus)
        report.different += len(different)
        wrong = sorted(missing | surplus | different)
        if repair and wrong:
            for start in range(0, len(wrong), parts.bounds.sync_batch):
                some = wrong[start : start + parts.bounds.sync_batch]
                sync(parts.sessions, parts.index, generation, some, read_index_rows)
            report.repaired += len(wrong)
        progress(len(window.wanted))
        if window.until is None:
            return report
        after = window.until


@dataclass(frozen=True, slots=True)
class _Window:
    """Both sides of one range of ids; `until` is None in the last one."""

    wanted: dict[int, IndexScalars]
    found: dict[int, IndexScalars]
    until: int | None

    def differences(self) -> tuple[set[int], ...]:
        """Ids that are missing, surplus, different."""
        both = self.wanted.keys() & self.found.keys()
        return (
            set(self.wanted.keys() - self.found.keys()),
            set(self.found.keys() - self.wanted.keys()),
            {id_ for id_ in both if self.wanted[id_] != self.found[id_]},
        )


def _window(parts: Parts, generation: Generation, after: int, page: int) -> _Window:
    """Read a window; it ends where the first of the two sides is full."""
    found = parts.index.scalars(generation.images_collection, after=after, limit=page)
    with parts.sessions() as session:
        wanted = read_index_scalars(session, generation.model, after=after, limit=page)
    ends = [rows[-1].id for rows in (wanted, found) if len(rows) == page]
    until = min(ends) if ends else None
    return _Window(
        {row.id: row for row in wanted if until is None or row.id <= until},
        {row.id: row for row in found if until is None or row.id <= until},
        until,
    )
