"""The last gate: candidates become products, and what Postgres no longer has or allows is gone."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ARRAY, BigInteger, ColumnElement, any_, bindparam, func, select
from sqlalchemy.orm import Session

from vitrine.catalog.models import FAILED, Image, Product, ProductImage
from vitrine.catalog.views import image_url, product_out
from vitrine.retrieval.candidates import Candidate
from vitrine.wire import ImageOut, ProductOut, ResultImage

_IDS = bindparam("ids", type_=ARRAY(BigInteger))
# All pictures of each product as one JSON array, so that hydration stays one query. Grouped once
# for all of them: asked product by product, the planner goes through `images` as often.
_IMAGES = (
    select(
        ProductImage.product_id,
        func.jsonb_agg(
            func.jsonb_build_object(
                *("row", ProductImage.id, "id", ProductImage.cid),
                *("position", ProductImage.position, "state", ProductImage.state),
                *("reason", ProductImage.reason, "width", Image.width, "height", Image.height),
            )
        ).label("found"),
    )
    .join(Image, Image.cid == ProductImage.cid)
    .where(ProductImage.product_id == any_(_IDS))
    .group_by(ProductImage.product_id)
    .subquery()
)
# Made once: to put a statement together takes longer than the database does.
_PRODUCTS = (
    select(Product, _IMAGES.c.found)
    .join(_IMAGES, _IMAGES.c.product_id == Product.id)
    .where(Product.id == any_(_IDS))
)


@dataclass(frozen=True, slots=True)
class Hydrated:
    """A candidate with the product as it stands now, and the picture that matched."""

    product: ProductOut
    image: ResultImage
    score: float


def hydrate(
    session: Session,
    candidates: Sequence[Candidate],
    condition: ColumnElement[bool],
    *,
    currency: str,
    limit: int,
) -> list[Hydrated]:
    """Read the candidates' products in one query; return the first `limit`, in their order.

    A product that is gone, that `condition` refuses now, or whose matching picture was removed is
    left out.
    """
    if not candidates:
        return []
    ids = [candidate.product_id for candidate in candidates]
    found = {
        product.id: (product, images)
        for product, images in session.execute(_PRODUCTS.where(condition), {"ids": ids})
    }
    shown: list[Hydrated] = []
    for candidate in candidates:
        if len(shown) == limit:
            break
        if candidate.product_id not in found:
            continue
        product, images = found[candidate.product_id]
        images = sorted(images or (), key=lambda one: (one["position"], one["row"]))
        matched = next((one for one in images if one["row"] == candidate.image_id), None)
        if matched is None:
            continue
        shown.append(
            Hydrated(
                product=product_out(product, [_image_out(one) for one in images], currency),
                image=ResultImage(id=matched["id"], url=image_url(matched["id"])),
                score=candidate.score,
            )
        )
    return shown


def _image_out(found: dict[str, Any]) -> ImageOut:
    url = None if found["state"] == FAILED else image_url(found["id"])
    return ImageOut.model_validate({**found, "url": url})
