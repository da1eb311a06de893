"""Whether two products are together more often than by chance."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Counts = NDArray[np.integer[Any]]


def log_likelihood_ratios(
    together: Counts, first: Counts, second: Counts, people: int
) -> NDArray[np.float64]:
    """Measure how surprising each pair is: G² of Dunning (1993), for n pairs at once.

    Of `people` in all, `first` [n] have the first product, `second` [n] the second and `together`
    [n] both. Zero where they are together no more often than by chance; G² above 10.83 comes about
    by chance in one pair of a thousand.
    """
    both = together.astype(np.float64)
    one, other = first.astype(np.float64), second.astype(np.float64)
    cells = np.stack([both, one - both, other - both, people - one - other + both])
    # Counts that were read a moment apart may contradict each other by one.
    cells = np.maximum(cells, 0.0)
    total = cells.sum(axis=0)
    rows = np.stack([cells[0] + cells[1], cells[2] + cells[3]])
    columns = np.stack([cells[0] + cells[2], cells[1] + cells[3]])
    ratios = 2.0 * (
        _entropy_terms(cells) - _entropy_terms(rows) - _entropy_terms(columns) + _xlogx(total)
    )
    attracted = cells[0] * total > rows[0] * columns[0]
    result: NDArray[np.float64] = np.where(attracted, np.maximum(ratios, 0.0), 0.0)
    return result


def _entropy_terms(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    terms: NDArray[np.float64] = _xlogx(counts).sum(axis=0)
    return terms


def _xlogx(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    result: NDArray[np.float64] = counts * np.log(np.where(counts > 0, counts, 1.0))
    return result
