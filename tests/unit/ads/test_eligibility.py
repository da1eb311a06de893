"""Who may take part: the parts that need no shop."""

from datetime import date

import pytest

from vitrine.ads.counters import Standing
from vitrine.ads.eligibility import draws_in, spent

TODAY = date(2026, 11, 28)


def standing(total: int, daily: int | None, spent: int, day: date | None, on_it: int) -> Standing:
    return Standing(1, 1, total, daily, spent, day, on_it)


@pytest.mark.parametrize("pace", [0.0, 0.1, 0.5, 0.9, 1.0])
def test_a_campaign_takes_part_as_often_as_its_pace_says(pace: float) -> None:
    share = sum(draws_in(7, pace, seed) for seed in range(4000)) / 4000
    assert share == pytest.approx(pace, abs=0.03)


def test_campaigns_are_drawn_apart_from_each_other() -> None:
    both = [(draws_in(1, 0.5, seed), draws_in(2, 0.5, seed)) for seed in range(2000)]
    assert sum(one and other for one, other in both) / 2000 == pytest.approx(0.25, abs=0.04)


@pytest.mark.parametrize(
    ("known", "reason"),
    [
        (standing(10, None, 9, None, 0), None),
        (standing(10, None, 10, None, 0), "budget"),
        (standing(10, 5, 5, TODAY, 5), "daily_budget"),
        (standing(10, 5, 5, TODAY, 4), None),
        (standing(10, 5, 5, date(2026, 11, 27), 5), None),
        # A zone that was changed may be ahead of the clock for some hours.
        (standing(10, 5, 5, date(2026, 11, 29), 5), "daily_budget"),
    ],
)
def test_what_is_spent_takes_no_part(known: Standing, reason: str | None) -> None:
    assert spent(known, TODAY) == reason
