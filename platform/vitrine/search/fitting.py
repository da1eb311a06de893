"""From photos whose category is known to a calibration, and to what it is worth."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from vitrine.search.calibration import DEFAULT, Calibration
from vitrine.search.category import Neighbour, depth, familiarity, nearest, path, predict, votes

Numbers = npt.NDArray[np.float64]

BINS = 10
TEMPERATURES = (0.02, 0.03, 0.05, 0.08, 0.12, 0.2)
_LEAST_SHARE = 0.005
_STEPS = 50
# Keeps the curve finite where right and wrong guesses can be told apart without error.
_RIDGE = 0.01


@dataclass(frozen=True, slots=True)
class Observed:
    """A photo of a product of this category, and its neighbours without that product."""

    category: str
    neighbours: Sequence[Neighbour]


def fit(
    shoppers: Sequence[Observed], plain: Sequence[Observed], *, false_rejections: float
) -> Calibration:
    """Find the parameters, from photos such as shoppers take and from the pictures as they are.

    The temperature is that of the pictures: worse photos would ask for votes from everywhere. The
    confidence is fitted to both, since what is searched lies between them. The threshold lets go
    `false_rejections` of the shoppers' photos. Nothing is measured by it: do that on others, and
    only then is it called calibrated.
    """
    temperature = min(TEMPERATURES, key=lambda one: _surprise(plain, one))
    both = [*shoppers, *plain]
    calibration = _fit_curve(both, replace(DEFAULT, temperature=temperature))
    if false_rejections <= 0:
        return calibration
    familiar = np.array([_familiar(one) for one in shoppers])
    return replace(
        calibration,
        # The one below, so that no more than the share is let go.
        familiar_from=float(np.quantile(familiar, false_rejections, method="lower")),
        familiar_typically=float(np.median(familiar)),
    )


def first_guesses(
    observed: Sequence[Observed], calibration: Calibration
) -> tuple[Numbers, npt.NDArray[np.bool_]]:
    """Confidence [n] of each photo's likeliest product category, and whether it is right."""
    guesses = [predict(one.neighbours, calibration).candidates[:1] for one in observed]
    pairs = [
        (guess[0][1], guess[0][0] == one.category) if guess else (0.0, False)
        for guess, one in zip(guesses, observed, strict=True)
    ]
    return np.array([pair[0] for pair in pairs]), np.array([pair[1] for pair in pairs], bool)


def calibration_error(confidence: Numbers, right: npt.NDArray[np.bool_]) -> float:
    """Expected calibration error over `BINS` bins of equal width (Naeini et al. 2015)."""
    return sum(share * abs(said - was) for share, said, was in reliability(confidence, right))


def reliability(
    confidence: Numbers, right: npt.NDArray[np.bool_]
) -> list[tuple[float, float, float]]:
    """Of each bin that holds any: share of the guesses, mean confidence, share that is right."""
    at = np.minimum((confidence * BINS).astype(int), BINS - 1)
    rows = []
    for number in range(BINS):
        mine = at == number
        if mine.any():
            said, was = float(confidence[mine].mean()), float(right[mine].mean())
            rows.append((float(mine.mean()), said, was))
    return rows


def rejected(observed: Sequence[Observed], calibration: Calibration) -> npt.NDArray[np.bool_]:
    """Which of the photos are taken for nothing of this catalogue."""
    strange = [calibration.strangeness(_familiar(one)) for one in observed]
    return np.array([calibration.rejects(one) for one in strange], bool)


def _familiar(one: Observed) -> float:
    near = nearest(one.neighbours)
    return familiarity(near) if near else -1.0


def _surprise(observed: Sequence[Observed], temperature: float) -> float:
    """Mean negative logarithm of the votes for the true category."""
    lost = 0.0
    for one in observed:
        near = nearest(one.neighbours)
        share = votes(near, temperature)[0].get(one.category, 0.0) if near else 0.0
        lost -= math.log(max(share, _LEAST_SHARE))
    return lost / max(len(observed), 1)


def _fit_curve(observed: Sequence[Observed], calibration: Calibration) -> Calibration:
    """Fit the logistic curve to the likeliest category of each depth of each photo."""
    rows, right = [], []
    for one in observed:
        near = nearest(one.neighbours)
        if not near:
            continue
        familiar, truth = familiarity(near), set(path(one.category))
        shares = votes(near, calibration.temperature)[1]
        for level in range(1, depth(one.category) + 1):
            there = [name for name in shares if depth(name) == level]
            best = min(there, key=lambda name: (-shares[name], name), default=None)
            if best is not None:
                share = min(max(shares[best], _LEAST_SHARE), 1 - _LEAST_SHARE)
                rows.append((math.log(share / (1 - share)), familiar))
                right.append(best in truth)
    if not rows:
        return calibration
    weights = logistic(np.array(rows), np.array(right, bool))
    return replace(
        calibration,
        slope=float(weights[0]),
        familiarity_weight=float(weights[1]),
        offset=float(weights[2]),
    )


def logistic(rows: Numbers, right: npt.NDArray[np.bool_]) -> Numbers:
    """Fit slopes of at least 0 for each column of [n, d], and an offset: float64 [d + 1].

    Newton's method on targets that are drawn away from 0 and 1 (Platt 1999). A column that would
    lower the confidence by growing is left out.
    """
    yes, no = right.sum(), (~right).sum()
    target = np.where(right, (yes + 1) / (yes + 2), 1 / (no + 2))
    used = list(range(rows.shape[1]))
    while True:
        found = _newton(np.column_stack([rows[:, used], np.ones(len(rows))]), target)
        negative = [column for column, slope in zip(used, found, strict=False) if slope < 0]
        if not negative:
            break
        used = [column for column in used if column not in negative]
    weights = np.zeros(rows.shape[1] + 1)
    weights[[*used, -1]] = found
    return weights


def _newton(columns: Numbers, target: Numbers) -> Numbers:
    weights = np.zeros(columns.shape[1])
    ridge = np.full(len(weights), _RIDGE)
    ridge[-1] = 1e-6
    for _ in range(_STEPS):
        said = 1 / (1 + np.exp(-np.clip(columns @ weights, -30, 30)))
        slope = columns.T @ (said - target) + ridge * weights
        curve = (columns * (said * (1 - said))[:, None]).T @ columns + np.diag(ridge)
        step = np.linalg.solve(curve + 1e-9 * np.eye(len(weights)), slope)
        weights = weights - step
        if np.abs(step).max() < 1e-8:
            break
    return np.asarray(weights, np.float64)
