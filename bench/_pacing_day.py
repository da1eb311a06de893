"""A day of one campaign that pays for clicks, in steps of ten seconds: traffic, delay, chance."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from vitrine.ads.day_plan import DayPlan
from vitrine.ads.pacing import RESPONSE_SECONDS, Pace, next_pace

STEP_SECONDS = 10
STEPS = 86_400 // STEP_SECONDS
# A click comes so long after the decision that led to it.
DELAY_SECONDS = (10.0, 60.0)
CLICK_MICROS = 300_000
BEGINS = datetime(2027, 5, 4, tzinfo=UTC)

Shape = NDArray[np.float64]
Control = Callable[[DayPlan, int, datetime], float]
"""The pace of the next ten seconds, by the plan of the day and what was spent so far."""


def flat(rng: np.random.Generator) -> Shape:
    """As much at any time."""
    return np.ones(STEPS)


def day_shaped(rng: np.random.Generator) -> Shape:
    """Twelve times as much at eight in the evening as at eight in the morning."""
    hours = np.arange(STEPS) * STEP_SECONDS / 3600
    return np.exp(1.25 * np.cos((hours - 20) / 24 * 2 * np.pi))


def bursty(rng: np.random.Generator) -> Shape:
    """The same, with minutes of eight times as much, and others of nothing, twice an hour."""
    shape, at = day_shaped(rng), 0
    while at < STEPS:
        at += 1 + int(rng.exponential(1800 / STEP_SECONDS))
        lasts = 1 + int(rng.exponential(300 / STEP_SECONDS))
        shape[at : at + lasts] *= rng.choice([0.0, 8.0])
        at += lasts
    return shape


TRAFFIC = {"flat": flat, "day-shaped": day_shaped, "bursty": bursty}


@dataclass(frozen=True, slots=True)
class Day:
    """`error` is the mean of |spent - planned| over the day, `missed` what was left at its end,
    both in shares of the budget; `least` is the error of who knew all that is to come.
    """

    error: float
    missed: float
    least: float
    paces: list[float]


@dataclass(frozen=True, slots=True)
class Market:
    """`demand`: how many times the budget's clicks a day would bring at a pace of 1."""

    shape: Callable[[np.random.Generator], Shape]
    demand: float
    clicks: int = 200


def controlled(before: Pace | None = None) -> Control:
    """Follow `vitrine.ads.pacing`, going on from a pace."""

    def control(plan: DayPlan, spent_micros: int, now: datetime) -> float:
        nonlocal before
        before = next_pace(plan, spent_micros, now, before, RESPONSE_SECONDS["cpc"])
        return before.pace

    return control


def held_at(pace: float) -> Control:
    """Take part in the same share of auctions all day."""
    return lambda plan, spent_micros, now: pace


def live(market: Market, control: Control, seed: int) -> Day:
    """Let a day pass."""
    rng = np.random.default_rng(seed)
    shape = market.shape(rng)
    plan = DayPlan(BEGINS, BEGINS + timedelta(days=1), market.clicks * CLICK_MICROS)
    at_full_pace = shape / shape.sum() * market.clicks * market.demand
    coming = np.zeros(STEPS + 1 + math.ceil(DELAY_SECONDS[1] / STEP_SECONDS), np.int64)
    spent, possible, errors, least = 0, 0.0, 0.0, 0.0
    paces = []
    for step in range(STEPS):
        now = BEGINS + timedelta(seconds=step * STEP_SECONDS)
        spent = min(spent + int(coming[step]), plan.budget_micros)
        planned = plan.spent_by(now)
        errors += abs(spent - planned)
        least += planned - possible
        paces.append(control(plan, spent, now))
        for _ in range(rng.poisson(at_full_pace[step] * paces[-1])):
            late = rng.uniform(*DELAY_SECONDS) / STEP_SECONDS
            coming[step + math.ceil(late)] += rng.integers(CLICK_MICROS // 2, CLICK_MICROS * 3 // 2)
        within_reach = possible + at_full_pace[step] * CLICK_MICROS
        possible = min(plan.spent_by(now + timedelta(seconds=STEP_SECONDS)), within_reach)
    whole = STEPS * plan.budget_micros
    return Day(errors / whole, 1 - spent / plan.budget_micros, least / whole, paces)
