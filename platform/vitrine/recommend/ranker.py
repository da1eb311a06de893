"""The ranker as the api sees it: the weights of a logistic regression, and nothing else."""

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import bindparam, func, select

from vitrine.db import Readers
from vitrine.recommend.features import FEATURES
from vitrine.recommend.models import RankerRow

REMEMBERED_SECONDS = 2.0

# What ranks sensibly before the first click, and what learning starts from. A feature that is not
# named here starts at 0.
PRIOR_INTERCEPT = -4.0
PRIOR_WEIGHTS: Mapping[str, float] = {
    "position": -1.5,
    # As much as the likeness and the category of a page give to what is usual on it.
    "product_page": -0.8,
    "affinity": 1.2,
    "affinity_standing": 0.8,
    "affinity_in_main_interest": 0.3,
    "affinity_in_fresh_interest": 0.6,
    "aversion": -1.5,
    # Who stands before a product looks for one like it: what is liked elsewhere orders those.
    "likeness_on_product_page": 3.0,
    "likeness_in_cart": 0.4,
    "likeness_standing": 0.4,
    "category_of_page": 0.6,
    "category_of_cart": -0.3,
    "category_liked": 0.8,
    "category_disliked": -1.0,
    "department_liked": 0.3,
    "category_lately": 0.8,
    "brand_lately": 0.2,
    "brand_liked": 0.3,
    "brand_disliked": -0.5,
    "price_far": -0.8,
    "from_similar": 0.1,
    "from_bought_together": 0.4,
    # What was viewed is as near to the interests as can be; it is to come back, and not on top.
    "from_recently_viewed": -1.2,
    "together": 0.8,
    "wanted": 0.5,
    "wanted_by_unknown": 0.8,
    "click_rate": 1.5,
    "untested": 0.15,
    "young": 0.2,
    "viewed_lately": -0.3,
    "in_cart": -1.0,
}


@dataclass(frozen=True, slots=True)
class Weights:
    """One version of the online model. `version` 0 is the prior, which has learnt nothing yet."""

    version: int
    coefficients: NDArray[np.float32]
    intercept: float

    def probabilities(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Predict how likely each candidate of features [n, f] is clicked: [n]."""
        logits = features @ self.coefficients + self.intercept
        probabilities: NDArray[np.float32] = (1.0 / (1.0 + np.exp(-logits))).astype(np.float32)
        return probabilities


PRIOR = Weights(
    0,
    np.array([PRIOR_WEIGHTS.get(name, 0.0) for name in FEATURES], np.float32),
    PRIOR_INTERCEPT,
)


def to_state(weights: Weights) -> dict[str, Any]:
    """Write weights as the part of a row's state that serving reads: each by its name."""
    named = zip(FEATURES, weights.coefficients, strict=True)
    return {
        "weights": {name: float(value) for name, value in named},
        "intercept": weights.intercept,
    }


def from_state(version: int, state: Mapping[str, Any]) -> Weights:
    """Read weights; a feature that the version did not know keeps its weight of the prior."""
    known: Mapping[str, float] = state["weights"]
    coefficients = [known.get(name, PRIOR_WEIGHTS.get(name, 0.0)) for name in FEATURES]
    return Weights(version, np.array(coefficients, np.float32), float(state["intercept"]))


class Rankers:
    """Reads the newest version that serves; safe in threads. A new one is in force in seconds."""

    def __init__(self, readers: Readers, *, seconds: float = REMEMBERED_SECONDS) -> None:
        self._readers = readers
        self._seconds = seconds
        self._known = PRIOR
        self._until = 0.0
        self._lock = threading.Lock()

    def current(self) -> Weights:
        """Return the weights to rank with; PRIOR while no version serves."""
        with self._lock:
            if time.monotonic() < self._until:
                return self._known
            # Who comes meanwhile ranks with what was known: nobody waits for the reader.
            self._until = time.monotonic() + self._seconds
            known = self._known
        found = self._read(known)
        with self._lock:
            self._known = found
        return found

    def _read(self, known: Weights) -> Weights:
        with self._readers() as connection:
            version = connection.execute(_NEWEST).scalar()
            if version is None:
                return PRIOR
            if version == known.version:
                return known
            state = connection.execute(_STATE, {"wanted": version}).scalar()
        # Between the two questions it may have been removed as one too old.
        return known if state is None else from_state(version, state)


_TABLE = RankerRow.__table__
_NEWEST = (
    select(_TABLE.c.version)
    .where(~_TABLE.c.withdrawn, ~_TABLE.c.held)
    .order_by(_TABLE.c.version.desc())
    .limit(1)
)
# The whole state holds more than the weights, and nobody who ranks needs it.
_STATE = select(
    func.jsonb_build_object(
        "weights", _TABLE.c.state["weights"], "intercept", _TABLE.c.state["intercept"]
    )
).where(_TABLE.c.version == bindparam("wanted"))
