"""What an answered recommendation teaches: one example a slot that was seen."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vitrine.recommend.features import FEATURES, POSITION, position_value

SEEN = "view_item_list"
HIDDEN = "hide_item"
# How much a click counts, by what came of it; what was seen and not clicked counts 1.
POSITIVE: Mapping[str, float] = {
    "select_item": 1.0,
    "view_item": 1.0,
    "add_to_wishlist": 2.0,
    "add_to_cart": 2.0,
    "purchase": 3.0,
}
HIDDEN_WEIGHT = 3.0
MOST_INVERSE_PROPENSITY = 4.0
_FEATURE_BYTES = 2


@dataclass(frozen=True, slots=True)
class Example:
    """One slot: its features [f], whether it was clicked, how much that counts."""

    features: NDArray[np.float32]
    clicked: bool
    weight: float


@dataclass(frozen=True, slots=True)
class Answer:
    """Something of a decision that came back: where (from 1), what, and whether that is learnt."""

    position: int
    name: str
    learned: bool


@dataclass(frozen=True, slots=True)
class Shown:
    """A decision as learning needs it: features [slots, f] and propensities [slots]."""

    features: NDArray[np.float32]
    propensities: Sequence[float]


def read_features(kept: bytes | None, slots: int) -> NDArray[np.float32] | None:
    """Read float16 features [slots, f]; None if they are not of this release's features."""
    if kept is None or slots == 0 or len(kept) != slots * len(FEATURES) * _FEATURE_BYTES:
        return None
    read = np.frombuffer(kept, np.float16).reshape(slots, len(FEATURES)).astype(np.float32)
    return read if np.isfinite(read).all() else None


def first_examples(shown: Shown, answers: Iterable[Answer]) -> list[Example]:
    """Make the examples of a decision that nothing was learnt of yet.

    Where impressions were sent, only slots that they name (or that were acted upon) were seen;
    where none were, all of them. A slot that exploration filled stands for all that it might have
    shown: it counts by its inverse propensity, up to MOST_INVERSE_PROPENSITY.
    """
    names = _by_slot(answers, len(shown.propensities))
    impressions = any(SEEN in said for said in names.values())
    seen = sorted(names) if impressions else range(len(shown.propensities))
    return [_example(shown, slot, names.get(slot, set())) for slot in seen]


def late_examples(shown: Shown, answers: Iterable[Answer]) -> list[Example]:
    """Make the examples of what came after a decision was learnt: only what is more than before.

    A slot that was learnt as declined and is clicked now is learnt as clicked; one that was learnt
    as clicked and is bought now counts for the difference. A late impression teaches nothing.
    """
    answers = list(answers)
    before = _by_slot((one for one in answers if one.learned), len(shown.propensities))
    after = _by_slot(answers, len(shown.propensities))
    examples = []
    for slot, names in sorted(after.items()):
        now, then = _example(shown, slot, names), _example(shown, slot, before.get(slot, set()))
        if now.clicked != then.clicked:
            examples.append(now)
        elif now.weight > then.weight:
            examples.append(Example(now.features, now.clicked, now.weight - then.weight))
    return examples


def _by_slot(answers: Iterable[Answer], slots: int) -> dict[int, set[str]]:
    found: dict[int, set[str]] = {}
    for one in answers:
        if 1 <= one.position <= slots:
            found.setdefault(one.position - 1, set()).add(one.name)
    return found


def _example(shown: Shown, slot: int, names: set[str]) -> Example:
    features = shown.features[slot].copy()
    features[FEATURES.index(POSITION)] = position_value(slot)
    positive = max((POSITIVE.get(name, 0.0) for name in names), default=0.0)
    hidden = HIDDEN in names
    weight = HIDDEN_WEIGHT if hidden else positive or 1.0
    inverse = 1.0 / max(shown.propensities[slot], 1e-9)
    return Example(
        features, positive > 0 and not hidden, weight * min(inverse, MOST_INVERSE_PROPENSITY)
    )
