"""The same search through Milvus, to see what its index costs in quality."""

from collections.abc import Callable
from uuid import uuid4

import numpy as np

from vitrine.errors import Unavailable
from vitrine.index.client import VectorIndex
from vitrine.index.schema import IndexRow
from vitrine.learning.evaluation.judge import DEPTH
from vitrine.learning.evaluation.ranking import NONE, Ranking, Rows, Vectors, agreeing

# A right picture further down counts as not found in the MRR: 1/100 at the most.
LIMIT = 100
_QUERIES_AT_ONCE = 32


class MilvusSearch:
    """Puts the catalogue into a collection of its own, searches it and drops it."""

    def __init__(
        self, index: VectorIndex, progress: Callable[[int], object] = lambda count: None
    ) -> None:
        self._index = index
        self._progress = progress

    def __call__(
        self, queries: Vectors, catalogue: Vectors, labels: tuple[Rows, Rows], *, own: Rows
    ) -> Ranking:
        """Search; `progress` is told how many more queries are done. Raises Unavailable."""
        collection = f"evaluate_{uuid4().hex}"
        self._index.create(collection, catalogue.shape[1])
        try:
            self._fill(collection, catalogue)
            found, scores = self._search(collection, queries, own)
        finally:
            self._index.drop(collection)
        right = agreeing(labels[0][:, None], labels[1][found]) & (found != NONE)
        first = np.where(right.any(axis=1), 1 + right.argmax(axis=1), 0).astype(np.int64)
        return Ranking(found[:, :DEPTH], scores[:, :DEPTH], first)

    def _fill(self, collection: str, catalogue: Vectors) -> None:
        rows = [IndexRow(at, at, "", "", "", 0.0, True, row) for at, row in enumerate(catalogue)]
        self._index.upsert(collection, rows)
        self._index.flush(collection)
        there = self._index.present(collection, range(len(rows)))
        if len(there) != len(rows):
            raise Unavailable(
                f"Milvus has {len(there)} of {len(rows)} vectors that it acknowledged; try again."
            )

    def _search(self, collection: str, queries: Vectors, own: Rows) -> tuple[Rows, Vectors]:
        found = np.full((len(queries), LIMIT), NONE, np.int64)
        scores = np.full((len(queries), LIMIT), np.nan, np.float32)
        for start in range(0, len(queries), _QUERIES_AT_ONCE):
            some = queries[start : start + _QUERIES_AT_ONCE]
            # One more than is kept, because the query itself may be among them.
            answers = self._index.search(collection, some, limit=LIMIT + 1)
            for at, answer in enumerate(answers, start=start):
                hits = [hit for hit in answer if hit.id != own[at]][:LIMIT]
                found[at, : len(hits)] = [hit.id for hit in hits]
                scores[at, : len(hits)] = [hit.score for hit in hits]
            self._progress(len(some))
        return found, scores
