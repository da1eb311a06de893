"""Rocchio: a question moved towards what is liked and away from what is not."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from vitrine.errors import Invalid

_LEAST_LENGTH = 1e-6


def rocchio(
    query: NDArray[np.float32] | None,
    more: Sequence[NDArray[np.float32]],
    less: Sequence[NDArray[np.float32]],
    *,
    weights: tuple[float, float, float],
) -> NDArray[np.float32]:
    """Move a vector [d] by the mean of those liked and of those not; the result has length 1.

    `weights` are those of the query, of `more` and of `less` (Rocchio 1971). Raises Invalid where
    nothing is left of the question.
    """
    alpha, beta, gamma = weights
    parts = [
        *([alpha * query] if query is not None else []),
        *([beta * np.mean(more, axis=0)] if more else []),
        *([-gamma * np.mean(less, axis=0)] if less else []),
    ]
    moved = np.sum(parts, axis=0, dtype=np.float64) if parts else np.zeros(1)
    length = float(np.linalg.norm(moved))
    if length < _LEAST_LENGTH:
        raise Invalid(
            "The weights of `rocchio` leave nothing to search for; raise `query` or `more`.",
            errors=[{"pointer": "/rocchio", "detail": "leaves nothing to search for"}],
        )
    return np.asarray(moved / length, np.float32)
