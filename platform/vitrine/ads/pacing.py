"""How much a campaign is held back so that its budget lasts the day: a PI controller.

A campaign takes part in a share of the auctions, its pace, as in Agarwal et al. (2014), "Budget
pacing for targeted online advertisements at LinkedIn". There the share goes up or down by a tenth,
whether spending is far from the plan or near. Here it follows how far: the logarithm of the pace is
a level, plus the seconds by which spending is behind its plan over a response time. The level moves
slowly towards where the plan is kept with nothing to make up for. It is what was learnt of the
traffic, so it goes on into the next day.

In the logarithm the same seconds mean the same correction, whether a hundredth of the traffic is
enough or all of it has to do, so one pair of constants serves every campaign.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from vitrine.ads.day_plan import DayPlan

FIRST = 1.0
"""The pace of a campaign of which nothing is known. Whoever makes one wants to see it; what is
spent too soon in a shop with much traffic is a few minutes of its plan."""
LEAST = 1e-4
RESPONSE_SECONDS = {"cpm": 300.0, "cpc": 300.0, "cpa": 1800.0}
"""Several times as long as what is paid for comes after what was decided."""
# The level takes four response times: what is then left of a change fades without a swing, since
# x'' + x'/T + x/(T * 4T) = 0, for the seconds x behind, is critically damped.
_LEVEL_RESPONSES = 4.0
_MOST_STEP_SECONDS = 300.0
# A pace that would change by less stays: every change is a row that every api reads again.
_NOTICED = 0.05
_LOWEST = math.log(LEAST)


@dataclass(frozen=True, slots=True)
class Pace:
    """`pace` is in force since `at`; `level` is the logarithm of the pace that keeps the plan."""

    pace: float
    level: float
    at: datetime

    def to_state(self) -> dict[str, Any]:
        """Write what is to be remembered besides the pace itself."""
        return {"level": self.level, "at": self.at.isoformat()}

    @classmethod
    def from_state(cls, pace: float, state: Mapping[str, Any]) -> Self | None:
        """Read what `to_state` wrote; None if nothing is remembered."""
        if "level" not in state:
            return None
        return cls(pace, float(state["level"]), datetime.fromisoformat(state["at"]))


def next_pace(
    plan: DayPlan, spent_micros: int, now: datetime, before: Pace | None, response_seconds: float
) -> Pace:
    """Correct the pace by what was spent today; `before` itself if that is near enough."""
    last = before or Pace(FIRST, math.log(FIRST), now)
    if plan.budget_micros <= 0:
        return last
    behind = plan.seconds_behind(now, spent_micros)
    wanted = last.level + behind / response_seconds
    level = last.level
    # From what comes in when it is held back already, or when all is spent, nothing can be learnt.
    # Upwards the level ends at 0 by itself.
    helpless = wanted <= _LOWEST and behind < 0
    if not helpless and spent_micros < plan.budget_micros:
        seconds = min(max((now - last.at).total_seconds(), 0.0), _MOST_STEP_SECONDS)
        # One dear click would else be learnt from for hours.
        heeded = _within(behind / response_seconds, -1.0, 1.0)
        level += heeded * seconds / (_LEVEL_RESPONSES * response_seconds)
        level = round(_within(level, _LOWEST, 0.0), 6)
    found = Pace(round(math.exp(_within(wanted, _LOWEST, 0.0)), 6), level, now)
    return last if before is not None and _is_near(found, last) else found


def _is_near(one: Pace, other: Pace) -> bool:
    return (
        (one.pace == 1.0) == (other.pace == 1.0)
        and abs(math.log(one.pace / max(other.pace, LEAST))) < _NOTICED
        and abs(one.level - other.level) < _NOTICED
    )


def _within(value: float, low: float, high: float) -> float:
    return min(max(value, low), high)
