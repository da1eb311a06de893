"""Exact nearest neighbours by inner product, in blocks: what every index is compared with.

Scores are rounded as the index rounds them, and equal ones go by catalogue row: so the same vectors
give the same ranking on every machine.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Vectors = npt.NDArray[np.float32]
Rows = npt.NDArray[np.int64]

NONE = -1
# What float32 products of 500 or 2000 numbers agree on, in whatever order they are added up.
_SCORE_DIGITS = 6
_BLOCK_NUMBERS = 8_000_000


@dataclass(frozen=True)
class Ranking:
    """What each query found.

    `found` int64 [q, depth] holds catalogue rows, best first, NONE where there are no more.
    `scores` float32 [q, depth] are their inner products, NaN beside NONE. `first` int64 [q] is the
    rank of the first right one in the whole catalogue, from 1; 0 where none was seen.
    """

    found: Rows
    scores: Vectors
    first: Rows


def rank(
    queries: Vectors,
    catalogue: Vectors,
    labels: tuple[Rows, Rows],
    *,
    depth: int,
    own: Rows | None = None,
) -> Ranking:
    """Rank the catalogue [n, d] for each query [q, d].

    `labels` are those of queries [q] and catalogue [n], from `label_codes`. `own` [q] names a
    catalogue row that a query must not find, which is itself (leave-one-out), or NONE.
    """
    count, kept = len(queries), min(depth, len(catalogue))
    found = np.full((count, depth), NONE, np.int64)
    scores = np.full((count, depth), np.nan, np.float32)
    first = np.zeros(count, np.int64)
    for rows, block in _blocks(queries, catalogue, own) if kept else ():
        best = _best(block, kept)
        values = np.take_along_axis(block, best, axis=1)
        there = np.isfinite(values)
        found[rows, :kept] = np.where(there, best, NONE)
        scores[rows, :kept] = np.where(there, values, np.nan)
        first[rows] = _first_right(block, agreeing(labels[0][rows, None], labels[1]))
    return Ranking(found, scores, first)


def label_codes(queries: Sequence[str], catalogue: Sequence[str]) -> tuple[Rows, Rows]:
    """Number the labels, the same in both; NONE for an empty one, which agrees with nothing."""
    names = sorted({*queries, *catalogue} - {""})
    number = {name: at for at, name in enumerate(names)} | {"": NONE}
    return (
        np.array([number[label] for label in queries], np.int64),
        np.array([number[label] for label in catalogue], np.int64),
    )


def agreeing(one: Rows, other: Rows) -> npt.NDArray[np.bool_]:
    """Say which label codes are the same and not NONE; broadcasts."""
    return np.asarray((one == other) & (one != NONE))


def _blocks(
    queries: Vectors, catalogue: Vectors, own: Rows | None
) -> Iterator[tuple[slice, Vectors]]:
    """Yield scores [b, n] of some queries at a time; -inf where a query must not find."""
    step = max(1, _BLOCK_NUMBERS // max(len(catalogue), 1))
    for start in range(0, len(queries), step):
        rows = slice(start, min(start + step, len(queries)))
        block = np.round(queries[rows] @ catalogue.T, _SCORE_DIGITS)
        if own is not None:
            mine = np.flatnonzero(own[rows] != NONE)
            block[mine, own[rows][mine]] = -np.inf
        yield rows, block


def _best(block: Vectors, depth: int) -> Rows:
    """Return the columns [b, depth] of the highest scores, best first, equal ones by column."""
    edge = -np.partition(-block, depth - 1, axis=1)[:, depth - 1 : depth]
    best = np.empty((len(block), depth), np.int64)
    for row, (scores, least) in enumerate(zip(block, edge, strict=True)):
        # In the order of columns, so that a stable sort leaves equal scores in it.
        candidates = np.flatnonzero(scores >= least)
        best[row] = candidates[np.argsort(-scores[candidates], kind="stable")][:depth]
    return best


def _first_right(block: Vectors, right: npt.NDArray[np.bool_]) -> Rows:
    """Return the rank [b] of the first right column, from 1; 0 where there is none."""
    allowed = right & np.isfinite(block)
    column = np.where(allowed, block, -np.inf).argmax(axis=1)[:, None]
    score = np.take_along_axis(block, column, axis=1)
    before = (block > score).sum(axis=1)
    earlier = (block == score) & (np.arange(block.shape[1]) < column)
    return np.where(allowed.any(axis=1), 1 + before + earlier.sum(axis=1), 0).astype(np.int64)
