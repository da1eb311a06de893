"""The last gate: a ranking becomes products, and what Postgres no longer has or allows is gone."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ARRAY, BigInteger, ColumnElement, any_, bindparam, func, select

from vitrine.catalog.models import FAILED, SEARCHABLE, Image, Product, ProductImage
from vitrine.catalog.views import image_url
from vitrine.db import Reads
from vitrine.retrieval.filters import narrow
from vitrine.retrieval.grouping import Ranked
from vitrine.retrieval.stored import Facts
from vitrine.wire import ProductOut, ResultImage

_IDS = bindparam("ids", type_=ARRAY(BigInteger))
# Of the tables and not of the classes: a statement that can make no objects is quicker to begin,
# and to make them would take longer than the database does.
_PRODUCT, _USE, _IMAGE = Product.__table__.c, ProductImage.__table__.c, Image.__table__.c
# All pictures of each product as one JSON array, so that hydration stays one query. Grouped once
# for all of them: asked product by product, the planner goes through `images` as often.
_IMAGES = (
    select(
        _USE.product_id,
        func.jsonb_agg(
            func.jsonb_build_object(
                *("row", _USE.id, "id", _USE.cid, "position", _USE.position),
                *("state", _USE.state, "reason", _USE.reason),
                *("width", _IMAGE.width, "height", _IMAGE.height),
            )
        ).label("found"),
    )
    .join_from(ProductImage.__table__, Image.__table__, _IMAGE.cid == _USE.cid)
    .where(_USE.product_id == any_(_IDS))
    .group_by(_USE.product_id)
    .subquery()
)
_COLUMNS = (
    *(_PRODUCT.id, _PRODUCT.seller_id, _PRODUCT.sku, _PRODUCT.title, _PRODUCT.description),
    *(_PRODUCT.brand, _PRODUCT.category, _PRODUCT.price, _PRODUCT.availability),
    *(_PRODUCT.attributes, _PRODUCT.version, _PRODUCT.created_at, _PRODUCT.updated_at),
)
_PRODUCTS = (
    select(*_COLUMNS, _IMAGES.c.found)
    .join(_IMAGES, _IMAGES.c.product_id == _PRODUCT.id)
    .where(_PRODUCT.id == any_(_IDS))
)


@dataclass(frozen=True, slots=True)
class Hydrated:
    """A product as it stands now, the picture that speaks for it, and its index in the ranking."""

    product: ProductOut
    image: ResultImage
    at: int


Rows = Mapping[int, Any]
"""Products as they stand now, by id."""


def read_products(
    reads: Reads, product_ids: Collection[int], condition: ColumnElement[bool]
) -> Rows:
    """Read products and their pictures in one query; without those that `condition` refuses."""
    if not product_ids:
        return {}
    found = reads.execute(narrow(_PRODUCTS, condition), {"ids": list(product_ids)})
    return {row.id: row for row in found}


def facts_of(rows: Rows) -> dict[int, Facts]:
    """Tell what `read_facts` would of the same products."""
    return {
        id_: Facts(row.category, row.price, row.created_at)
        for id_, row in rows.items()
        if any(image["state"] == SEARCHABLE for image in row.found)
    }


def hydrate(ranking: Sequence[Ranked], rows: Rows, *, currency: str, limit: int) -> list[Hydrated]:
    """Make the first `limit` products of a ranking, in their order.

    A product that has no row, or whose matching picture was removed, is left out. One that words
    found is shown by its first searchable picture, and left out if it has none.
    """
    shown: list[Hydrated] = []
    for at, one in enumerate(ranking):
        if len(shown) == limit:
            break
        row = rows.get(one.product_id)
        if row is None:
            continue
        images = sorted(row.found or (), key=lambda image: (image["position"], image["row"]))
        matched = next((image for image in images if _speaks(image, one.image_id)), None)
        if matched is None:
            continue
        shown.append(
            Hydrated(
                product=_product_out(row, images, currency),
                image=ResultImage(id=matched["id"], url=image_url(matched["id"])),
                at=at,
            )
        )
    return shown


def _speaks(image: dict[str, Any], wanted: int | None) -> bool:
    if wanted is None:
        return bool(image["state"] == SEARCHABLE)
    return bool(image["row"] == wanted)


def _product_out(row: Any, images: list[dict[str, Any]], currency: str) -> ProductOut:
    """As `catalog.views.product_out`, of a row."""
    return ProductOut.model_validate(
        {
            **row._mapping,
            "id": f"{row.seller_id}:{row.sku}",
            "seller": row.seller_id,
            "currency": currency,
            "in_stock": Product.is_in_stock(row.availability),
            "images": [
                {**image, "url": None if image["state"] == FAILED else image_url(image["id"])}
                for image in images
            ],
        }
    )
