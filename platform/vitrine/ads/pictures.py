"""Creatives and their vectors, side by side: which are nearest is told exactly."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]


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
        # Not by BLAS, whose threads wait for each other on processors that others need; nor in
        # parts, after each of which this thread waits for those of other requests.
        cosines = np.einsum("nd,pd->pn", self.vectors, probes)
        return [self._best(one, depth) for one in cosines]

    def _best(self, cosines: NDArray[np.float32], depth: int) -> list[int]:
        if depth < len(cosines):
            found = np.argpartition(-cosines, depth)[:depth]
        else:
            found = np.arange(len(cosines))
        best: list[int] = self.ids[found[np.lexsort((self.ids[found], -cosines[found]))]].tolist()
        return best
