"""Progressive validation: every example is predicted before it is learnt (Dawid 1984).

What is reported is of the last few thousand examples: each counts for half after HALF_LIFE more. An
example counts as much as it does in learning: a purchase for more than a click. Else a ranker that
predicts just what it was taught would look too sure of everything.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

HALF_LIFE = 2000
_KEEP = 0.5 ** (1 / HALF_LIFE)
_LOWEST, _HIGHEST, _BINS = -9.0, 5.0, 56
_LEAST = 1e-6
# How much worse than the prior a version may predict and still serve, and from when that is told.
LOG_LOSS_MARGIN, AUC_MARGIN = 0.02, 0.03
TOLD_FROM = 500.0

Numbers = NDArray[np.float64]


@dataclass(slots=True)
class Predictor:
    """Sums over the examples of one predictor; `clicked` and `declined` are by bin of logits."""

    loss: float = 0.0
    predicted: float = 0.0
    clicked: Numbers = field(default_factory=lambda: np.zeros(_BINS))
    declined: Numbers = field(default_factory=lambda: np.zeros(_BINS))

    def add(self, probability: float, clicked: bool, weight: float = 1.0) -> None:
        """Count one example; what was counted before fades."""
        probability = min(max(probability, _LEAST), 1 - _LEAST)
        loss = -float(np.log(probability if clicked else 1 - probability))
        self.loss = self.loss * _KEEP + loss * weight
        self.predicted = self.predicted * _KEEP + probability * weight
        self.clicked *= _KEEP
        self.declined *= _KEEP
        logit = float(np.log(probability / (1 - probability)))
        place = int((logit - _LOWEST) / (_HIGHEST - _LOWEST) * _BINS)
        (self.clicked if clicked else self.declined)[min(max(place, 0), _BINS - 1)] += weight

    def auc(self) -> float | None:
        """Return how often a clicked example is predicted above a declined one; ties are half."""
        pairs = self.clicked.sum() * self.declined.sum()
        if pairs <= 0:
            return None
        below = np.cumsum(self.declined) - self.declined
        return float((self.clicked * (below + self.declined / 2)).sum() / pairs)

    def to_json(self) -> dict[str, Any]:
        """Write all of it."""
        return {
            "loss": self.loss,
            "predicted": self.predicted,
            "clicked": self.clicked.tolist(),
            "declined": self.declined.tolist(),
        }

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> "Predictor":
        """Read what to_json wrote."""
        clicked, declined = (np.array(body[name], np.float64) for name in ("clicked", "declined"))
        return cls(float(body["loss"]), float(body["predicted"]), clicked, declined)


@dataclass(slots=True)
class Validation:
    """The ranker beside the prior and beside the share of clicks so far."""

    examples: float = 0.0
    clicks: float = 0.0
    # How many they are, whatever each counts.
    seen: float = 0.0
    ranker: Predictor = field(default_factory=Predictor)
    prior: Predictor = field(default_factory=Predictor)
    base_rate: Predictor = field(default_factory=Predictor)

    def add(self, ranker: float, prior: float, clicked: bool, weight: float = 1.0) -> None:
        """Count one example with what was predicted of it before it was learnt."""
        self.base_rate.add((self.clicks + 0.5) / (self.examples + 10.0), clicked, weight)
        self.ranker.add(ranker, clicked, weight)
        self.prior.add(prior, clicked, weight)
        self.seen = self.seen * _KEEP + 1.0
        self.examples = self.examples * _KEEP + weight
        self.clicks = self.clicks * _KEEP + clicked * weight

    def worse_than_prior(self) -> bool:
        """Tell whether the ranker predicts too much worse than the prior to serve."""
        if self.seen < TOLD_FROM:
            return False
        mine, theirs = self.ranker.auc(), self.prior.auc()
        disorder = mine is not None and theirs is not None and mine < theirs - AUC_MARGIN
        return disorder or self.ranker.loss > self.prior.loss * (1 + LOG_LOSS_MARGIN)

    def report(self) -> dict[str, Any]:
        """Say it in figures: log-loss, area under the ROC curve, predicted clicks per click."""
        told = {"ranker": self.ranker, "prior": self.prior, "base_rate": self.base_rate}
        return {
            "examples": round(self.examples, 1),
            "click_rate": _ratio(self.clicks, self.examples),
            "log_loss": {name: _ratio(one.loss, self.examples) for name, one in told.items()},
            "auc": {
                name: None if (auc := one.auc()) is None else round(auc, 4)
                for name, one in told.items()
                if name != "base_rate"
            },
            "predicted_per_click": {
                name: _ratio(one.predicted, self.clicks) for name, one in told.items()
            },
        }

    def to_json(self) -> dict[str, Any]:
        """Write all of it."""
        return {
            "examples": self.examples,
            "clicks": self.clicks,
            "seen": self.seen,
            "ranker": self.ranker.to_json(),
            "prior": self.prior.to_json(),
            "base_rate": self.base_rate.to_json(),
        }

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> "Validation":
        """Read what to_json wrote."""
        return cls(
            float(body["examples"]),
            float(body["clicks"]),
            float(body.get("seen", body["examples"])),
            *(Predictor.from_json(body[name]) for name in ("ranker", "prior", "base_rate")),
        )


def _ratio(above: float, below: float) -> float | None:
    return round(above / below, 4) if below > 0 else None
