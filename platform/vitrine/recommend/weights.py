"""How much each event says about what somebody likes, and how fast that fades."""

import difflib
import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

from vitrine.errors import Misconfigured

# To be shown something says nothing of it. A rating counts from -1 (one star) to 1 (five) times.
DEFAULTS: Mapping[str, float] = {
    "view_item_list": 0.0,
    "select_item": 0.5,
    "view_item": 1.0,
    "add_to_wishlist": 3.0,
    "add_to_cart": 4.0,
    "purchase": 6.0,
    "remove_from_cart": -1.0,
    "refund": -2.0,
    "hide_item": -6.0,
    "rate_item": 5.0,
}
MOST = 100.0
_MIDDLE_RATING, _STEPS = 3.0, 2.0


@dataclass(frozen=True, slots=True)
class EventWeights:
    """What an event of each name weighs; `events` is how many of the last ones count at all."""

    by_name: Mapping[str, float] = field(default_factory=lambda: dict(DEFAULTS))
    half_life_days: float = 30.0
    events: int = 1000

    @classmethod
    def of(cls, changes: Mapping[str, float], *, half_life_days: float, events: int) -> Self:
        """Put an operator's weights over the defaults. Raises Misconfigured, naming the fix."""
        for name, weight in changes.items():
            if name not in DEFAULTS:
                near = difflib.get_close_matches(name, DEFAULTS, n=1)
                meant = f"did you mean {near[0]}?" if near else f"take of {', '.join(DEFAULTS)}"
                raise Misconfigured(
                    f"VITRINE_EVENT_WEIGHTS weighs {name!r}, which is no event; {meant}"
                )
            if not abs(weight) <= MOST:  # nan is not either
                raise Misconfigured(
                    f"VITRINE_EVENT_WEIGHTS weighs {name} with {weight}; it must be a number from "
                    f"-{MOST:g} to {MOST:g}."
                )
        return cls({**DEFAULTS, **changes}, half_life_days, events)

    @property
    def digest(self) -> str:
        """Tell these from others: what they made is made anew when they change."""
        said = json.dumps([sorted(self.by_name.items()), self.half_life_days, self.events])
        return hashlib.sha256(said.encode()).hexdigest()[:16]

    def of_event(self, name: str, rating: float | None) -> float:
        """Weigh one event; 0 for one that says nothing."""
        weight = self.by_name.get(name, 0.0)
        if name != "rate_item":
            return weight
        if rating is None or not math.isfinite(rating):
            return 0.0
        return weight * max(-1.0, min(1.0, (rating - _MIDDLE_RATING) / _STEPS))

    def remaining(self, age_days: float) -> float:
        """Tell what is left of a weight after so many days: half after each half-life."""
        return float(2.0 ** (-max(0.0, age_days) / self.half_life_days))
