"""Where the past ends: what is known of each person, and what they wanted after that."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from vitrine.decisions.history import Interaction
from vitrine.errors import Invalid
from vitrine.recommend.evaluation.log import Log

How = Literal["time", "last"]
WANTED = frozenset({"view_item", "select_item", "add_to_cart", "add_to_wishlist", "purchase"})


@dataclass(frozen=True, slots=True)
class Case:
    """One question: after `history`, which ended before `at`, what did `person` want?"""

    person: str
    at: datetime
    history: list[Interaction]
    wanted: frozenset[int]

    @property
    def had(self) -> frozenset[int]:
        """What the person had dealt with before."""
        return frozenset(one.product_id for one in self.history if one.product_id is not None)


@dataclass(frozen=True, slots=True)
class Parted:
    """The questions, and all that methods may know: the `past` of everybody, asked or not."""

    cases: list[Case]
    past: Log


def split_by_time(log: Log, *, share: float, repeats: bool) -> Parted:
    """Cut at one moment for everybody: `share` of all that was wanted lies before it.

    Nothing that was known later can leak into the past. `repeats`: what somebody had before counts
    as wanted too. Raises Invalid where nobody has both a past and a future.
    """
    times = sorted(one.at for some in log.values() for one in some if one.name in WANTED)
    if not times:
        raise Invalid("There is no event in which somebody wanted a product: nothing to foretell.")
    cut = times[min(int(share * len(times)), len(times) - 1)]
    cases = [
        Case(person, cut, [one for one in some if one.at < cut], _wanted(some, cut))
        for person, some in log.items()
    ]
    return _parted(cases, repeats=repeats)


def split_last(log: Log, *, repeats: bool) -> Parted:
    """Leave out the last product of each person; others may have acted after it already."""
    cases = []
    for person, some in log.items():
        last = next((one for one in reversed(some) if one.name in WANTED), None)
        if last is None or last.product_id is None:
            continue
        # All that was done with it before is of the same wish, and would give it away.
        before = [
            one
            for one in some
            if one.at < last.at and (repeats or one.product_id != last.product_id)
        ]
        cases.append(Case(person, last.at, before, frozenset({last.product_id})))
    return _parted(cases, repeats=repeats)


def _wanted(some: list[Interaction], cut: datetime) -> frozenset[int]:
    return frozenset(
        one.product_id
        for one in some
        if one.at >= cut and one.name in WANTED and one.product_id is not None
    )


def _parted(cases: list[Case], *, repeats: bool) -> Parted:
    asked = []
    for case in cases:
        wanted = case.wanted if repeats else case.wanted - case.had
        if case.history and wanted:
            asked.append(replace(case, wanted=wanted))
    if not asked:
        raise Invalid(
            "Nobody has events both before and after the split: there is too little to measure. "
            "Collect more events, or try another --cut or --split last."
        )
    return Parted(asked, {case.person: case.history for case in cases})
