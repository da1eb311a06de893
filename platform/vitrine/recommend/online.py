"""The online model: river's logistic regression, which starts at a prior and is drawn back to it.

AdaGrad (Duchi, Hazan and Singer 2011) gives every weight a rate of its own, so that a source that
is seldom shown still learns. Its whole state is JSON: nothing is ever unpickled.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from river import linear_model, optim, utils

from vitrine.recommend.examples import Example
from vitrine.recommend.linear import Weights
from vitrine.recommend.validation import JUDGING, Judging, Validation


@dataclass(frozen=True, slots=True)
class Steps:
    """How far an example moves the weights.

    `pull` is the part of the distance to the prior that is gone with every example: of 1e-5, half
    of it after 70,000. AdaGrad divides by the root of the squares that it has seen, so that the
    first gradient moves a weight by `rate` however small it is; from `first_squares` on it does
    not, as where clicks are rare and thousands of tiny gradients come before the first great one.
    """

    rate: float = 0.1
    intercept_rate: float = 0.01
    pull: float = 1e-5
    most_gradient: float = 4.0
    first_squares: float = 0.0


STEPS = Steps()


class _AdaGradTowardsPrior(optim.AdaGrad):
    """AdaGrad with decoupled decay (Loshchilov and Hutter 2019), to the prior instead of to 0."""

    def __init__(self, steps: Steps, start: Mapping[str, float]) -> None:
        super().__init__(steps.rate)
        self._pull = steps.pull
        self._start = start
        if steps.first_squares:
            self.g2.update(dict.fromkeys(start, steps.first_squares))

    def look_ahead(self, w: Any) -> Any:
        for name, start in self._start.items():
            w[name] += self._pull * (start - w[name])
        return w


class OnlineModel:
    """Weights, the optimiser's memory and the validation so far: one version of a model."""

    def __init__(
        self,
        prior: Weights,
        state: Mapping[str, Any] | None = None,
        *,
        steps: Steps = STEPS,
        judging: Judging = JUDGING,
    ) -> None:
        """Go on from a state, or start at the prior."""
        self._prior = prior
        start = prior.named()
        weights = dict(state["weights"]) if state else {}
        optimiser = _AdaGradTowardsPrior(steps, start)
        self._model: Any = linear_model.LogisticRegression(
            optimiser,
            intercept_init=float(state["intercept"]) if state else prior.intercept,
            intercept_lr=steps.intercept_rate,
            clip_gradient=steps.most_gradient,
        )
        # The one thing that river lets nobody set from outside: where each weight starts.
        self._model._weights = utils.VectorDict(
            {name: float(weights.get(name, first)) for name, first in start.items()}
        )
        self.validation = Validation(judging)
        self.examples = 0
        if state:
            squares: Mapping[str, float] = state["squares"]
            optimiser.g2.update({name: squares[name] for name in start if name in squares})
            optimiser.n_iterations = int(state["steps"])
            self.examples = int(state["examples"])
            self.validation = Validation.from_json(state["validation"], judging)

    def predict(self, example: Example) -> float:
        """Predict how likely the slot is clicked."""
        return float(self._model.predict_proba_one(self._named(example))[True])

    def learn(self, example: Example, *, validate: bool = True, beside: float = 0.0) -> None:
        """Predict, note how good that was, then learn.

        `beside` is what another adds to the logit: only what is left is learnt here.
        """
        if validate:
            prior = float(self._prior.probabilities(example.features[None])[0])
            self.validation.add(self.predict(example), prior, example.clicked, example.weight)
        self._model.intercept += beside
        self._model.learn_one(self._named(example), example.clicked, w=example.weight)
        self._model.intercept -= beside
        self.examples += 1

    def to_state(self) -> dict[str, Any]:
        """Write all of it as JSON; a model made of it goes on exactly as this one would."""
        optimiser = self._model.optimizer
        weights = self._model.weights
        return {
            "weights": {name: float(weights[name]) for name in self._prior.names},
            "intercept": float(self._model.intercept),
            "squares": {name: float(value) for name, value in optimiser.g2.items()},
            "steps": optimiser.n_iterations,
            "examples": self.examples,
            "validation": self.validation.to_json(),
        }

    def _named(self, example: Example) -> dict[str, float]:
        return dict(zip(self._prior.names, map(float, example.features), strict=True))
