"""Creatives and their vectors, side by side: which are nearest is told exactly."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]

# Larger products are computed by several threads of the BLAS, which wait for each other longer than
# it takes.
_PRODUCTS_AT_ONCE = 2**17


@dataclass(frozen=True, slots=True)
class Pictures:
    """Creatives [n] and their vectors [n, d] by this model; nothing in it changes.

    `versions` are of all creatives that were looked for, `cids` name the pictures of those found.
    """

    model: str
    ids: NDArray[np.int64]
    vectors: Vectors
    versions: Mapping[int, int]
    cids: Mapping[int, str]
    rows: Mapping[int, int] = field(init=False)
    absent: frozenset[int] = field(init=False)

    def __post_init__(self) -> None:
        rows = {id_: row for row, id_ in enumerate(self.ids.tolist())}
        object.__setattr__(self, "rows", rows)
        object.__setattr__(self, "absent", frozenset(self.versions.keys() - rows.keys()))

    @classmethod
    def none(cls, model: str) -> "Pictures":
        """Make one without any."""
        return cls(model, np.empty(0, np.int64), np.empty((0, 0), np.float32), {}, {})

    def nearest(self, probes: Vectors, depth: int) -> list[list[int]]:
        """Find the `depth` creatives most like each vector [p, d], best first, then by id."""
        if not len(self.ids):
            return [[] for _ in probes]
        rows = max(1, _PRODUCTS_AT_ONCE // probes.size)
        starts = range(0, len(self.ids), rows)
        parts = [self.vectors[start : start + rows] @ probes.T for start in starts]
        return [self._best(one, depth) for one in np.ascontiguousarray(np.concatenate(parts).T)]

    def _best(self, cosines: NDArray[np.float32], depth: int) -> list[int]:
        if depth < len(cosines):
            found = np.argpartition(-cosines, depth)[:depth]
        else:
            found = np.arange(len(cosines))
        best: list[int] = self.ids[found[np.lexsort((self.ids[found], -cosines[found]))]].tolist()
        return best
