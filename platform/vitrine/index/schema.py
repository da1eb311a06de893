"""What one row of a picture collection holds, and what a search gives back."""

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
