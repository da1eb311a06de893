"""Which products belong to one interest, and which of them stands for it.

As in PinnerSage (Pal et al., KDD 2020): Ward's clusters of what somebody dealt with last, cut at a
distance, so that nobody has to be told how many interests they have; and the medoid of each, since
a mean of many pictures looks like none of them.
"""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.hierarchy import fcluster, ward
from scipy.spatial.distance import pdist, squareform

Vectors = NDArray[np.float32]

# The squared distance at which the tree is cut, for n products: it grows with n, as Ward's distance
# between two halves of one kind of thing does. From the demo's photos under the model that ships:
# 2 to 20 products of each of 1 to 4 categories come out as 1.75 interests a category, at which 83 %
# of the products are with the category that is most of their interest.
_CUT, _CUT_PER_PRODUCT, _MOST_COUNTED = 1.6, 0.03, 60
# The order of an addition changes the last digits, and is not to choose.
_DECIMALS = 9


def group(vectors: Vectors) -> list[list[int]]:
    """Split products with these vectors [n, d] of length 1 into interests, as row numbers.

    Groups come in the order of their first row, and rows in order within them.
    """
    count = len(vectors)
    if count < 2:
        return [[row] for row in range(count)]
    cut = math.sqrt(_CUT + _CUT_PER_PRODUCT * min(count, _MOST_COUNTED))
    labels = fcluster(ward(vectors.astype(np.float64)), cut, "distance")
    groups: dict[int, list[int]] = {}
    for row, label in enumerate(labels.tolist()):
        groups.setdefault(label, []).append(row)
    return list(groups.values())


def medoid(vectors: Vectors, weights: Sequence[float]) -> int:
    """Return the row of vectors [n, d] with the least summed distance to the others.

    Of equals (of two products both are) the one that weighs more, then the first.
    """
    apart = squareform(pdist(vectors.astype(np.float64)))
    sums = apart.sum(axis=1).round(_DECIMALS).tolist()
    return min(range(len(sums)), key=lambda row: (sums[row], -weights[row], row))
