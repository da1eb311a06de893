"""What a ranking is worth, query by query: pure functions over arrays.

They take `right` bool [q, k], whether each of the first k results carries the query's label, and
`relevant` int64 [q], how many pictures of the catalogue do. A query that no picture could answer
has no figure (NaN) and is left out of every mean, as trec_eval leaves out topics without relevant
documents; it is counted beside the mean instead.

- R@k: 1 if one of the first k is right, else 0. This is the recall at k of metric learning
  (Oh Song et al. 2016), not the share of all right pictures that were found.
- MRR: the mean of 1 / rank of the first right one (Voorhees 1999, TREC-8).
- AP@k: the mean of the precision at each right result, over min(k, relevant); its mean is mAP@k.
- nDCG@k: gain 1 for a right result, discount log2(rank + 1), over the best order there could be
  (Järvelin and Kekäläinen 2002).
"""

import numpy as np
import numpy.typing as npt

from vitrine.learning.evaluation.ranking import NONE, Rows, agreeing

Right = npt.NDArray[np.bool_]
PerQuery = npt.NDArray[np.float64]


def is_right(found: Rows, queries: Rows, catalogue: Rows) -> Right:
    """Say which results [q, k] carry their query's label, by label codes [q] and [n]."""
    if not len(catalogue):
        return np.zeros(found.shape, np.bool_)
    # NONE reads the last row here, and is struck out.
    return np.asarray(agreeing(queries[:, None], catalogue[found]) & (found != NONE))


def count_relevant(queries: Rows, catalogue: Rows, own: Rows | None = None) -> Rows:
    """Count the catalogue pictures [q] that carry the query's label, itself not counted."""
    codes, counts = np.unique(catalogue[catalogue != NONE], return_counts=True)
    by_code = dict(zip(codes.tolist(), counts.tolist(), strict=True))
    relevant = np.array([by_code.get(code, 0) for code in queries.tolist()], np.int64)
    if own is not None and len(catalogue):
        relevant -= agreeing(queries, catalogue[own]) & (own != NONE)
    return relevant


def recall_at(right: Right, relevant: Rows, k: int) -> PerQuery:
    """R@k of each query."""
    return _where_possible(np.asarray(right[:, :k].any(axis=1)), relevant)


def reciprocal_rank(first: Rows, relevant: Rows) -> PerQuery:
    """1 / rank of the first right result; 0 where `first` is 0, which is not found."""
    return _where_possible(np.where(first > 0, 1.0 / np.maximum(first, 1), 0.0), relevant)


def average_precision_at(right: Right, relevant: Rows, k: int) -> PerQuery:
    """AP@k of each query."""
    hits = right[:, :k].astype(np.float64)
    precision = hits.cumsum(axis=1) / np.arange(1, hits.shape[1] + 1)
    best = np.clip(relevant, 1, k)
    return _where_possible((precision * hits).sum(axis=1) / best, relevant)


def ndcg_at(right: Right, relevant: Rows, k: int) -> PerQuery:
    """nDCG@k of each query, with binary gain."""
    hits = right[:, :k].astype(np.float64)
    discount = 1.0 / np.log2(np.arange(2, k + 2))
    ideal = discount.cumsum()[np.clip(relevant, 1, k) - 1]
    return _where_possible(hits @ discount[: hits.shape[1]] / ideal, relevant)


def _where_possible(values: npt.NDArray[np.generic], relevant: Rows) -> PerQuery:
    return np.where(relevant > 0, values.astype(np.float64), np.nan)
