"""Learn from the first part of a log, by time, and predict the rest.

What was learnt by then predicts all of the rest; and beside it, as in a shop, a model that learns
each impression of the rest after it has predicted it.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vitrine.ads.evaluation.encoding import Encoding, make_encoding, rates_after, rates_so_far
from vitrine.ads.evaluation.open_bandit import Log
from vitrine.errors import Invalid
from vitrine.recommend.examples import Example
from vitrine.recommend.linear import Weights, from_state

BASE_RATE, PLAIN = "base rate", "model, not calibrated"
CALIBRATED, ONLINE = "click model", "click model, learning on"


@dataclass(frozen=True, slots=True)
class Trial:
    """One campaign: what was learnt from its `first` impressions.

    `online` [n] are the predictions of the rest by the model that learns on, `log_odds` [items] how
    each item was clicked before the rest.
    """

    log: Log
    first: int
    encoding: Encoding
    base_rate: float
    plain: Weights
    calibrated: Weights
    log_odds: NDArray[np.float64]
    online: NDArray[np.float64]

    @property
    def rest(self) -> NDArray[np.intp]:
        """The impressions that are to be predicted."""
        return np.arange(self.first, len(self.log))

    @property
    def clicked(self) -> NDArray[np.bool_]:
        """What came of them."""
        return self.log.clicked[self.first :]

    def predictions(self) -> dict[str, NDArray[np.float64]]:
        """Predict the rest, by each method: [n] each."""
        items = self.log.item[self.first :]
        rows = self.encoding.rows(self.log, self.rest, items, self.log_odds[items])
        return {
            BASE_RATE: np.full(len(items), self.base_rate),
            PLAIN: self.plain.probabilities(rows).astype(np.float64),
            CALIBRATED: self.calibrated.probabilities(rows).astype(np.float64),
            ONLINE: self.online,
        }


def run_trial(log: Log, share: float, advance: Callable[[], object] = lambda: None) -> Trial:
    """Let the click model learn the first `share` of a log, one impression after the other.

    `advance` is called after each. Raises Invalid where there is no click to learn from, or none
    to predict.
    """
    # Takes seconds to import, which no other command is to wait for.
    from vitrine.ads.click_model import STEPS, ClickModel
    from vitrine.recommend.online import OnlineModel

    first = int(len(log) * share)
    if not log.clicked[:first].any() or not log.clicked[first:].any():
        raise Invalid(
            f"Of {log.campaign!r} nothing was clicked before the cut, or nothing after it: "
            "choose another --cut."
        )
    encoding = make_encoding(log, first)
    rows = encoding.rows(log, np.arange(len(log)), log.item, rates_so_far(log))
    examples = [
        Example(row, bool(clicked), 1.0) for row, clicked in zip(rows, log.clicked, strict=True)
    ]
    plain, model = OnlineModel(encoding.prior, steps=STEPS), ClickModel(encoding.prior)
    for one in examples[:first]:
        plain.learn(one, validate=False)
        model.learn(one, validate=False)
        advance()
    base_rate = float(log.clicked[:first].mean())
    weights, calibrated = (from_state(1, one.to_state(), encoding.prior) for one in (plain, model))
    online = np.empty(len(log) - first)
    for at, one in enumerate(examples[first:]):
        online[at] = model.predict(one)
        model.learn(one, validate=False)
        advance()
    log_odds = rates_after(log, first)
    return Trial(log, first, encoding, base_rate, weights, calibrated, log_odds, online)
