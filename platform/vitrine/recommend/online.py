"""The online model: river's logistic regression, which starts at the prior and is drawn back to it.

AdaGrad (Duchi, Hazan and Singer 2011) gives every weight a rate of its own, so that a source that
is seldom shown still learns. Its whole state is JSON: nothing is ever unpickled.
"""

from collections.abc import Mapping
from typing import Any

from river import linear_model, optim, utils

from vitrine.recommend.examples import Example
from vitrine.recommend.features import FEATURES
from vitrine.recommend.ranker import PRIOR
from vitrine.recommend.validation import Validation

RATE = 0.1
INTERCEPT_RATE = 0.01
# Of the distance to the prior, gone with every example: half of it after 70,000.
PULL = 1e-5
MOST_GRADIENT = 4.0

_PRIOR = dict(zip(FEATURES, map(float, PRIOR.coefficients), strict=True))


class _AdaGradTowardsPrior(optim.AdaGrad):
    """AdaGrad with decoupled decay (Loshchilov and Hutter 2019), to the prior instead of to 0."""

    def look_ahead(self, w: Any) -> Any:
        for name, start in _PRIOR.items():
            w[name] += PULL * (start - w[name])
        return w


class OnlineModel:
    """Weights, the optimiser's memory and the validation so far: one version of the ranker."""

    def __init__(self, state: Mapping[str, Any] | None = None) -> None:
        """Go on from a state, or start at the prior."""
        weights = dict(state["weights"]) if state else {}
        optimiser = _AdaGradTowardsPrior(RATE)
        self._model: Any = linear_model.LogisticRegression(
            optimiser,
            intercept_init=float(state["intercept"]) if state else PRIOR.intercept,
            intercept_lr=INTERCEPT_RATE,
            clip_gradient=MOST_GRADIENT,
        )
        # The one thing that river lets nobody set from outside: where each weight starts.
        self._model._weights = utils.VectorDict(
            {name: float(weights.get(name, start)) for name, start in _PRIOR.items()}
        )
        self.validation = Validation()
        self.examples = 0
        if state:
            squares: Mapping[str, float] = state["squares"]
            optimiser.g2.update({name: squares[name] for name in FEATURES if name in squares})
            optimiser.n_iterations = int(state["steps"])
            self.examples = int(state["examples"])
            self.validation = Validation.from_json(state["validation"])

    def predict(self, example: Example) -> float:
        """Predict how likely the slot was clicked."""
        return float(self._model.predict_proba_one(_named(example))[True])

    def learn(self, example: Example, *, validate: bool = True) -> None:
        """Predict, note how good that was, then learn."""
        x = _named(example)
        if validate:
            prior = float(PRIOR.probabilities(example.features[None])[0])
            predicted = float(self._model.predict_proba_one(x)[True])
            self.validation.add(predicted, prior, example.clicked, example.weight)
        self._model.learn_one(x, example.clicked, w=example.weight)
        self.examples += 1

    def to_state(self) -> dict[str, Any]:
        """Write all of it as JSON; a model made of it goes on exactly as this one would."""
        optimiser = self._model.optimizer
        weights = self._model.weights
        return {
            "weights": {name: float(weights[name]) for name in FEATURES},
            "intercept": float(self._model.intercept),
            "squares": {name: float(value) for name, value in optimiser.g2.items()},
            "steps": optimiser.n_iterations,
            "examples": self.examples,
            "validation": self.validation.to_json(),
        }


def _named(example: Example) -> dict[str, float]:
    return dict(zip(FEATURES, map(float, example.features), strict=True))
