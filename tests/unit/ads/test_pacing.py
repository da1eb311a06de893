"""Pacing: the plan of a day, one step of the controller, and simulated days of bench/pacing.py."""

import math
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vitrine.ads.asks import Standing
from vitrine.ads.day_plan import DayPlan, Flight, day_plan, spent_on
from vitrine.ads.pacing import FIRST, LEAST, Pace, next_pace

BENCH = Path(__file__).parents[3] / "bench"
LONG_AGO = datetime(2027, 1, 1, tzinfo=UTC)
NOON = datetime(2027, 5, 4, 12, tzinfo=UTC)
PLAN = DayPlan(NOON - timedelta(hours=12), NOON + timedelta(hours=12), 86_400_000)
RESPONSE = 300.0


@pytest.fixture
def days(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """The simulated days of the bench."""
    monkeypatch.syspath_prepend(str(BENCH))
    import _pacing_day

    yield _pacing_day
    sys.modules.pop("_pacing_day", None)


def flight(
    zone: str = "UTC", ends_on: date | None = None, created_at: datetime = LONG_AGO
) -> Flight:
    return Flight(zone, date(2027, 1, 1), ends_on, created_at)


def standing(
    total: int = 1000, daily: int | None = 100, spent: int = 0, today: int = 0
) -> Standing:
    return Standing(1, 1, total, daily, spent, NOON.date(), today)


@pytest.mark.parametrize(
    ("daily", "ends_on", "spent", "today", "budget"),
    [
        (100, None, 500, 0, 100),
        (100, None, 950, 0, 50),
        # What was spent today was there when the day began.
        (100, None, 950, 30, 80),
        (None, date(2027, 5, 4), 400, 100, 700),
        (None, date(2027, 5, 8), 400, 100, 140),
        (100, date(2027, 5, 8), 400, 100, 100),
        (None, date(2027, 5, 8), 1000, 0, 0),
    ],
)
def test_a_day_may_spend_its_budget_or_its_share_of_what_is_left(
    daily: int | None, ends_on: date | None, spent: int, today: int, budget: int
) -> None:
    found = day_plan(flight(ends_on=ends_on), standing(1000, daily, spent, today), NOON)
    assert found == DayPlan(PLAN.begins, PLAN.ends, budget)


def test_what_no_day_bounds_has_no_plan() -> None:
    assert day_plan(flight(), standing(daily=None), NOON) is None


def test_what_another_day_spent_is_not_of_today() -> None:
    assert spent_on(standing(today=40), NOON.date()) == 40
    assert spent_on(standing(today=40), NOON.date() + timedelta(days=1)) == 0
    assert spent_on(replace(standing(today=40), day=None), NOON.date()) == 0


def test_a_day_begins_with_a_campaign_that_was_made_in_it() -> None:
    made = NOON - timedelta(hours=2)
    found = day_plan(flight(created_at=made), standing(), NOON)
    assert found == DayPlan(made, PLAN.ends, 100)
    assert found.spent_by(NOON) == pytest.approx(100 * 2 / 14)
    # By a clock that is behind the database's, it is not yet made.
    found = day_plan(flight(created_at=NOON + timedelta(hours=1)), standing(), NOON)
    assert found == DayPlan(PLAN.begins, PLAN.ends, 100)


@pytest.mark.parametrize(("day", "hours"), [(28, 23), (27, 24)])
def test_days_are_those_of_the_zone(day: int, hours: int) -> None:
    now = datetime(2027, 3, day, 12, tzinfo=UTC)
    found = day_plan(flight("Europe/Berlin"), standing(), now)
    assert found is not None
    assert found.ends - found.begins == timedelta(hours=hours)
    assert found.begins == datetime(2027, 3, day - 1, 23, tzinfo=UTC)
    assert found.spent_by(found.begins + timedelta(hours=6)) == pytest.approx(600 / hours)


def test_a_flight_has_days_from_its_first_to_its_last() -> None:
    of_berlin = Flight("Europe/Berlin", date(2027, 5, 4), date(2027, 5, 5), LONG_AGO)
    at = datetime(2027, 5, 3, 22, tzinfo=UTC)
    assert of_berlin.day_at(at - timedelta(seconds=1)) is None
    assert of_berlin.day_at(at) == date(2027, 5, 4)
    assert of_berlin.day_at(at + timedelta(days=2, seconds=-1)) == date(2027, 5, 5)
    assert of_berlin.day_at(at + timedelta(days=2)) is None


def spent(behind_seconds: float) -> int:
    return int(PLAN.spent_by(NOON) - behind_seconds * 1000)


def test_who_is_behind_takes_part_more_and_who_is_ahead_less() -> None:
    before = Pace(0.1, math.log(0.1), NOON - timedelta(seconds=10))
    paces = [
        next_pace(PLAN, spent(behind), NOON, before, RESPONSE).pace for behind in (-600, 0, 300)
    ]
    assert paces == pytest.approx([0.1 * math.exp(-2), 0.1, 0.1 * math.e], rel=1e-4)


def test_what_hardly_changes_stays() -> None:
    before = Pace(0.1, math.log(0.1), NOON - timedelta(seconds=10))
    assert next_pace(PLAN, spent(10), NOON, before, RESPONSE) is before
    nearly_all = Pace(0.98, math.log(0.98), NOON - timedelta(seconds=10))
    # Who is far behind is not held back at all.
    assert next_pace(PLAN, spent(3600), NOON, nearly_all, RESPONSE).pace == 1.0


def test_the_level_learns_slowly_what_the_pace_corrects_at_once() -> None:
    before = Pace(0.1, math.log(0.1), NOON - timedelta(seconds=60))
    found = next_pace(PLAN, spent(150), NOON, before, RESPONSE)
    assert found.level - before.level == pytest.approx(0.5 * 60 / (4 * RESPONSE), abs=1e-5)
    # However far behind it is, and however long nobody looked.
    late = replace(before, at=NOON - timedelta(hours=5))
    found = next_pace(PLAN, spent(36_000), NOON, late, RESPONSE)
    assert found.level - before.level == pytest.approx(300 / (4 * RESPONSE), abs=1e-5)


def test_nothing_is_learnt_from_a_day_that_is_spent_or_held_back() -> None:
    before = Pace(0.5, math.log(0.5), NOON - timedelta(seconds=60))
    for gone in (PLAN.budget_micros, spent(-6000)):
        found = next_pace(PLAN, gone, NOON, before, RESPONSE)
        assert (found.pace, found.level) == (LEAST, before.level)
    evening = PLAN.ends - timedelta(minutes=5)
    found = next_pace(PLAN, PLAN.budget_micros, evening, before, RESPONSE)
    assert (found.pace, found.level) == (pytest.approx(0.5 / math.e, rel=1e-3), before.level)
    assert next_pace(replace(PLAN, budget_micros=0), 0, NOON, before, RESPONSE) is before


def test_a_new_day_goes_on_at_the_level_of_the_last() -> None:
    before = Pace(LEAST, math.log(0.2), NOON)
    tomorrow = DayPlan(PLAN.ends, PLAN.ends + timedelta(days=1), PLAN.budget_micros)
    found = next_pace(tomorrow, 0, tomorrow.begins, before, RESPONSE)
    assert found.pace == pytest.approx(0.2)


def test_somebody_new_begins_with_little() -> None:
    found = next_pace(PLAN, spent(0), NOON, None, RESPONSE)
    assert found == Pace(pytest.approx(FIRST), pytest.approx(math.log(FIRST)), NOON)


@given(
    st.integers(0, 2 * PLAN.budget_micros),
    st.floats(LEAST, 1),
    st.floats(math.log(LEAST), 0),
    st.integers(-100, 10**6),
)
def test_a_pace_is_a_share_and_is_kept_as_it_is(
    spent_micros: int, pace: float, level: float, seconds: int
) -> None:
    before = Pace(pace, level, NOON - timedelta(seconds=seconds))
    found = next_pace(PLAN, spent_micros, NOON, before, RESPONSE)
    assert LEAST <= found.pace <= 1
    assert math.log(LEAST) - 1e-6 <= found.level <= 0
    assert Pace.from_state(found.pace, found.to_state()) == found
    assert Pace.from_state(found.pace, {}) is None


@pytest.mark.parametrize(
    ("traffic", "demand", "most_error"),
    [
        ("flat", 4.0, 0.006),
        ("flat", 40.0, 0.006),
        ("day-shaped", 4.0, 0.02),
        ("bursty", 40.0, 0.01),
    ],
)
def test_a_simulated_day_keeps_its_plan_and_spends_its_budget(
    days: ModuleType, traffic: str, demand: float, most_error: float
) -> None:
    market = days.Market(days.TRAFFIC[traffic], demand)
    found = days.live(market, days.controlled(), seed=1)
    assert found.error < most_error
    assert found.missed < 0.01
    held = days.live(market, days.held_at(1 / demand), seed=1)
    free = days.live(market, days.held_at(1.0), seed=1)
    assert free.error > held.error > 2 * found.error


@pytest.mark.parametrize("level", [0.0, math.log(LEAST)])
def test_it_comes_to_the_plan_from_any_pace(days: ModuleType, level: float) -> None:
    market = days.Market(days.TRAFFIC["flat"], 10.0)
    begin = Pace(math.exp(level), level, days.BEGINS)
    found = days.live(market, days.controlled(begin), seed=2)
    assert found.error < 0.02
    assert found.missed < 0.01
    # From about noon on it is where it has to be: a tenth of the traffic is enough.
    late = found.paces[len(found.paces) // 2 :]
    assert 0.08 < sum(late) / len(late) < 0.13


def test_too_little_traffic_is_not_held_back(days: ModuleType) -> None:
    found = days.live(days.Market(days.TRAFFIC["flat"], 0.5), days.controlled(), seed=3)
    assert min(found.paces[360:]) == 1.0
