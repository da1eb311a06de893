"""Guarded exploration: a few slots show what the ranker would not, with exact probabilities.

Epsilon-greedy over slots. A click on what is always shown cannot tell what else would have been
clicked; so now and then a slot takes a product from below the page, drawn alike from a pool of
those that are nearly as good. The first slot never explores, and at most a share of the page does.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Guard:
    """What exploration may cost: at most `share` of the slots after the first (but one, if there
    are any), filled with one of the next `pool` candidates whose probability of a click is at
    least `floor` times the lowest on the page.
    """

    share: float = 0.2
    floor: float = 0.5
    pool: int = 40


@dataclass(frozen=True, slots=True)
class Explored:
    """A page: which candidate each slot shows, how likely just that was, and 1 where it explores.

    A propensity is the marginal probability, over the draws of one answer, that this candidate
    stands in this slot; inverse propensity weighting takes it as it is.
    """

    order: list[int]
    propensities: list[float]
    explored: list[int]


GUARD = Guard()


def explore(  # noqa: PLR0913 - what decides on a page, each by its name
    order: Sequence[int],
    scores: NDArray[np.float32],
    rng: np.random.Generator,
    *,
    slots: int,
    epsilon: float,
    eligible: NDArray[np.bool_] | None = None,
    guard: Guard = GUARD,
) -> Explored:
    """Fill the `slots` first places of a ranking, some of them by chance.

    `order` has the candidates from best to worst as they would be shown, `scores` [n] and
    `eligible` [n] (all, if None) are by candidate. Each slot after the first explores with
    probability `epsilon`, less where the guard's share allows no more. What is displaced is not
    shown on this page.
    """
    page = list(order[:slots])
    pool = _pool(order, scores, slots, eligible, guard)
    after_first = len(page) - 1
    most = min(max(int(guard.share * after_first), 1), after_first, len(pool))
    if epsilon <= 0 or most <= 0:
        return Explored(page, [1.0] * len(page), [0] * len(page))
    # Of `most` slots drawn alike each explores with `chance`: by symmetry every slot after the
    # first explores with probability `each`, and shows any one of the pool with `each` / pool.
    chance = min(1.0, epsilon * after_first / most)
    each = chance * most / after_first
    propensities = [1.0] + [1.0 - each] * after_first
    explored = [0] * len(page)
    places = rng.permutation(after_first)[:most] + 1
    drawn = rng.permutation(len(pool))[:most]
    for place, which, draw in zip(places, drawn, rng.random(most), strict=True):
        if draw < chance:
            page[place] = pool[which]
            propensities[place] = each / len(pool)
            explored[place] = 1
    return Explored(page, propensities, explored)


def _pool(
    order: Sequence[int],
    scores: NDArray[np.float32],
    slots: int,
    eligible: NDArray[np.bool_] | None,
    guard: Guard,
) -> list[int]:
    if not len(order) or slots <= 0:
        return []
    floor = guard.floor * min(float(scores[one]) for one in order[:slots])
    near = [
        one
        for one in order[slots:]
        if float(scores[one]) >= floor and (eligible is None or eligible[one])
    ]
    return near[: guard.pool]
