"""What part of a conversion each ad has that led to it, by two models.

Last touch: all of it to the last ad, and where any was clicked, to the last of those that were.
Position-based: 40 % to the first, 40 % to the last, the rest in equal parts to those between; half
and half of two, all to one.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from typing import Literal

VIEW, CLICKED = "view", "click"
ENDS = Fraction(2, 5)


@dataclass(frozen=True, slots=True)
class Touch:
    """An ad that somebody saw or clicked, and when."""

    decision: str
    position: int
    kind: Literal["view", "click"]
    at: datetime

    @property
    def slot(self) -> tuple[str, int]:
        """The decision and the position."""
        return self.decision, self.position


@dataclass(frozen=True, slots=True)
class Part:
    """The part of one ad; those of a conversion add up to 1, by either model."""

    touch: Touch
    last_touch: Fraction
    position_based: Fraction


def attribute(touches: Iterable[Touch]) -> list[Part]:
    """Share a conversion among ads, in the order of time.

    An ad that was clicked counts by its click alone.
    """
    ordered = sorted(_one_a_slot(touches), key=lambda one: (one.at, one.slot))
    clicks = [one for one in ordered if one.kind == CLICKED]
    last = (clicks or ordered)[-1:]
    return [
        Part(one, Fraction(one in last), share)
        for one, share in zip(ordered, _by_position(len(ordered)), strict=True)
    ]


def _one_a_slot(touches: Iterable[Touch]) -> Iterable[Touch]:
    found: dict[tuple[str, int], Touch] = {}
    for one in touches:
        known = found.get(one.slot)
        if known is None or (one.kind == CLICKED and known.kind == VIEW):
            found[one.slot] = one
    return found.values()


def _by_position(count: int) -> Sequence[Fraction]:
    if count <= 2:
        return [Fraction(1, max(1, count))] * count
    between = (1 - 2 * ENDS) / (count - 2)
    return [ENDS, *[between] * (count - 2), ENDS]
