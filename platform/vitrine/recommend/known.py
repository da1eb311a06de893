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
    encoded = [(row.id, row.vector) for row in rows if row.image_id is not None]
    vectors: dict[int, Vector] = {}
    if encoded:
        ids, packed = zip(*encoded, strict=True)
        vectors = dict(zip(ids, unpack_all(packed), strict=True))
    return {
        id_: Known(category, brand or None, price, image_id, vectors.get(id_))
        for id_, category, brand, price, image_id, _ in rows
    }
