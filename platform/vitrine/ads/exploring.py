"""Exploration of new creatives: Thompson sampling (Thompson 1933; Chapelle and Li 2011).

An ad that was never shown is predicted like its neighbours, and might be better. So an auction does
not go by the prediction but by a draw from what it might be, which is wide for what is new and
narrow for what was seen often: the new one wins now and then, and loses when it turns out worse.
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

# How many impressions the click model's word is worth for an ad that was never shown.
PRIOR_IMPRESSIONS = 100.0
_LEAST = 1e-6


def drawn(
    probabilities: ArrayLike, impressions: ArrayLike, rng: np.random.Generator, strength: float
) -> NDArray[np.float64]:
    """Draw what each probability [n] might really be, from `impressions` [n] of each ad.

    Beta(p·k, (1 − p)·k) with k = PRIOR_IMPRESSIONS + impressions, over `strength`: 1 is Thompson
    sampling, more is bolder, 0 gives the probabilities themselves. The mean of a draw is p at any
    strength, but that of the draws that win is more: what is expected of a winner is p. The same
    `rng` draws the same.
    """
    predicted = np.asarray(probabilities, np.float64)
    if strength <= 0:
        return predicted.copy()
    above, below = shape(predicted, np.asarray(impressions, np.float64), strength)
    return rng.beta(above, below)


def shape(
    probabilities: NDArray[np.float64], impressions: NDArray[np.float64], strength: float
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return the two parameters of the Beta distributions [n] that are drawn from."""
    inside = np.clip(probabilities, _LEAST, 1.0 - _LEAST)
    count = (PRIOR_IMPRESSIONS + np.maximum(impressions, 0.0)) / strength
    return inside * count, (1.0 - inside) * count
