"""A linear model of clicks as it is served: its weights by name, and how they are written down."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Weights:
    """One version of an online model. `version` 0 is a prior, which has learnt nothing yet."""

    version: int
    names: tuple[str, ...]
    coefficients: NDArray[np.float32]
    intercept: float

    def probabilities(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Predict how likely each of features [n, f] is clicked: [n]."""
        logits = features @ self.coefficients + self.intercept
        probabilities: NDArray[np.float32] = (1.0 / (1.0 + np.exp(-logits))).astype(np.float32)
        return probabilities

    def named(self) -> dict[str, float]:
        """Return each coefficient by the name of its feature."""
        return dict(zip(self.names, map(float, self.coefficients), strict=True))


def make_prior(names: tuple[str, ...], weights: Mapping[str, float], intercept: float) -> Weights:
    """Make what predicts before the first click; a feature without a weight starts at 0."""
    coefficients = [weights.get(name, 0.0) for name in names]
    return Weights(0, names, np.array(coefficients, np.float32), intercept)


def to_state(weights: Weights) -> dict[str, Any]:
    """Write weights as the part of a row's state that serving reads: each by its name."""
    return {"weights": weights.named(), "intercept": weights.intercept}


def from_state(version: int, state: Mapping[str, Any], prior: Weights) -> Weights:
    """Read weights; a feature that the version did not know keeps its weight of the prior.

    A calibration is a line over the logit, which is a line itself: what comes of both is one.
    """
    known: Mapping[str, float] = state["weights"]
    calibration: Mapping[str, float] = state.get("calibration") or {}
    slope, offset = calibration.get("slope", 1.0), calibration.get("offset", 0.0)
    coefficients = [known.get(name, start) * slope for name, start in prior.named().items()]
    intercept = float(state["intercept"]) * slope + offset
    return Weights(version, prior.names, np.array(coefficients, np.float32), intercept)
