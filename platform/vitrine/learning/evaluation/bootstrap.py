"""How sure a mean is: percentile bootstrap over the queries (Efron and Tibshirani 1993, ch. 13)."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

RESAMPLES = 2000
_BLOCK_NUMBERS = 4_000_000


@dataclass(frozen=True)
class Estimate:
    """A mean over `queries` queries with its 95 % interval; NaN where no query has a figure."""

    value: float
    low: float
    high: float
    queries: int


def estimate(
    values: npt.NDArray[np.float64], *, resamples: int = RESAMPLES, seed: int = 0
) -> Estimate:
    """Return the mean of the values [q] that are not NaN, and where 95 % of resampled means lie.

    Queries are drawn as if they were independent: several photos of one product make the interval
    narrower than it is for another set of products.
    """
    known = values[~np.isnan(values)]
    if not len(known):
        return Estimate(np.nan, np.nan, np.nan, 0)
    random = np.random.default_rng(seed)
    means = np.empty(resamples)
    step = max(1, _BLOCK_NUMBERS // len(known))
    for start in range(0, resamples, step):
        some = min(step, resamples - start)
        means[start : start + some] = known[
            random.integers(0, len(known), (some, len(known)))
        ].mean(axis=1)
    low, high = np.percentile(means, [2.5, 97.5])
    return Estimate(float(known.mean()), float(low), float(high), len(known))


def estimate_of(
    columns: npt.NDArray[np.float64],
    statistic: Callable[[npt.NDArray[np.float64]], npt.NDArray[np.float64]],
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Estimate:
    """Return a figure that is made of means of columns [q, c], such as a ratio, with its interval.

    `statistic` makes figures [r] of means [r, c], each of one resample; NaN where there is none.
    """
    count = len(columns)
    if not count:
        return Estimate(np.nan, np.nan, np.nan, 0)
    random = np.random.default_rng(seed)
    found = np.empty(resamples)
    step = max(1, _BLOCK_NUMBERS // count)
    for start in range(0, resamples, step):
        some = min(step, resamples - start)
        drawn = random.integers(0, count, (some, count)) + np.arange(some)[:, None] * count
        times = np.bincount(drawn.ravel(), minlength=some * count).reshape(some, count)
        found[start : start + some] = statistic(times @ columns / count)
    known = found[~np.isnan(found)]
    low, high = np.percentile(known, [2.5, 97.5]) if len(known) else (np.nan, np.nan)
    value = statistic(columns.mean(axis=0)[None])[0]
    return Estimate(float(value), float(low), float(high), count)
