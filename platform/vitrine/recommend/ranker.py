"""The ranker as the api sees it: the weights of a logistic regression, and nothing else."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Weights:
    """One version of the online model. `version` 0 is the prior, which has learnt nothing yet."""

    version: int
    coefficients: NDArray[np.float32]
    intercept: float

    def probabilities(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Predict how likely each candidate of features [n, f] is clicked: [n]."""
        logits = features @ self.coefficients + self.intercept
        probabilities: NDArray[np.float32] = (1.0 / (1.0 + np.exp(-logits))).astype(np.float32)
        return probabilities
