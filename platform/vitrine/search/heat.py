"""Why two photos are alike: their cosine, taken apart over the places of both.

The mean of a feature map points where the embedding does, so the cosine of two photos is a sum over
pairs of places, one of each, without a remainder:

    cos = Σᵢⱼ ⟨qᵢ, pⱼ⟩ / (|Σ qᵢ| · |Σ pⱼ|)

(Stylianou et al. 2019 do the same for networks that pool by the mean; here the model's own head
makes maps for which it holds.) bench/explain.py measures how faithful that is.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]
Box = tuple[float, float, float, float]
"""x, y, width and height, in fractions of what the model saw."""

MOST_PAIRS = 3
# Up to this cosine two photos are hardly alike: a share of next to nothing says nothing.
HARDLY_ALIKE = 0.05
_LEAST_SHARE = 0.02
_ROWS, _COLUMNS = ("top", "middle", "bottom"), ("left", "", "right")


@dataclass(frozen=True, slots=True)
class Pair:
    """A part of each photo, and what the two add to the cosine."""

    query: Box
    product: Box
    share: float


@dataclass(frozen=True, slots=True)
class Match:
    """The cosine, and what each place of either photo adds to it: both heats sum to the cosine."""

    cosine: float
    query_heat: Floats
    product_heat: Floats
    pairs: list[Pair] = field(default_factory=list)


def decompose(query_map: Floats, product_map: Floats, *, most: int = MOST_PAIRS) -> Match:
    """Take the cosine of two maps [c, h, w] apart; their grids may differ.

    The pairs are the strongest of windows half as wide and high as the photo; no part of the query
    photo is in two of them. There are none up to a cosine of `HARDLY_ALIKE`.
    """
    shares = _shares(_places(query_map), _places(product_map))
    query_grid, product_grid = query_map.shape[1:], product_map.shape[1:]
    return Match(
        cosine=float(shares.sum()),
        query_heat=shares.sum(1).reshape(query_grid),
        product_heat=shares.sum(0).reshape(product_grid),
        pairs=_pairs(shares, query_grid, product_grid, most),
    )


def name_part(box: Box) -> str:
    """Say where in a photo a box lies: `top left`, `middle`, `bottom right`."""
    x, y, width, height = box
    if width > 0.75 and height > 0.75:
        return "whole"
    row, column = _ROWS[_third(y + height / 2)], _COLUMNS[_third(x + width / 2)]
    return f"{row} {column}".strip()


def _places(feature_map: Floats) -> NDArray[np.float64]:
    """The vectors of all places [places, c], so long that their sum has length 1."""
    places = feature_map.reshape(len(feature_map), -1).T.astype(np.float64)
    return np.asarray(places / max(float(np.linalg.norm(places.sum(0))), 1e-12))


def _shares(query: NDArray[np.float64], product: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(query @ product.T)


def _pairs(
    shares: NDArray[np.float64], query: tuple[int, ...], product: tuple[int, ...], most: int
) -> list[Pair]:
    query_boxes, query_windows = _windows(*query)
    product_boxes, product_windows = _windows(*product)
    sums = query_windows @ shares @ product_windows.T
    cosine = float(shares.sum())
    found: list[Pair] = []
    if cosine <= HARDLY_ALIKE:
        return found
    least = _LEAST_SHARE * cosine
    while len(found) < most and sums.max() >= least:
        at, other = (int(index) for index in np.unravel_index(sums.argmax(), sums.shape))
        found.append(Pair(query_boxes[at], product_boxes[other], float(sums[at, other])))
        sums[query_windows @ query_windows[at] > 0] = -np.inf
    return found


def _windows(height: int, width: int) -> tuple[list[Box], NDArray[np.float64]]:
    """Every window of half the grid's sides: its box, and which places it holds [n, places]."""
    tall, wide = max(height // 2, 1), max(width // 2, 1)
    boxes, masks = [], []
    for row in range(height - tall + 1):
        for column in range(width - wide + 1):
            boxes.append((column / width, row / height, wide / width, tall / height))
            mask = np.zeros((height, width))
            mask[row : row + tall, column : column + wide] = 1
            masks.append(mask.ravel())
    return boxes, np.stack(masks)


def _third(centre: float) -> int:
    return 0 if centre < 0.4 else 2 if centre > 0.6 else 1
