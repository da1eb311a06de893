"""How much somebody is drawn to categories, brands and prices: shares, and a band."""

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence

import numpy as np

_POINTS = (0.1, 0.5, 0.9)
_DECIMALS = 6


def shares(weighed: Iterable[tuple[str, float]]) -> dict[str, float]:
    """Add signed weights up by name; what is liked adds up to 1, what is not lies in [-1, 0).

    The greatest comes first.
    """
    sums: dict[str, float] = defaultdict(float)
    for name, weight in weighed:
        sums[name] += weight
    liked = sum(value for value in sums.values() if value > 0)
    disliked = -sum(value for value in sums.values() if value < 0)
    of_negative = max(liked, disliked)
    found = {
        name: round(value / (liked if value > 0 else of_negative), _DECIMALS)
        for name, value in sums.items()
        if value
    }
    found = {name: share for name, share in found.items() if share}
    return dict(sorted(found.items(), key=lambda item: (-item[1], item[0])))


def band(prices: Sequence[float], weights: Sequence[float]) -> tuple[float, float, float] | None:
    """Return the weighted 10, 50 and 90 % points of log prices, as prices; None without a price.

    Each price stands at the middle of its weight, and between two the logarithm is interpolated.
    """
    known = sorted(
        (math.log(price), weight)
        for price, weight in zip(prices, weights, strict=True)
        if price > 0 and weight > 0
    )
    if not known:
        return None
    logs, masses = np.array(known).T
    middles = (np.cumsum(masses) - masses / 2) / masses.sum()
    low, middle, high = np.exp(np.interp(_POINTS, middles, logs)).round(2).tolist()
    return low, middle, high
