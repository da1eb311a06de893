"""What one row of a collection of vectors holds, and what a search gives back.

The fields of a row are the columns of its collection.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]

# Bounds in characters, as the catalogue sets them. Milvus counts bytes, and one character takes up
# to four of them in UTF-8, so a column is declared four times as long: no legal value can be
# refused by the index, whatever script it is written in.
SELLER_ID_CHARACTERS = 64
CATEGORY_CHARACTERS = 512
BRAND_CHARACTERS = 256
BYTES_PER_CHARACTER = 4


@dataclass(frozen=True, slots=True)
class IndexScalars:
    """A row without its vector: what filters can ask for, and what `verify` compares."""

    id: int
    product_id: int
    seller_id: str
    category: str
    brand: str
    price: float
    in_stock: bool


@dataclass(frozen=True, slots=True)
class IndexRow:
    """A whole row. `id` is the product_images id; `embedding` is float32 [d], L2-normalised."""

    id: int
    product_id: int
    seller_id: str
    category: str
    brand: str
    price: float
    in_stock: bool
    embedding: Vectors = field(compare=False, repr=False)

    def scalars(self) -> IndexScalars:
        return IndexScalars(
            self.id,
            self.product_id,
            self.seller_id,
            self.category,
            self.brand,
            self.price,
            self.in_stock,
        )


@dataclass(frozen=True, slots=True)
class IndexHit:
    """One picture found; `score` is the cosine similarity in [-1, 1]."""

    id: int
    product_id: int
    score: float


@dataclass(frozen=True, slots=True)
class CreativeScalars:
    """A row of an ad without its vector: what `verify` compares."""

    id: int
    campaign_id: int
    cid: str


@dataclass(frozen=True, slots=True)
class CreativeRow:
    """The row of an ad. `id` is the creatives id; `embedding` is float32 [d], L2-normalised.

    `cid` is the content id of the picture that the vector is of. An ad keeps its id when it gets
    another picture, and so `verify` sees a vector that stayed behind.
    """

    id: int
    campaign_id: int
    embedding: Vectors = field(compare=False, repr=False)
    cid: str = ""


@dataclass(frozen=True, slots=True)
class CreativeHit:
    """One ad found; `score` is the cosine similarity in [-1, 1]."""

    id: int
    campaign_id: int
    score: float


Row = IndexRow | CreativeRow
