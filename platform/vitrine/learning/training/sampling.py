"""Which pictures make a batch: fixed shares of the data sets, labels balanced within each."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Rows = npt.NDArray[np.int64]


def shares(weights: Sequence[float], batch: int) -> list[int]:
    """Divide a batch by weights, by largest remainders; everybody gets at least two."""
    exact = np.asarray(weights) / sum(weights) * batch
    counts = np.maximum(np.floor(exact).astype(int), 2)
    while counts.sum() < batch:
        counts[np.argmax(exact - counts)] += 1
    while counts.sum() > batch and counts.max() > 2:
        counts[np.argmax(np.where(counts > 2, counts - exact, -np.inf))] -= 1
    return [int(count) for count in counts]


class Sampler:
    """Draws rows of one data set. `labels` are codes [n]; -1 stands for none."""

    def __init__(self, labels: Rows, *, balance: float, per_label: int) -> None:
        self._rows = [np.flatnonzero(labels == code) for code in np.unique(labels)]
        sizes = np.array([len(rows) for rows in self._rows], np.float64)
        chances = sizes ** (1 - balance)
        self._chances = chances / chances.sum()
        self._per_label = 1 if len(self._rows) == 1 else per_label

    def draw(self, count: int, random: np.random.Generator) -> Rows:
        """Draw `count` rows, about `per_label` of each label drawn, none twice if it can be."""
        groups = -(-count // self._per_label)
        wanted = random.multinomial(groups, self._chances) * self._per_label
        drawn = [
            random.choice(rows, size, replace=size > len(rows))
            for rows, size in zip(self._rows, wanted, strict=True)
            if size
        ]
        return random.permutation(np.concatenate(drawn))[:count]
