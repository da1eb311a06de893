"""How sure a figure of a report is: 95 % intervals of shares, and of sums that few events make up.

An interval is None where nothing can be said.
"""

import math

from scipy.special import gammaincinv

Interval = tuple[float, float]

_TAIL = 0.025
_Z = 1.959963984540054
# Sums of squares of floats that should be alike differ by so much, relatively.
_ROUNDING = 1e-9
_CERTAIN = 1e-14


def wilson(hits: float, trials: float) -> Interval | None:
    """Return the score interval of a share (Wilson 1927); None without trials, or above 1.

    Hits may be parts: trials that bring between 0 and 1 vary less than those that bring 0 or 1, so
    that the interval is then too wide rather than too narrow.
    """
    if trials <= 0 or not 0 <= hits <= trials:
        return None
    share, penalty = hits / trials, _Z * _Z / trials
    middle = (share + penalty / 2) / (1 + penalty)
    half = _Z * math.sqrt(share * (1 - share) / trials + penalty / (4 * trials)) / (1 + penalty)
    # Rounding must leave neither bound on the wrong side of the share.
    return max(0.0, min(middle - half, share)), min(1.0, max(middle + half, share))


def of_sum(
    total: float, squares: float, largest: float, trials: float | None = None
) -> Interval | None:
    """Return the interval of what a sum would be on average if all of it happened again.

    The sum is compound Poisson: as many terms as chance has it, of these sizes. Its variance is the
    sum of their `squares`, and it is taken as gamma distributed, the upper bound with one more term
    as large as the `largest` (Fay and Feuer 1997, "Confidence intervals for directly standardized
    rates"). With terms all alike it is the exact interval of a Poisson count.

    With `trials`, each of which brings at most one term, their number is taken as given: the
    variance of a sum over n trials is smaller by total²/n, down to that of the terms themselves
    where every trial brings one. None where nothing came, or trials brought more terms than one.
    """
    if total <= 0 or squares <= 0:
        return None
    variance = squares
    if trials is not None:
        if trials <= 0:
            return None
        variance -= total * total / trials
        if variance < -_ROUNDING * squares:
            return None
    low = _gamma_quantile(total, max(variance, 0.0), _TAIL)
    high = _gamma_quantile(total + largest, max(variance, 0.0) + largest * largest, 1 - _TAIL)
    return min(low, total), max(high, total)


def _gamma_quantile(mean: float, variance: float, at: float) -> float:
    if variance <= _CERTAIN * mean * mean:
        return mean
    return float(gammaincinv(mean * mean / variance, at)) * variance / mean
