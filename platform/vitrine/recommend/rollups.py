"""What goes together and what is wanted now, counted anew from the events of the last weeks.

Everything is counted by people: whoever adds one product a thousand times counts once. A login
joins what a visitor did before to the user.
"""

from dataclasses import dataclass

from sqlalchemy import text

from vitrine import logs
from vitrine.db import Sessions
from vitrine.recommend.pairs import count_pairs, write_pairs
from vitrine.recommend.trends import count_trends, write_trends
from vitrine.recommend.weights import EventWeights

# Whoever holds it counts; any number that nothing else uses.
_LOCK = 7_283_011
# Counting a year of a big shop takes longer than other statements may, and room to sort.
_AT_LENGTH = text("set local statement_timeout = '10min'; set local work_mem = '32MB'")
_log = logs.get(__name__)


@dataclass(frozen=True, slots=True)
class RollupBounds:
    """`significance`: least log-likelihood ratio of a pair; days and half-lives of what counts."""

    pair_days: int = 90
    significance: float = 10.83
    half_life_days: float = 7.0


@dataclass(frozen=True, slots=True)
class RolledUp:
    """What was counted."""

    pairs: int
    trends: int


def roll_up(sessions: Sessions, weights: EventWeights, bounds: RollupBounds) -> RolledUp | None:
    """Count pairs and trends anew; None where another process is at it.

    Counts first and writes then: rows that are written hold up whoever changes their products.
    """
    with sessions.begin() as session:
        if not session.scalar(text("select pg_try_advisory_xact_lock(:lock)"), {"lock": _LOCK}):
            return None
        session.execute(_AT_LENGTH)
        pairs = count_pairs(session, days=bounds.pair_days, significance=bounds.significance)
        trends = count_trends(session, weights, half_life_days=bounds.half_life_days)
        write_pairs(session, pairs)
        write_trends(session)
    counted = RolledUp(len(pairs.ones), trends)
    _log.info("recommendation.rolled_up", pairs=counted.pairs, trends=counted.trends)
    return counted
