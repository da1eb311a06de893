"""What a campaign that spends evenly is to have spent by when: a straight line through its day."""

from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache

from vitrine.ads.asks import Standing
from vitrine.ads.days import day_bounds, local_day

_bounds = lru_cache(maxsize=4096)(day_bounds)


@dataclass(frozen=True, slots=True)
class Flight:
    """The days of a campaign, by the clock of its zone; `ends_on` is the last one, if there is."""

    time_zone: str
    starts_on: date
    ends_on: date | None
    created_at: datetime

    def day_at(self, now: datetime) -> date | None:
        """Tell which of its days it is; None before its first day and after its last."""
        today = local_day(now, self.time_zone)
        if today < self.starts_on or (self.ends_on is not None and today > self.ends_on):
            return None
        return today


@dataclass(frozen=True, slots=True)
class DayPlan:
    """From nothing at `begins` to `budget_micros` at `ends`."""

    begins: datetime
    ends: datetime
    budget_micros: int

    def spent_by(self, at: datetime) -> float:
        """Tell how many micros are to be spent by then."""
        seconds = (at - self.begins).total_seconds()
        share = seconds / (self.ends - self.begins).total_seconds()
        return self.budget_micros * min(max(share, 0.0), 1.0)

    def seconds_behind(self, at: datetime, spent_micros: int) -> float:
        """Tell how long ago that was to be spent; negative if more was spent than planned.

        Only for a budget above 0.
        """
        seconds = (self.ends - self.begins).total_seconds()
        return (self.spent_by(at) - spent_micros) * seconds / self.budget_micros


def day_plan(flight: Flight, standing: Standing, now: datetime) -> DayPlan | None:
    """Plan the day of `now`, on which the campaign runs; None where nothing bounds the day.

    The day's budget is the daily one; without one, an even share of what is left for it and the
    days to come; never more than what is left. It begins with the campaign, if that was made today.
    """
    today = local_day(now, flight.time_zone)
    left = standing.total_micros - standing.spent_micros + spent_on(standing, today)
    if standing.daily_micros is not None:
        budget = min(standing.daily_micros, left)
    elif flight.ends_on is not None:
        budget = left // max((flight.ends_on - today).days + 1, 1)
    else:
        return None
    begins, ends = _bounds(today, flight.time_zone)
    # A clock that is not the database's, as in a simulation, may not have come so far.
    if begins < flight.created_at <= now:
        begins = flight.created_at
    return DayPlan(begins, ends, max(budget, 0))


def spent_on(standing: Standing, today: date) -> int:
    """Tell how many micros a campaign has spent on its day `today`."""
    return standing.day_spent_micros if standing.day is not None and standing.day >= today else 0
