"""Which of all campaigns a request refuses: the rules of `targeting`, turned around.

Campaigns change seldom and requests come often. So the campaigns that ask for a value are kept by
that value, and a request looks up the few values that hold instead of going through all campaigns.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from vitrine.ads.targeting import KEYWORD, PRICE, REASONS, Condition, Rules, Situation

Rows = NDArray[np.intp]


class Matcher:
    """Says of many campaigns at once what `targeting.refusal` says of one.

    Never changes, so it is safe to share between threads.
    """

    def __init__(self, rules: Mapping[int, Rules]) -> None:
        self._ids = np.array(list(rules), np.int64)
        asked: dict[str, list[tuple[int, Condition]]] = {reason: [] for reason in REASONS}
        for row, one in enumerate(rules.values()):
            for condition in one.targeting:
                asked[f"targeting:{condition.about}"].append((row, condition))
            for condition in one.exclusions:
                asked[f"excluded:{condition.about}"].append((row, condition))
        self._asked = [
            (code, _Asked(conditions, len(rules)))
            for code, conditions in enumerate(asked.values())
            if conditions
        ]

    def refusals(self, situation: Situation) -> dict[int, str]:
        """Say why, by the id of each campaign that may not take part."""
        codes = np.full(len(self._ids), -1, np.int8)
        # Backwards, since what is written last stays, and the first reason is the one to tell.
        for code, asked in reversed(self._asked):
            rows = asked.rows_that_hold(situation)
            if REASONS[code].startswith("excluded:"):
                codes[rows] = code
            else:
                refused = asked.mask.copy()
                refused[rows] = False
                codes[refused] = code
        refused = codes >= 0
        reasons = (REASONS[code] for code in codes[refused].tolist())
        return dict(zip(self._ids[refused].tolist(), reasons, strict=True))


class _Asked:
    """The campaigns with a condition of one kind; `mask` [campaigns] marks them."""

    def __init__(self, conditions: Sequence[tuple[int, Condition]], campaigns: int) -> None:
        self.about = conditions[0][1].about
        self.mask = np.zeros(campaigns, bool)
        self.mask[[row for row, _ in conditions]] = True
        by_value: dict[str, list[int]] = defaultdict(list)
        self._by_word: dict[str, list[tuple[frozenset[str], int]]] = defaultdict(list)
        for row, condition in conditions:
            for value in condition.values:
                by_value[value].append(row)
            for words in condition.keywords:
                # The longest is the rarest, as a rule. Any would do.
                self._by_word[max(words, key=len)].append((words, row))
        self._by_value = {value: np.array(rows) for value, rows in by_value.items()}
        self._bands = _Bands(conditions) if self.about == PRICE else None

    def rows_that_hold(self, situation: Situation) -> Rows:
        if self._bands is not None:
            return self._bands.around(situation.price)
        if self.about == KEYWORD:
            return np.array(list(self._with_keywords(situation.words)), np.intp)
        held = situation.held[self.about]
        found = [self._by_value[value] for value in held if value in self._by_value]
        return np.concatenate(found) if found else np.empty(0, np.intp)

    def _with_keywords(self, held: frozenset[str]) -> Iterator[int]:
        for word in held:
            for words, row in self._by_word.get(word, ()):
                if words <= held:
                    yield row


class _Bands:
    """Bands of prices. Below 10^10 and with two decimals no two prices are the same float."""

    def __init__(self, conditions: Sequence[tuple[int, Condition]]) -> None:
        bands = [condition.band for _, condition in conditions]
        self._rows = np.array([row for row, _ in conditions])
        self._low = np.array([-np.inf if low is None else float(low) for low, _ in bands])
        self._high = np.array([np.inf if high is None else float(high) for _, high in bands])

    def around(self, price: Decimal | None) -> Rows:
        if price is None:
            return np.empty(0, np.intp)
        at = float(price)
        return self._rows[(self._low <= at) & (at < self._high)]
