"""What Postgres keeps of products: their vectors and the few facts that rank them."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import groupby

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import ARRAY, BigInteger, ColumnElement, any_, bindparam, exists, select

from vitrine.catalog.models import FAILED, SEARCHABLE, Product, ProductImage
from vitrine.db import Reads
from vitrine.embedding.models import Embedding
from vitrine.embedding.vectors import unpack_all
from vitrine.retrieval.filters import narrow

_IDS = bindparam("ids", type_=ARRAY(BigInteger))
_VECTORS = (
    select(ProductImage.product_id, ProductImage.id, Embedding.vector)
    .join(Embedding, Embedding.cid == ProductImage.cid)
    .where(
        ProductImage.product_id == any_(_IDS),
        ProductImage.state != FAILED,
        Embedding.model == bindparam("model"),
    )
    .order_by(ProductImage.product_id, ProductImage.position, ProductImage.id)
)
# What has no picture to show is not shown.
_FACTS = select(Product.id, Product.category, Product.price, Product.created_at).where(
    Product.id == any_(_IDS),
    exists().where(ProductImage.product_id == Product.id, ProductImage.state == SEARCHABLE),
)


@dataclass(frozen=True, slots=True)
class StoredPictures:
    """A product's pictures that have a vector: `image_ids` [n], `vectors` float32 [n, d]."""

    image_ids: list[int]
    vectors: NDArray[np.float32]

    def best(self, query: NDArray[np.float32]) -> tuple[int, float]:
        """Find the picture most like a vector [d]: its id, and the cosine similarity."""
        scores = self.vectors @ query
        at = int(np.argmax(scores))
        return self.image_ids[at], max(-1.0, min(1.0, float(scores[at])))

    def vector_of(self, image_id: int | None) -> NDArray[np.float32]:
        """Return the vector [d] of this picture, or of the first."""
        at = self.image_ids.index(image_id) if image_id in self.image_ids else 0
        row: NDArray[np.float32] = self.vectors[at]
        return row


@dataclass(frozen=True, slots=True)
class Facts:
    """What orders a product beside its similarity."""

    category: str
    price: Decimal
    created_at: datetime


def read_pictures(
    reads: Reads, product_ids: Collection[int], model: str
) -> dict[int, StoredPictures]:
    """Read the vectors of products in one query, first picture first; one without has no entry."""
    if not product_ids:
        return {}
    rows = reads.execute(_VECTORS, {"ids": list(product_ids), "model": model}).all()
    if not rows:
        return {}
    vectors = unpack_all([row.vector for row in rows])
    found: dict[int, StoredPictures] = {}
    start = 0
    for product, some in groupby(rows, key=lambda row: int(row.product_id)):
        ids = [int(row.id) for row in some]
        found[product] = StoredPictures(ids, vectors[start : start + len(ids)])
        start += len(ids)
    return found


def read_facts(
    reads: Reads, product_ids: Collection[int], condition: ColumnElement[bool]
) -> dict[int, Facts]:
    """Read the facts of those products that are there and that the condition allows."""
    if not product_ids:
        return {}
    rows = reads.execute(narrow(_FACTS, condition), {"ids": list(product_ids)})
    return {row.id: Facts(row.category, row.price, row.created_at) for row in rows}
