"""Progressive validation: every example is predicted before it is learnt (Dawid 1984).

What is reported is of the last few thousand examples: each counts for half after `half_life` more.
An example counts as much as it does in learning: a purchase for more than a click. Else a ranker
that predicts just what it was taught would look too sure of everything.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

_LOWEST, _HIGHEST, _BINS = -9.0, 5.0, 56
_LEAST = 1e-6

Numbers = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Judging:
    """How long an example counts, how much worse than the prior a version may predict and still
    serve, and from how many examples and clicks on that is told.
    """

    half_life: float = 2000.0
    log_loss_margin: float = 0.02
    auc_margin: float = 0.03
    told_from: float = 500.0
    told_from_clicks: float = 0.0

    @property
    def keep(self) -> float:
        """The part of what was counted that is left after one more example."""
        return float(0.5 ** (1.0 / self.half_life))


JUDGING = Judging()


@dataclass(slots=True)
class Predictor:
    """Sums over the examples of one predictor; `clicked` and `declined` are by bin of logits."""

    loss: float = 0.0
    predicted: float = 0.0
    clicked: Numbers = field(default_factory=lambda: np.zeros(_BINS))
    declined: Numbers = field(default_factory=lambda: np.zeros(_BINS))

    def add(self, probability: float, clicked: bool, weight: float, keep: float) -> None:
        """Count one example; of what was counted before the part `keep` stays."""
        probability = min(max(probability, _LEAST), 1 - _LEAST)
        loss = -float(np.log(probability if clicked else 1 - probability))
        self.loss = self.loss * keep + loss * weight
        self.predicted = self.predicted * keep + probability * weight
        self.clicked *= keep
        self.declined *= keep
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
    """The model (`ranker`, whatever it predicts for) beside the prior and the clicks so far."""

    judging: Judging = JUDGING
    examples: float = 0.0
    clicks: float = 0.0
    # How many they are, whatever each counts.
    seen: float = 0.0
    ranker: Predictor = field(default_factory=Predictor)
    prior: Predictor = field(default_factory=Predictor)
    base_rate: Predictor = field(default_factory=Predictor)

    def add(self, ranker: float, prior: float, clicked: bool, weight: float = 1.0) -> None:
        """Count one example with what was predicted of it before it was learnt."""
        keep = self.judging.keep
        so_far = (self.clicks + 0.5) / (self.examples + 10.0)
        self.base_rate.add(so_far, clicked, weight, keep)
        self.ranker.add(ranker, clicked, weight, keep)
        self.prior.add(prior, clicked, weight, keep)
        self.seen = self.seen * keep + 1.0
        self.examples = self.examples * keep + weight
        self.clicks = self.clicks * keep + clicked * weight

    def worse_than_prior(self) -> bool:
        """Tell whether the model predicts too much worse than the prior to serve."""
        judging = self.judging
        if self.seen < judging.told_from or self.clicks < judging.told_from_clicks:
            return False
        mine, theirs = self.ranker.auc(), self.prior.auc()
        disorder = mine is not None and theirs is not None and mine < theirs - judging.auc_margin
        return disorder or self.ranker.loss > self.prior.loss * (1 + judging.log_loss_margin)

    def report(self, called: str = "ranker") -> dict[str, Any]:
        """Say it in figures: log-loss, area under the ROC curve, predicted clicks per click.

        `called` is what the figures of the model stand under.
        """
        told = {called: self.ranker, "prior": self.prior, "base_rate": self.base_rate}
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
    def from_json(cls, body: Mapping[str, Any], judging: Judging = JUDGING) -> "Validation":
        """Read what to_json wrote."""
        return cls(
            judging,
            float(body["examples"]),
            float(body["clicks"]),
            float(body.get("seen", body["examples"])),
            *(Predictor.from_json(body[name]) for name in ("ranker", "prior", "base_rate")),
        )


def _ratio(above: float, below: float) -> float | None:
    return round(above / below, 4) if below > 0 else None
