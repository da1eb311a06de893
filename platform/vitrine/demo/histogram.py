"""The baseline: find a photo's product by colour alone. A demo that this solves would show nothing.

An HSV histogram in each cell of a 2 × 2 grid. Pixels too pale to have a hue are counted by their
brightness alone: without that the tint of white paper decides, and the baseline is weaker than it
could be. Histograms are compared by the Bhattacharyya coefficient.
"""

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from vitrine.demo.mesh import Array, f32

GRID = 2
HUES, SATURATIONS, VALUES, GREYS = 8, 4, 4, 2
PALE = 45  # of 255: less saturated than this is grey
BINS = HUES * SATURATIONS * VALUES + GREYS
SIDE = 96


def histogram(hsv: Array) -> Array:
    """Return float32 [4 * 130] that sums to 1, of HSV pixels uint8 [h, w, 3]."""
    height, width, _ = hsv.shape
    hue, saturation, value = (hsv[..., k].astype(np.int64) for k in range(3))
    level = (saturation - PALE) * SATURATIONS // (256 - PALE)
    coloured = (hue * HUES // 256 * SATURATIONS + level) * VALUES + value * VALUES // 256
    grey = BINS - GREYS + value * GREYS // 256
    rows = np.arange(height)[:, None] * GRID // height
    columns = np.arange(width)[None, :] * GRID // width
    bins = np.where(saturation < PALE, grey, coloured) + (rows * GRID + columns) * BINS
    counts = np.bincount(bins.ravel(), minlength=GRID * GRID * BINS)
    return f32(counts / counts.sum())


def nearest(queries: Array, catalogue: Array, labels: Sequence[int], limit: int) -> Array:
    """Return int64 [q, limit]: for each query the best different labels, best first; -1 fills.

    Queries and catalogue are rows of histograms.
    """
    names = np.asarray(labels)
    roots = np.sqrt(catalogue).T
    found = np.full((len(queries), limit), -1, np.int64)
    for row, query in enumerate(queries):
        order = names[np.argsort(-(np.sqrt(query) @ roots), kind="stable")]
        _, first = np.unique(order, return_index=True)
        best = order[np.sort(first)][:limit]
        found[row, : len(best)] = best
    return found


def hits(found: Array, wanted: Sequence[int], at: int) -> float:
    """Return R@`at`: the part of queries whose label is among the first `at` found."""
    return float((found[:, :at] == np.asarray(wanted)[:, None]).any(axis=1).mean())


def describe(picture: Path | bytes) -> Array:
    """Return the histogram of a picture file."""
    source = io.BytesIO(picture) if isinstance(picture, bytes) else picture
    with Image.open(source) as image:
        image.draft("RGB", (SIDE * 2, SIDE * 2))
        small = image.convert("RGB").resize((SIDE, SIDE), Image.Resampling.BOX)
    return histogram(np.asarray(small.convert("HSV")))
