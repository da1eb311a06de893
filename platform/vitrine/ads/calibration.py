"""Calibration: what is learnt over a model's logit, so that so many are predicted as really click.

A line over the logit (Platt 1999), its two numbers learnt online as a Bayesian logistic regression
would, with a Gaussian about what is known of them (Spiegelhalter and Lauritzen 1990): it starts at
"nothing is to be corrected", its steps grow smaller as examples come, and older ones fade.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

# How far off a model may be thought before anything is seen: standard deviations, the first in
# units of the logit, the second of its slope.
OFFSET_SPREAD, SLOPE_SPREAD = 1.0, 0.3
# What is known comes of about so many clicks, the last ones.
CLICKS = 300.0
# The better ad stays the better one.
_LEAST_SLOPE, _MOST_SLOPE = 0.1, 3.0
_LEAST = 1e-7

# What offset and tilt are known by at first, each by itself.
_START = (OFFSET_SPREAD**-2, 0.0, SLOPE_SPREAD**-2)


@dataclass(slots=True)
class Calibration:
    """p = sigmoid(logit + offset + tilt × (logit − centre)).

    `centre` is where most logits lie: a tilt about it does not move the offset with it. `precision`
    is how sure offset and tilt are: the three numbers of the inverse of their covariance.
    """

    centre: float = 0.0
    offset: float = 0.0
    tilt: float = 0.0
    precision: tuple[float, float, float] = _START

    def apply(self, probability: float) -> float:
        """Correct what the model predicts."""
        return 1.0 / (1.0 + math.exp(-(_logit(probability) + self.correction(probability))))

    def correction(self, probability: float) -> float:
        """Return what is added to the logit of a prediction."""
        return self.offset + self.tilt * (_logit(probability) - self.centre)

    def learn(self, probability: float, clicked: bool, weight: float = 1.0) -> None:
        """Learn what became of something that the model predicted so."""
        away = _logit(probability) - self.centre
        predicted = self.apply(probability)
        sure = weight * predicted * (1.0 - predicted)
        keep = math.exp(-sure / CLICKS)
        first, both, second = (
            start + keep * (now - start) + more
            for start, now, more in zip(
                _START, self.precision, (sure, sure * away, sure * away**2), strict=True
            )
        )
        self.precision = first, both, second
        error = weight * (clicked - predicted) / (first * second - both * both)
        self.offset += error * (second - both * away)
        tilt = self.tilt + error * (first * away - both)
        self.tilt = min(max(tilt, _LEAST_SLOPE - 1.0), _MOST_SLOPE - 1.0)
        # What the bound took from the tilt, the offset makes up for as far as both go together.
        self.offset += both / first * (tilt - self.tilt)

    def line(self) -> dict[str, float]:
        """Return it as `slope` and `offset` over the logit, as serving reads it."""
        return {"slope": 1.0 + self.tilt, "offset": self.offset - self.tilt * self.centre}

    def to_json(self) -> dict[str, Any]:
        """Write all of it, and the line that it makes."""
        return {
            **self.line(),
            "centre": self.centre,
            "at_centre": self.offset,
            "tilt": self.tilt,
            "precision": list(self.precision),
        }

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> "Calibration":
        """Read what to_json wrote."""
        first, both, second = map(float, body["precision"])
        return cls(
            float(body["centre"]),
            float(body["at_centre"]),
            float(body["tilt"]),
            (first, both, second),
        )


def _logit(probability: float) -> float:
    inside = min(max(probability, _LEAST), 1.0 - _LEAST)
    return math.log(inside / (1.0 - inside))
