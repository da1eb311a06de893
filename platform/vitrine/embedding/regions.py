"""Parts of a photo that look like a thing of their own, out of the feature map that it has anyway.

In the manner of SCDA (Wei et al. 2017): where a thing is, the map is strong and unlike the border
of the photo. There the activation would be cut at its mean; on a map of 4 × 4 places that finds
too little (bench/regions.py). Instead every box of a fine grid is fitted to the activation as
a plateau with soft edges, as a thing would leave it, and the boxes that explain most are taken.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]
Box = tuple[float, float, float, float]
"""x, y, width and height, in fractions of a photo."""

WHOLE: Box = (0.0, 0.0, 1.0, 1.0)
MOST = 6
# Edges of boxes lie on multiples of 1 / _STEPS, and no side is shorter than so many places.
_STEPS = 12
_LEAST_PLACES = 1.6
# Of the soft edge, in places: a place sees more of the photo than its own square.
_SOFTNESS = 0.4
_FINE = 8
_MOST_OVERLAP = 0.35
_FLAT = 1e-3


@dataclass(frozen=True, slots=True)
class FoundRegion:
    """A box in fractions of the photo, and the share of the activation that lies in it."""

    box: Box
    score: float


def find_regions(feature_map: Floats, seen: Box = WHOLE) -> list[FoundRegion]:
    """Find the main object, and up to five other boxes, in a map [c, h, w]; best first.

    `seen` is the part of the photo that the model saw (`preprocess.seen_part`). A map without any
    contrast gives one box, the whole photo.
    """
    strength = activation(np.asarray(feature_map, np.float32))
    if strength is None:
        return [FoundRegion(WHOLE, 1.0)]
    boxes, covered, templates = _candidates(*strength.shape)
    flat = strength.ravel()
    fit = templates @ (flat - flat.mean())
    above = (flat - flat.min()) / (flat - flat.min()).sum()
    found: list[FoundRegion] = []
    while len(found) < MOST and fit[best := int(fit.argmax())] > 0:
        box = boxes[:, best]
        found.append(FoundRegion(_in_photo(box, seen), round(float(covered[best] @ above), 4)))
        fit[overlaps(boxes, box) >= _MOST_OVERLAP] = 0
    return found or [FoundRegion(WHOLE, 1.0)]


def activation(feature_map: NDArray[np.float32]) -> NDArray[np.float32] | None:
    """Say how much each place looks like a thing: [h, w]; None where all places look alike.

    The length of its vector and how unlike the border's its direction is, in equal parts. Either
    alone finds less.
    """
    channels, height, width = feature_map.shape
    places = feature_map.reshape(channels, -1).T
    lengths = np.linalg.norm(places, axis=1)
    directions = places / np.maximum(lengths, 1e-12)[:, None]
    inner = np.zeros((height, width), bool)
    inner[1:-1, 1:-1] = True
    unlike = -(directions @ directions[~inner.ravel()].mean(0))
    if lengths.std() <= _FLAT * max(float(lengths.mean()), 1e-12) and unlike.std() <= _FLAT:
        return None
    both = _standardised(lengths) + _standardised(unlike)
    return np.asarray(both.reshape(height, width), np.float32)


def overlaps(boxes: Floats, box: Floats) -> Floats:
    """Intersection over union of boxes [4, n] with one box [4]."""
    x, y, width, height = boxes
    across = np.minimum(x + width, box[0] + box[2]) - np.maximum(x, box[0])
    down = np.minimum(y + height, box[1] + box[3]) - np.maximum(y, box[1])
    common = np.maximum(across, 0) * np.maximum(down, 0)
    return np.asarray(common / (width * height + box[2] * box[3] - common))


def _standardised(values: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray((values - values.mean()) / max(float(values.std()), 1e-12), np.float32)


def _in_photo(box: Floats, seen: Box) -> Box:
    """From fractions of what the model saw to fractions of the photo, without what it padded."""
    x, y, width, height = (float(number) for number in box)
    left, top = seen[0] + x * seen[2], seen[1] + y * seen[3]
    right, bottom = left + width * seen[2], top + height * seen[3]
    left, top = (min(max(edge, 0.0), 1.0) for edge in (left, top))
    right, bottom = (min(max(edge, 0.0), 1.0) for edge in (right, bottom))
    return round(left, 4), round(top, 4), round(right - left, 4), round(bottom - top, 4)


@lru_cache(maxsize=8)
def _candidates(height: int, width: int) -> tuple[Floats, Floats, Floats]:
    """Every box [4, n]; how much it covers of each place and, with soft edges, its template.

    The latter are [n, places]. A template has mean 0 and length 1, so that its product with an
    activation is the root of what the box explains of its variance.
    """
    rows, sharp_rows, soft_rows = _intervals(height)
    columns, sharp_columns, soft_columns = _intervals(width)
    shape = (len(rows) * len(columns), height * width)
    covered = np.einsum("ih,jw->ijhw", sharp_rows, sharp_columns).reshape(shape)
    soft = np.einsum("ih,jw->ijhw", soft_rows, soft_columns).reshape(shape)
    across = np.tile(columns, (len(rows), 1))
    down = np.repeat(rows, len(columns), axis=0)
    boxes = np.stack([across[:, 0], down[:, 0], across[:, 1], down[:, 1]])
    centred = soft - soft.mean(1, keepdims=True)
    lengths = np.linalg.norm(centred, axis=1)
    # The largest are nearly flat: what they explain would be noise.
    telling = lengths > 0.15
    templates = centred[telling] / lengths[telling, None]
    boxes, covered = boxes[:, telling].astype(np.float32), covered[telling].astype(np.float32)
    return boxes, covered, templates.astype(np.float32)


def _intervals(places: int) -> tuple[Floats, Floats, Floats]:
    """Begin and length of every interval [n, 2] in fractions; its cover of places, sharp and soft.

    Both covers are [n, places].
    """
    least = min(int(np.ceil(_LEAST_PLACES / places * _STEPS)), _STEPS)
    pairs = [(low, high) for low in range(_STEPS) for high in range(low + least, _STEPS + 1)]
    low, high = np.array(pairs).T / _STEPS
    at = (np.arange(places * _FINE) + 0.5) / _FINE
    inside = (at >= low[:, None] * places) & (at < high[:, None] * places)
    blur = np.exp(-0.5 * ((at[:, None] - at) / _SOFTNESS) ** 2)
    blur /= blur.sum(0)
    sharp, soft = (
        fine.reshape(-1, places, _FINE).mean(2) for fine in (inside.astype(float), inside @ blur)
    )
    return np.stack([low, high - low], axis=1), sharp, soft
