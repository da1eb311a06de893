"""The click model as it learns: the online model of recommendations, with a calibration over it.

It imports river through that, which takes seconds: only learners and evaluations import this.
"""

import math
from collections.abc import Mapping
from typing import Any

from vitrine.ads.calibration import Calibration
from vitrine.ads.features import CLICK_RATE
from vitrine.recommend.examples import Example
from vitrine.recommend.linear import Weights
from vitrine.recommend.online import OnlineModel, Steps
from vitrine.recommend.validation import Judging

# One of a hundred is clicked: see `Steps` on what a hundred tiny gradients would do.
STEPS = Steps(first_squares=1.0)
# As many clicks as in the few thousand slots of recommendations that are judged.
JUDGING = Judging(half_life=20_000.0, auc_margin=0.05, told_from=5000.0, told_from_clicks=50.0)


class ClickModel(OnlineModel):
    """An online model whose predictions are corrected by what became of those before."""

    def __init__(self, prior: Weights, state: Mapping[str, Any] | None = None) -> None:
        """Go on from a state, or start at the prior, with nothing to correct."""
        super().__init__(prior, state, steps=STEPS, judging=JUDGING)
        self.calibration = (
            Calibration.from_json(state["calibration"])
            if state
            else Calibration(centre=math.log(CLICK_RATE / (1.0 - CLICK_RATE)))
        )

    def predict(self, example: Example) -> float:
        """Predict how likely the ad is clicked, corrected."""
        return self.calibration.apply(self.predict_plainly(example))

    def predict_plainly(self, example: Example) -> float:
        """Predict how likely the ad is clicked, as the model under the calibration does."""
        return super().predict(example)

    def learn(self, example: Example, *, validate: bool = True, beside: float = 0.0) -> None:
        """Predict, note how good that was, then learn: the model and what corrects it.

        The model learns what the correction leaves. Would it learn for itself what is corrected
        already, it would be corrected twice for as long as the calibration remembers.
        """
        predicted = self.predict_plainly(example)
        correction = self.calibration.correction(predicted)
        super().learn(example, validate=validate, beside=beside + correction)
        self.calibration.learn(predicted, example.clicked, example.weight)

    def report(self) -> dict[str, Any]:
        """Say in figures how well it predicts, and what is corrected."""
        line = {name: round(value, 4) for name, value in self.calibration.line().items()}
        return {**self.validation.report("model"), "calibration": line}

    def to_state(self) -> dict[str, Any]:
        """Write all of it as JSON; a model made of it goes on exactly as this one would."""
        return {**super().to_state(), "calibration": self.calibration.to_json()}
