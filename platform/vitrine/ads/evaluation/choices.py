"""What would have been clicked if the click model had chosen, told from what chance showed.

Off-policy evaluation by inverse propensity: where the random policy happened to show what the model
would have chosen, the click counts for all the times that it did not. SNIPS divides by the weights
that came up instead of by the impressions (Swaminathan and Joachims 2015): less spread, some bias.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vitrine.ads.evaluation.figures import as_json, ratio
from vitrine.ads.evaluation.trial import Trial
from vitrine.learning.evaluation.bootstrap import Estimate, estimate, estimate_of

Numbers = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Rewards:
    """Impressions that chance chose: `weights` [n] of each for a policy, and what was clicked."""

    weights: Numbers
    clicked: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Value:
    """Clicks an impression that a policy would have had, beside those that chance had.

    `difference` is that of SNIPS and of chance; `shown` how many impressions the policy would have
    chosen as they were, and `clicks` those of them.
    """

    ips: Estimate
    snips: Estimate
    chance: Estimate
    difference: Estimate
    shown: int
    clicks: int

    def to_json(self) -> dict[str, Any]:
        """Write all of it."""
        return as_json(self)


def rewards(trial: Trial, share: float) -> Rewards:
    """Let the calibrated model choose evenly among the best `share` of the items (at least one)."""
    log = trial.log
    at = trial.rest[log.drawn[trial.first :]]
    count = len(log.items)
    scores = np.empty((len(at), count))
    for item in range(count):
        items = np.full(len(at), item)
        rows = trial.encoding.rows(log, at, items, trial.log_odds[items])
        scores[:, item] = trial.calibrated.probabilities(rows)
    best = max(1, round(share * count))
    # Of equals the first item, whoever asks.
    places = np.argsort(np.argsort(-scores, axis=1, kind="stable"), axis=1)
    chosen = places[np.arange(len(at)), log.item[at]] < best
    return Rewards(chosen / best / log.propensity[at], log.clicked[at])


def value(of: Rewards) -> Value:
    """Estimate what a policy is worth."""
    clicked = of.clicked.astype(np.float64)
    gained = of.weights * clicked
    columns = np.stack([gained, of.weights, clicked], axis=1)
    return Value(
        ips=estimate(gained),
        snips=estimate_of(columns, ratio),
        chance=estimate(clicked),
        difference=estimate_of(columns, lambda means: ratio(means) - means[:, 2]),
        shown=int((of.weights > 0).sum()),
        clicks=int(of.clicked[of.weights > 0].sum()),
    )
