"""Products: what a seller sends and what everyone reads."""

from collections.abc import Sequence
from typing import Any

from vitrine.client.paging import Pages
from vitrine.client.request import Message, Picture, Request, call, given
from vitrine.wire import (
    DEFAULT_LIMIT,
    Accepted,
    JobRef,
    ProductIn,
    ProductOut,
    ProductPage,
    ProductPatch,
)

_PRODUCT = "/v1/products/{id}"


@call("PUT", _PRODUCT, Accepted)
def put_product(
    product_id: str, product: ProductIn, images: Sequence[Picture] | None = None
) -> Message:
    """Create or replace a listing; without `images` it keeps the pictures that it has."""
    if images is not None and not images:
        raise ValueError("give at least one picture, or None to keep those of the product")
    return Message(
        path={"id": product_id},
        json=product.model_dump_json(),
        json_part="product",
        pictures=images or (),
        pictures_part="images",
    )


@call("PATCH", _PRODUCT, Accepted)
def patch_product(product_id: str, **changes: Any) -> Message:
    """Change the named fields of a listing; its pictures are not embedded again."""
    body = ProductPatch(**changes).model_dump_json(exclude_unset=True)
    return Message(path={"id": product_id}, json=body)


@call("DELETE", _PRODUCT, JobRef)
def delete_product(product_id: str) -> Message:
    """Remove a listing; it is gone from every answer when the job is done."""
    return Message(path={"id": product_id})


@call("GET", _PRODUCT, ProductOut)
def get_product(product_id: str) -> Message:
    """Read a listing."""
    return Message(path={"id": product_id})


@call("GET", "/v1/products", ProductPage)
def list_products(
    cursor: str | None = None, *, limit: int = DEFAULT_LIMIT, seller: str | None = None
) -> Message:
    """Read one page of listings."""
    return Message(params=given(cursor=cursor, limit=limit, seller=seller))


def iter_products(
    *, page_size: int = 100, seller: str | None = None
) -> Pages[ProductPage, ProductOut]:
    """Read all listings, page by page."""

    def page(cursor: str | None) -> Request[ProductPage]:
        return list_products(cursor, limit=page_size, seller=seller)

    return Pages(
        first=page(None),
        items=lambda found: found.products,
        after=lambda found: page(found.next_cursor) if found.next_cursor else None,
    )
