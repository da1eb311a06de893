"""Evaluate: queries are searched in a catalogue, and what they found is judged by its labels."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol

import numpy as np

from vitrine.errors import Invalid
from vitrine.learning.evaluation import metrics
from vitrine.learning.evaluation.bootstrap import Estimate, estimate
from vitrine.learning.evaluation.pictures import Pictures
from vitrine.learning.evaluation.ranking import NONE, Ranking, Rows, Vectors, label_codes, rank

DEPTH = 10
NO_LABEL = "(no label)"


class Search(Protocol):
    """Finds the DEPTH nearest pictures of the catalogue [n, d] for each query [q, d]."""

    def __call__(
        self, queries: Vectors, catalogue: Vectors, labels: tuple[Rows, Rows], *, own: Rows
    ) -> Ranking: ...


exact: Search = partial(rank, depth=DEPTH)
"""Every query against every picture."""


@dataclass(frozen=True)
class Confusion:
    """Of `queries` pictures of `label`, the first hit of `count` was `found`, most often of all
    wrong ones. An empty `found` is a picture without a label, such as a distractor."""

    label: str
    found: str
    count: int
    queries: int


@dataclass(frozen=True)
class LabelFigure:
    label: str
    queries: int
    r_at_1: float


@dataclass(frozen=True)
class Evaluation:
    """What a model is worth on two sets of pictures, and what it found.

    `right` bool [q, DEPTH] and `relevant` int64 [q] go by label. `copies` are queries whose very
    file stands in the catalogue under another name.
    """

    label: dict[str, Estimate]
    coarse_label: dict[str, Estimate]
    queries: Pictures
    catalogue: Pictures
    ranking: Ranking
    right: metrics.Right
    relevant: Rows
    copies: int

    @property
    def answerable(self) -> list[int]:
        """Rows of the queries that some picture of the catalogue could answer."""
        return [int(at) for at in np.flatnonzero(self.relevant > 0)]

    @property
    def unanswerable(self) -> int:
        """Queries that none could answer; they are in no figure."""
        return len(self.relevant) - len(self.answerable)

    def labels(self) -> list[LabelFigure]:
        """R@1 of each label, worst first."""
        first: dict[str, list[bool]] = defaultdict(list)
        for at in self.answerable:
            first[self.queries.examples[at].label].append(bool(self.right[at, 0]))
        figures = [LabelFigure(name, len(of), sum(of) / len(of)) for name, of in first.items()]
        return sorted(figures, key=lambda one: (one.r_at_1, -one.queries, one.label))

    def confusions(self) -> list[Confusion]:
        """For each label the wrong one that its queries found first most often; most first."""
        wrong: dict[str, Counter[str]] = defaultdict(Counter)
        for at in self.answerable:
            hit = int(self.ranking.found[at, 0])
            if hit != NONE and not self.right[at, 0]:
                found = self.catalogue.examples[hit].label
                wrong[self.queries.examples[at].label][found] += 1
        queries = Counter(self.queries.examples[at].label for at in self.answerable)
        confusions = [
            Confusion(label, *counts.most_common(1)[0], queries[label])
            for label, counts in wrong.items()
        ]
        return sorted(confusions, key=lambda one: (-one.count, one.label))


def evaluate(queries: Pictures, catalogue: Pictures, search: Search = exact) -> Evaluation:
    """Search each query in the catalogue. A picture never finds itself: where both are the same
    set, that is leave-one-out.

    Raises Invalid where no query could be answered by any picture.
    """
    own = own_rows([one.path for one in queries.examples], [one.path for one in catalogue.examples])
    codes = label_codes(
        [one.label for one in queries.examples], [one.label for one in catalogue.examples]
    )
    relevant = metrics.count_relevant(*codes, own)
    if not (relevant > 0).any():
        raise Invalid(_why_no_answer(codes))
    ranking = search(queries.vectors, catalogue.vectors, codes, own=own)
    right = metrics.is_right(ranking.found, *codes)
    return Evaluation(
        label={
            **{f"r@{k}": estimate(metrics.recall_at(right, relevant, k)) for k in (1, 5, DEPTH)},
            "mrr": estimate(metrics.reciprocal_rank(ranking.first, relevant)),
            f"map@{DEPTH}": estimate(metrics.average_precision_at(right, relevant, DEPTH)),
            f"ndcg@{DEPTH}": estimate(metrics.ndcg_at(right, relevant, DEPTH)),
        },
        coarse_label=_coarse(queries, catalogue, ranking, own),
        queries=queries,
        catalogue=catalogue,
        ranking=ranking,
        right=right,
        relevant=relevant,
        copies=_copies(queries, catalogue, own),
    )


def own_rows(queries: Sequence[Path], catalogue: Sequence[Path]) -> Rows:
    """Say for each query [q] in which row of the catalogue it stands itself, or NONE."""
    rows = {path: row for row, path in enumerate(catalogue)}
    return np.array([rows.get(path, NONE) for path in queries], np.int64)


def _coarse(
    queries: Pictures, catalogue: Pictures, ranking: Ranking, own: Rows
) -> dict[str, Estimate]:
    codes = label_codes(
        [one.coarse_label for one in queries.examples],
        [one.coarse_label for one in catalogue.examples],
    )
    relevant = metrics.count_relevant(*codes, own)
    right = metrics.is_right(ranking.found, *codes)
    return {
        "r@1": estimate(metrics.recall_at(right, relevant, 1)),
        f"map@{DEPTH}": estimate(metrics.average_precision_at(right, relevant, DEPTH)),
    }


def _copies(queries: Pictures, catalogue: Pictures, own: Rows) -> int:
    files = Counter(catalogue.contents)
    return sum(
        files[content] > (row != NONE)
        for content, row in zip(queries.contents, own.tolist(), strict=False)
    )


def _why_no_answer(codes: tuple[Rows, Rows]) -> str:
    for which, of in zip(("queries", "catalogue"), codes, strict=True):
        if (of == NONE).all():
            return f"No picture of the {which} has a label: fill in the column `label`."
    return (
        "No query can be answered: no other picture of the catalogue has its label. Choose splits "
        "that share labels."
    )
