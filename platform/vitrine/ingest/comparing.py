"""Compare what a collection holds with what Postgres says, window by window of ids."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar


class Row(Protocol):
    """Whatever has an id and can be told equal."""

    @property
    def id(self) -> int: ...


R = TypeVar("R", bound=Row)
Read = Callable[[int, int], tuple[Sequence[R], Sequence[R]]]
"""(after, limit) → rows as they shall be and as they are, each ordered by id."""
Repair = Callable[[Sequence[int]], object]


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

    def with_others(self, other: "Verified") -> "Verified":
        """Add the counts of two comparisons."""
        return Verified(*(getattr(self, one) + getattr(other, one) for one in self.__slots__))


def compare(
    read: Read[R],
    repair: Repair | None,
    *,
    page: int,
    progress: Callable[[int], object] = lambda count: None,
) -> Verified:
    """Compare all rows, and have those repaired that differ; memory holds two pages."""
    report = Verified()
    after = 0
    while True:
        window = _window(read, after, page)
        differs = window.differences()
        if any(differs):
            # What is written at this moment looks wrong for this moment only: look twice.
            again = _window(read, after, page).differences()
            differs = tuple(first & second for first, second in zip(differs, again, strict=True))
        missing, surplus, different = differs
        report.compared += len(window.wanted)
        report.missing += len(missing)
        report.surplus += len(surplus)
        report.different += len(different)
        wrong = sorted(missing | surplus | different)
        if repair is not None and wrong:
            repair(wrong)
            report.repaired += len(wrong)
        progress(len(window.wanted))
        if window.until is None:
            return report
        after = window.until


@dataclass(frozen=True, slots=True)
class _Window(Generic[R]):
    """Both sides of one range of ids; `until` is None in the last one."""

    wanted: dict[int, R]
    found: dict[int, R]
    until: int | None

    def differences(self) -> tuple[set[int], ...]:
        """Ids that are missing, surplus, different."""
        both = self.wanted.keys() & self.found.keys()
        return (
            set(self.wanted.keys() - self.found.keys()),
            set(self.found.keys() - self.wanted.keys()),
            {id_ for id_ in both if self.wanted[id_] != self.found[id_]},
        )


def _window(read: Read[R], after: int, page: int) -> _Window[R]:
    """Read a window; it ends where the first of the two sides is full."""
    wanted, found = read(after, page)
    ends = [rows[-1].id for rows in (wanted, found) if len(rows) == page]
    until = min(ends) if ends else None
    return _Window(
        {row.id: row for row in wanted if until is None or row.id <= until},
        {row.id: row for row in found if until is None or row.id <= until},
        until,
    )
