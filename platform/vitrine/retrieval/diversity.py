"""Maximal marginal relevance: a ranking whose products differ from those before them."""

import numpy as np
from numpy.typing import NDArray


def diversify(
    relevance: NDArray[np.float64], vectors: NDArray[np.float32], diversity: float, count: int
) -> list[int]:
    """Order the first `count` of n items by MMR (Carbonell and Goldstein, SIGIR 1998).

    `relevance` is [n], any scale; `vectors` are [n, d] of length 1, and zeros for an item that has
    none. `diversity` 0 keeps the order of relevance, 1 looks only at how different an item is from
    those chosen. Returns indices; equal ones keep their order.
    """
    count = min(count, len(relevance))
    span = float(np.ptp(relevance)) if len(relevance) else 0.0
    scaled = (relevance - relevance.min()) / span if span > 0 else np.ones(len(relevance))
    nearest = np.zeros(len(relevance))
    left = np.ones(len(relevance), bool)
    chosen: list[int] = []
    while len(chosen) < count:
        marginal = (1.0 - diversity) * scaled - diversity * nearest
        best = int(np.argmax(np.where(left, marginal, -np.inf)))
        chosen.append(best)
        left[best] = False
        nearest = np.maximum(nearest, vectors @ vectors[best])
    return chosen
