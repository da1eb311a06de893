"""What a photo shows, judged by its neighbours in the catalogue; and whether it is sold here."""

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from vitrine.search.calibration import Calibration

NEIGHBOURS = 20
"""So many nearest products vote."""
SURE_ENOUGH = 0.5
CANDIDATES = 5
# Between the mean of the neighbours' similarities (infinite) and the best of them (0).
_SOFTNESS = 0.1


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A product near the photo: its category path and its cosine similarity."""

    product_id: int
    category: str
    score: float


@dataclass(frozen=True, slots=True)
class Prediction:
    """`category` is the deepest that is likely enough; None if none is.

    `confidence` is that of `category`, or of the likeliest one where it is None. `candidates` are
    guesses at the product's own category, likeliest first.
    """

    category: str | None
    confidence: float
    candidates: tuple[tuple[str, float], ...]


NOTHING = Prediction(None, 0.0, ())


def predict(neighbours: Iterable[Neighbour], calibration: Calibration) -> Prediction:
    """Let the nearest products vote; a vote for `a/b/c` is also one for `a/b` and for `a`.

    Neighbours may come in any order, each product once. They have to be of the whole catalogue: a
    filter's are not a fair sample.
    """
    near = nearest(neighbours)
    if not near:
        return NOTHING
    familiar = familiarity(near)
    own, rolled_up = votes(near, calibration.temperature)
    confident = {name: calibration.confidence(share, familiar) for name, share in rolled_up.items()}
    likely = [name for name, confidence in confident.items() if confidence >= SURE_ENOUGH]
    chosen = min(likely, key=lambda name: (-depth(name), -rolled_up[name], name), default=None)
    guesses = sorted(own, key=lambda name: (-own[name], name))[:CANDIDATES]
    return Prediction(
        category=chosen,
        confidence=max(confident.values()) if chosen is None else confident[chosen],
        candidates=tuple((name, calibration.confidence(own[name], familiar)) for name in guesses),
    )


def out_of_catalogue(neighbours: Iterable[Neighbour], calibration: Calibration) -> float:
    """Say how little this looks like what is sold: 0 (like all of it) to 1.

    The nearest neighbours' distance tells (Sun et al. 2022), taken softly as an energy (Liu et al.
    2020). `calibration.rejects` knows from where on it is too much; uncalibrated it is 0.
    """
    near = nearest(neighbours)
    if not near:
        return 1.0 if calibration.calibrated else 0.0
    return calibration.strangeness(familiarity(near))


def nearest(neighbours: Iterable[Neighbour]) -> list[Neighbour]:
    """The `NEIGHBOURS` best, best first, equal ones by product."""
    return sorted(neighbours, key=lambda one: (-one.score, one.product_id))[:NEIGHBOURS]


def familiarity(near: Sequence[Neighbour]) -> float:
    """Soft maximum of the similarities: between their mean and the best of them."""
    best = max(one.score for one in near)
    lifted = math.fsum(math.exp((one.score - best) / _SOFTNESS) for one in near)
    return best + _SOFTNESS * math.log(lifted / len(near))


def votes(
    near: Sequence[Neighbour], temperature: float
) -> tuple[dict[str, float], dict[str, float]]:
    """Share of the votes by the products' own category, and by every category above it too."""
    best = max(one.score for one in near)
    weights = [math.exp((one.score - best) / temperature) for one in near]
    total = math.fsum(weights)
    own: dict[str, float] = defaultdict(float)
    rolled_up: dict[str, float] = defaultdict(float)
    for one, weight in zip(near, weights, strict=True):
        own[one.category] += weight / total
        for name in path(one.category):
            rolled_up[name] += weight / total
    return dict(own), dict(rolled_up)


def path(category: str) -> list[str]:
    """`a/b/c` → `a`, `a/b`, `a/b/c`."""
    parts = category.split("/")
    return ["/".join(parts[: end + 1]) for end in range(len(parts))]


def depth(category: str) -> int:
    return category.count("/") + 1
