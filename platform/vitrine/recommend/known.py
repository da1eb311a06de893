"""What Postgres knows of the products that a history names."""

from collections.abc import Collection

from sqlalchemy import LargeBinary, text

from vitrine.db import Reads
from vitrine.embedding.vectors import Vector, unpack_all
from vitrine.recommend.profile import Known

_KNOWN = text(
    """
    select products.id, products.category, products.brand, products.price,
           first.id as image_id, first.vector
    from products left join lateral (
        select product_images.id, embeddings.vector
        from product_images
        join embeddings on embeddings.cid = product_images.cid and embeddings.model = :model
        where product_images.product_id = products.id and product_images.state <> 'failed'
        order by product_images.position, product_images.id limit 1
    ) as first on true
    where products.id = any(:ids)
    """
).columns(vector=LargeBinary)


def read_known(reads: Reads, product_ids: Collection[int], model: str) -> dict[int, Known]:
    """Read products that exist, each with its first picture that has a vector of this model."""
    if not product_ids:
        return {}
    rows = reads.execute(_KNOWN, {"ids": list(product_ids), "model": model}).all()
    vectors: dict[int, Vector] = {}
    if encoded := [row for row in rows if row.image_id is not None]:
        unpacked = unpack_all([row.vector for row in encoded])
        vectors = {row.id: vector for row, vector in zip(encoded, unpacked, strict=True)}
    return {
        row.id: Known(
            category=row.category,
            brand=row.brand or None,
            price=row.price,
            image_id=row.image_id,
            vector=vectors.get(row.id),
        )
        for row in rows
    }
