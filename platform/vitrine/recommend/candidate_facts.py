"""What Postgres knows of candidates: the facts that rank them, and whether they may be shown."""

from collections.abc import Collection

from sqlalchemy import ARRAY, BigInteger, ColumnElement, any_, bindparam, exists, func, select

from vitrine.catalog.models import SEARCHABLE, Product, ProductImage
from vitrine.db import Reads
from vitrine.recommend.models import Trend
from vitrine.recommend.proposals import ItemFacts

_PRODUCT, _TREND = Product.__table__.c, Trend.__table__.c
_FACTS = (
    select(
        *(_PRODUCT.id, _PRODUCT.category, _PRODUCT.brand, _PRODUCT.price, _PRODUCT.created_at),
        func.coalesce(_TREND.score, 0.0).label("wanted"),
        func.coalesce(_TREND.shown, 0.0).label("shown"),
        func.coalesce(_TREND.clicked, 0.0).label("clicked"),
    )
    .outerjoin(Trend.__table__, _TREND.product_id == _PRODUCT.id)
    .where(
        _PRODUCT.id == any_(bindparam("ids", type_=ARRAY(BigInteger))),
        exists().where(ProductImage.product_id == Product.id, ProductImage.state == SEARCHABLE),
    )
)
_NAMES = select(_PRODUCT.id, _PRODUCT.seller_id, _PRODUCT.sku, _PRODUCT.title).where(
    _PRODUCT.id == any_(bindparam("ids", type_=ARRAY(BigInteger)))
)


def read_item_facts(
    reads: Reads, product_ids: Collection[int], condition: ColumnElement[bool]
) -> dict[int, ItemFacts]:
    """Read the facts of those that are there, have a picture, and that the condition allows."""
    if not product_ids:
        return {}
    rows = reads.execute(_FACTS.where(condition), {"ids": list(product_ids)})
    return {
        row.id: ItemFacts(
            category=row.category,
            brand=row.brand or None,
            price=row.price,
            created_at=row.created_at,
            wanted=float(row.wanted),
            shown=float(row.shown),
            clicked=float(row.clicked),
        )
        for row in rows
    }


def read_names(reads: Reads, product_ids: Collection[int]) -> dict[int, tuple[str, str]]:
    """Read public id and title of products."""
    if not product_ids:
        return {}
    rows = reads.execute(_NAMES, {"ids": list(product_ids)})
    return {row.id: (f"{row.seller_id}:{row.sku}", row.title) for row in rows}
