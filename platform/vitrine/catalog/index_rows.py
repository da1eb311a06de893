"""What the index shall hold, as Postgres says it now."""

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from vitrine.catalog.models import FAILED, Product, ProductImage
from vitrine.catalog.paging import id_pages
from vitrine.embedding.models import Embedding
from vitrine.embedding.vectors import unpack
from vitrine.index.schema import IndexRow, IndexScalars


def read_index_rows(session: Session, ids: Sequence[int], model: str) -> dict[int, IndexRow]:
    """Read the index rows of product images; one without a product or a vector has none."""
    statement = _indexed(model).add_columns(Embedding.vector).where(ProductImage.id.in_(ids))
    return {
        row.id: IndexRow(
            **_scalars(row),
            embedding=unpack(row.vector),
        )
        for row in session.execute(statement)
    }


def read_index_scalars(
    session: Session, model: str, *, after: int, limit: int
) -> list[IndexScalars]:
    """Read a page of what the index shall hold, without the vectors, ordered by id."""
    statement = _indexed(model).where(ProductImage.id > after)
    statement = statement.order_by(ProductImage.id).limit(limit)
    return [IndexScalars(**_scalars(row)) for row in session.execute(statement)]


def product_image_ids(session: Session, *, page: int) -> Iterator[list[int]]:
    """Go through the ids of all product images, in pages."""
    return id_pages(session, ProductImage.id, page=page)


def _indexed(model: str) -> Any:
    return (
        select(
            ProductImage.id,
            ProductImage.product_id,
            Product.seller_id,
            Product.category,
            Product.brand,
            Product.price,
            Product.availability,
        )
        .join(Product, Product.id == ProductImage.product_id)
        .join(Embedding, (Embedding.cid == ProductImage.cid) & (Embedding.model == model))
        .where(ProductImage.state != FAILED)
    )


def _scalars(row: Any) -> dict[str, Any]:
    return {
        "id": row.id,
        "product_id": row.product_id,
        "seller_id": row.seller_id,
        "category": row.category,
        "brand": row.brand,
        "price": float(row.price),
        "in_stock": Product.is_in_stock(row.availability),
    }
