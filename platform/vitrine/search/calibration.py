"""What was measured of a catalogue: how far its scores can be trusted.

The confidence of a guess is the share of the neighbours' votes, whose weights have a temperature
(Guo et al. 2017), put through a logistic curve (Platt 1999; Niculescu-Mizil and Caruana 2005).
"""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

REJECTED_FROM = 0.5
# A photo as familiar as the middle one of this catalogue's scores so much.
_TYPICAL_SCORE = 0.05
_LEAST_SHARE = 0.005


@dataclass(frozen=True, slots=True)
class Measured:
    """What the calibration is worth, on queries that did not fit it.

    `products` and `pictures` are the size of the catalogue then. `accuracy` is that of the first
    guess at a product's own category. Errors of the confidence are expected calibration errors;
    `raw` is that of the votes as they are. `false_rejections` is what was asked for, and
    `false_rejections_held_out` what came of it.
    """

    products: int
    pictures: int
    fitted_on: int
    held_out: int
    accuracy: float
    calibration_error: float
    calibration_error_raw: float
    false_rejections: float
    false_rejections_held_out: float


@dataclass(frozen=True, slots=True)
class Calibration:
    """How votes become confidences, and from which familiarity on a photo shows what is sold.

    `familiar_from` and `familiar_typically` are soft maxima of cosine similarities (see
    `category.familiarity`): where the wanted share of photos would be rejected, and the median.
    """

    model: str = ""
    temperature: float = 0.05
    slope: float = 1.0
    familiarity_weight: float = 0.0
    offset: float = 0.0
    familiar_from: float | None = None
    familiar_typically: float | None = None
    measured: Measured | None = None

    @property
    def calibrated(self) -> bool:
        return self.measured is not None

    @property
    def threshold(self) -> float:
        """Score from which on a photo shows nothing of this catalogue; 1 where none is known."""
        return 1.0 if self.familiar_from is None else REJECTED_FROM

    def rejects(self, score: float) -> bool:
        """Whether a score of `category.out_of_catalogue` means an empty answer."""
        return self.familiar_from is not None and score >= self.threshold

    def confidence(self, share: float, familiar: float) -> float:
        """How often a guess with this share of the votes is right; grows with both."""
        share = min(max(share, _LEAST_SHARE), 1 - _LEAST_SHARE)
        odds = math.log(share / (1 - share))
        return sigmoid(self.slope * odds + self.familiarity_weight * familiar + self.offset)

    def strangeness(self, familiar: float) -> float:
        """Map a familiarity to 0 (sold here) to 1 (not); 0 where nothing was measured."""
        if self.familiar_from is None or self.familiar_typically is None:
            return 0.0
        spread = max(self.familiar_typically - self.familiar_from, 1e-3)
        steepness = math.log(1 / _TYPICAL_SCORE - 1) / spread
        return sigmoid(-steepness * (familiar - self.familiar_from))

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> "Calibration":
        """Read what `to_json` wrote; fields of other versions are passed over.

        Raises TypeError for one that lacks what is needed.
        """
        known = _known(cls, kept)
        measured = known.pop("measured", None)
        return cls(**known, measured=None if measured is None else _measured(measured))


DEFAULT = Calibration()
"""Nothing measured: votes are taken for confidences, and no photo is rejected."""


def sigmoid(x: float) -> float:
    """The logistic function, for any finite x."""
    if x >= 0:
        return 1 / (1 + math.exp(-x))
    grown = math.exp(max(x, -700.0))
    return grown / (1 + grown)


def _measured(kept: Mapping[str, Any]) -> Measured:
    return Measured(**_known(Measured, kept))


def _known(cls: type[Any], kept: Mapping[str, Any]) -> dict[str, Any]:
    names = {field.name for field in fields(cls)}
    return {name: value for name, value in kept.items() if name in names}
