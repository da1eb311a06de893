"""Parts of a conversion, against a loop that shares it step by step."""

from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vitrine.ads.attribution import Touch, attribute

BEGIN = datetime(2026, 5, 1, tzinfo=UTC)


def touch(slot: int, minute: int, kind: Literal["view", "click"] = "view") -> Touch:
    return Touch(f"d{slot}", 1, kind, BEGIN + timedelta(minutes=minute))


touches = st.lists(
    st.builds(touch, st.integers(0, 8), st.integers(0, 20), st.sampled_from(["view", "click"])),
    max_size=12,
    unique_by=lambda one: (one.decision, one.kind),
)


def naive(given: list[Touch]) -> dict[str, Any]:
    """Share it as one would by hand."""
    kept = [
        one
        for one in given
        if one.kind == "click"
        or not any(two.kind == "click" and two.slot == one.slot for two in given)
    ]
    kept.sort(key=lambda one: (one.at, one.slot))
    shares: dict[str, Any] = {one.decision: [0, Fraction(0)] for one in kept}
    last = None
    for one in kept:
        if last is None or one.kind == "click" or last.kind == "view":
            last = one
    if last is not None:
        shares[last.decision][0] = 1
    for number, one in enumerate(kept):
        if len(kept) == 1:
            part = Fraction(1)
        elif len(kept) == 2:
            part = Fraction(1, 2)
        elif number in {0, len(kept) - 1}:
            part = Fraction(40, 100)
        else:
            part = Fraction(20, 100) / (len(kept) - 2)
        shares[one.decision][1] = part
    return shares


@given(touches)
def test_it_is_what_a_loop_makes_of_it(given: list[Touch]) -> None:
    parts = attribute(given)
    assert {part.touch.decision: [part.last_touch, part.position_based] for part in parts} == naive(
        given
    )


@given(touches)
def test_all_of_it_is_given_and_no_more(given: list[Touch]) -> None:
    parts = attribute(reversed(given))
    assert parts == attribute(given), "the order of arrival changes nothing"
    assert sum(part.last_touch for part in parts) == bool(given)
    assert sum(part.position_based for part in parts) == bool(given)
    assert all(part.last_touch >= 0 and part.position_based > 0 for part in parts)


@pytest.mark.parametrize(
    ("given", "last", "shares"),
    [
        ([touch(1, 5)], 1, ["1"]),
        ([touch(1, 5), touch(2, 3)], 1, ["1/2", "1/2"]),
        ([touch(1, 1, "click"), touch(2, 9)], 1, ["1/2", "1/2"]),
        ([touch(1, 1), touch(2, 2), touch(3, 3)], 3, ["2/5", "1/5", "2/5"]),
        ([touch(1, 1), touch(2, 2, "click"), touch(3, 3), touch(4, 4)], 2,
         ["2/5", "1/10", "1/10", "2/5"]),
        ([touch(1, 1), touch(2, 2), touch(1, 8, "click")], 1, ["1/2", "1/2"]),
    ],
)  # fmt: skip
def test_by_hand(given: list[Touch], last: int, shares: list[str]) -> None:
    parts = attribute(given)
    assert [part.touch.decision for part in parts if part.last_touch == 1] == [f"d{last}"]
    assert [part.position_based for part in parts] == [Fraction(share) for share in shares]
