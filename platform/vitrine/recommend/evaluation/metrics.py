"""What a list of recommendations is worth, given what the person wanted later."""

from collections.abc import Collection, Sequence

import numpy as np
from numpy.typing import NDArray


def recall(ranked: Sequence[int], wanted: frozenset[int], k: int) -> float:
    """Return the part of what was wanted that the first k hold."""
    return len(wanted.intersection(ranked[:k])) / len(wanted)


def ndcg(ranked: Sequence[int], wanted: frozenset[int], k: int) -> float:
    """Return the discounted gain of the first k over that of the best list (Järvelin 2002)."""
    gains = [1 / np.log2(place + 2) for place, one in enumerate(ranked[:k]) if one in wanted]
    best = [1 / np.log2(place + 2) for place in range(min(k, len(wanted)))]
    return float(sum(gains) / sum(best))


def reciprocal_rank(ranked: Sequence[int], wanted: frozenset[int]) -> float:
    """Return 1 / place of the first that was wanted, 0 if none was."""
    return next((1 / place for place, one in enumerate(ranked, 1) if one in wanted), 0.0)


def coverage(lists: Collection[Sequence[int]], catalogue: int) -> float:
    """Return the part of the catalogue that stands in any of the lists."""
    return len({one for ranked in lists for one in ranked}) / catalogue if catalogue else 0.0


def novelty(ranked: Sequence[int], known_to: NDArray[np.float64]) -> float:
    """Return the mean self-information in bits of a list: how few people knew what it shows.

    `known_to` [products] is the share of people who dealt with each, above 0 (Zhou et al. 2010).
    """
    return float(np.mean(-np.log2(known_to[list(ranked)]))) if len(ranked) else np.nan


def intra_list_diversity(vectors: NDArray[np.float32]) -> float:
    """Return 1 minus the mean cosine of the pairs of a list with vectors [n, d] of length 1."""
    count = len(vectors)
    if count < 2:
        return np.nan
    cosines = (vectors @ vectors.T).astype(np.float64)
    return float(1 - (cosines.sum() - np.trace(cosines)) / (count * (count - 1)))
