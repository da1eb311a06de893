"""How good predicted probabilities are: log-loss, calibration, and how sure that is."""

import math
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vitrine.learning.evaluation.bootstrap import Estimate, estimate, estimate_of

BINS = 10
_LEAST = 1e-9
_CHANCES = 500

Numbers = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Quality:
    """One method on one set of impressions.

    `difference` is its log-loss less that of the base rate: below 0 it predicts better.
    `calibration_error` is the mean distance of predicted and real over bins of equal mass
    (Naeini et al. 2015); `by_chance` is what that would be in the mean if every probability were
    right, for so few clicks are never even.
    """

    log_loss: Estimate
    difference: Estimate
    calibration_error: Estimate
    by_chance: float
    predicted_per_real: Estimate

    @property
    def told(self) -> bool:
        """Whether the interval of the difference leaves out 0."""
        return self.difference.low > 0 or self.difference.high < 0

    def to_json(self) -> dict[str, Any]:
        """Write all of it."""
        return as_json(self)


def as_json(figures: Any) -> dict[str, Any]:
    """Write a dataclass of figures and numbers; what there is not is None."""
    return {
        name: as_json(one) if isinstance(one, Estimate) else _number(one)
        for name, one in ((field.name, getattr(figures, field.name)) for field in fields(figures))
    }


def judge(predicted: Numbers, base: Numbers, clicked: Flags) -> Quality:
    """Compare predictions [n] with what came, and with the predictions `base` [n]."""
    losses = log_losses(predicted, clicked)
    bins = equal_mass_bins(predicted)
    rest = (predicted - clicked)[:, None] * bins
    return Quality(
        log_loss=estimate(losses),
        difference=estimate(losses - log_losses(base, clicked)),
        calibration_error=estimate_of(rest, lambda means: np.abs(means).sum(axis=1)),
        by_chance=error_by_chance(predicted, bins),
        predicted_per_real=estimate_of(
            np.stack([predicted, clicked.astype(np.float64)], axis=1), ratio
        ),
    )


def log_losses(predicted: Numbers, clicked: Flags) -> Numbers:
    """Return −log of the probability that was given to what came: [n]."""
    inside = np.clip(predicted, _LEAST, 1.0 - _LEAST)
    losses: Numbers = -np.where(clicked, np.log(inside), np.log1p(-inside))
    return losses


def equal_mass_bins(predicted: Numbers, count: int = BINS) -> Numbers:
    """Put predictions [n] into at most `count` bins of about as many: flags [n, bins].

    Equal predictions share a bin, so a constant has one.
    """
    edges = np.unique(np.quantile(predicted, np.linspace(0.0, 1.0, count + 1)[1:-1]))
    places = np.searchsorted(edges, predicted, side="left")
    bins: Numbers = (places[:, None] == np.unique(places)[None, :]).astype(np.float64)
    return bins


def error_by_chance(predicted: Numbers, bins: Numbers, *, seed: int = 0) -> float:
    """Draw clicks as predicted, often, and return the mean calibration error of that."""
    rng = np.random.default_rng(seed)
    errors = [
        np.abs((predicted - (rng.random(len(predicted)) < predicted)) @ bins).sum() / len(predicted)
        for _ in range(_CHANCES)
    ]
    return float(np.mean(errors))


def _number(value: float) -> float | None:
    return None if math.isnan(value) else round(value, 9)


def ratio(means: Numbers) -> Numbers:
    """Divide the first of two columns by the second; NaN where that is 0."""
    below = np.where(means[:, 1] == 0, np.nan, means[:, 1])
    found: Numbers = means[:, 0] / below
    return found
