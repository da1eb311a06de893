"""Rows of numbers out of an open-bandit log, such as the click model of the ads learns from.

The log has no pictures and no words, so these are features of this evaluation. What they share with
those of the ads: the place, how often the item was clicked so far, and numbers in [-1, 1].
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vitrine.ads.evaluation.open_bandit import Log
from vitrine.ads.features import CLICK_RATE, CREATIVE_CLICKS, SHOP_CLICKS, smoothed_rate
from vitrine.recommend.linear import Weights, make_prior

# A flag weighs less than 1, so that a click moves the sum of all as far as it does for ads.
_FLAG = 0.5
# Values of shoppers' features that were seen less often say nothing.
_LEAST_SEEN = 100
_LOG_ODDS_MOST = 4.0
_MOST_AFFINITY, _MOST_AFFINITIES = 3.0, 7.0
_PRIOR = {"click_rate": 3.2, "affinity": 1.0, "affinities": 0.5}

Numbers = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Encoding:
    """How impressions of one campaign become rows: `names` of the features, and what they start at.

    `users` are (feature, value) of shoppers, `positions` places, `item_numbers` [items] and
    `item_kinds` [items, kinds] what is known of each item.
    """

    names: tuple[str, ...]
    prior: Weights
    users: tuple[tuple[int, str], ...]
    positions: tuple[int, ...]
    item_numbers: Numbers
    item_kinds: Numbers

    def rows(
        self, log: Log, at: NDArray[np.intp], items: NDArray[np.intp], log_odds: NDArray[Any]
    ) -> Numbers:
        """Describe impressions `at` [n] as if they had shown `items` [n]: [n, len(names)].

        `log_odds` [n] is how each item was clicked so far, from `rates_so_far` or `rates_after`.
        """
        own = np.log1p(log.affinity[at, items]) / np.log1p(_MOST_AFFINITY)
        others = np.log1p(log.affinity[at].sum(axis=1)) / np.log1p(_MOST_AFFINITIES)
        columns = [
            log_odds,
            np.minimum(own, 1.0),
            np.minimum(others, 1.0),
            self.item_numbers[items],
            *(_FLAG * (log.position[at] == one) for one in self.positions),
            *(_FLAG * (log.user[at, feature] == value) for feature, value in self.users),
            *self.item_kinds[items].T,
        ]
        made: Numbers = np.clip(np.stack(columns, axis=1), -1.0, 1.0).astype(np.float32)
        return made


def make_encoding(log: Log, first: int) -> Encoding:
    """Choose the features by the `first` impressions alone."""
    users = []
    for feature in range(log.user.shape[1]):
        values, counts = np.unique(log.user[:first, feature], return_counts=True)
        seen = zip(values, counts, strict=True)
        users += [(feature, str(value)) for value, count in seen if count >= _LEAST_SEEN]
    # The first place is what the others are compared with.
    positions = tuple(int(one) for one in np.unique(log.position[:first])[1:])
    kinds = sorted({(place, kind) for _, some in log.items for place, kind in enumerate(some)})
    has = np.array([[some[place] == kind for place, kind in kinds] for _, some in log.items])
    names = (
        *("click_rate", "affinity", "affinities", "item_number"),
        *(f"position_{one}" for one in positions),
        *(f"user_{feature}_{value}" for feature, value in users),
        *(f"item_{place}_{kind}" for place, kind in kinds),
    )
    return Encoding(
        names,
        make_prior(names, _PRIOR, _logit(CLICK_RATE)),
        tuple(users),
        positions,
        np.tanh([number for number, _ in log.items]).astype(np.float32),
        (_FLAG * has).astype(np.float32),
    )


def rates_so_far(log: Log) -> NDArray[np.float64]:
    """Tell, for each impression, how its item was clicked before it: log-odds beside all items."""
    clicks, shown = np.zeros(len(log.items)), np.zeros(len(log.items))
    found = np.empty(len(log))
    for at in range(len(log)):
        item = log.item[at]
        found[at] = _log_odds(clicks[item], shown[item], clicks.sum(), float(at))
        clicks[item] += log.clicked[at]
        shown[item] += 1
    return found


def rates_after(log: Log, first: int) -> NDArray[np.float64]:
    """Tell how each item was clicked in the `first` impressions: log-odds beside all, [items]."""
    shown = np.bincount(log.item[:first], minlength=len(log.items)).astype(np.float64)
    clicks = np.bincount(log.item[:first], log.clicked[:first], minlength=len(log.items))
    found: NDArray[np.float64] = _log_odds(clicks, shown, clicks.sum(), float(first))
    return found


def _log_odds(clicks: Any, shown: Any, all_clicks: float, all_shown: float) -> Any:
    whole = smoothed_rate(all_clicks, all_shown, CLICK_RATE, SHOP_CLICKS)
    rate = smoothed_rate(clicks, shown, whole, CREATIVE_CLICKS)
    return (_logit(rate) - _logit(whole)) / _LOG_ODDS_MOST


def _logit(rate: Any) -> Any:
    return np.log(rate) - np.log1p(-rate)
