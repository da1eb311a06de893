"""Products: a seller's listings."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field
from pydantic.json_schema import SkipJsonSchema

from vitrine.api.auth import EVERY_ROLE, SELLERS
from vitrine.api.bodies import JsonBody, NoBody, Upload, UploadBody
from vitrine.api.operations import Call, NoQuery, Operation, PathParameter, Reply, Routes
from vitrine.api.services import Services
from vitrine.errors import NotFound
from vitrine.wire import (
    DEFAULT_LIMIT,
    MAX_LIMIT,
    Accepted,
    JobRef,
    ProductId,
    ProductIn,
    ProductOut,
    ProductPage,
    ProductPatch,
    parse_product_id,
)
from vitrine.wire.base import without_null_defaults
from vitrine.wire.names import PRODUCT_ID as PRODUCT_ID_FORM
from vitrine.wire.names import SELLER

routes = Routes("Products")

PRODUCT_ID = {
    "id": PathParameter(
        description="Public id: `seller:sku`.",
        pattern=f"^{PRODUCT_ID_FORM.pattern}$",
        example="demo:mug-1",
    )
}
_EXAMPLE = {
    "title": "Blue mug",
    "brand": "Potter & Sons",
    "category": "home/kitchen/mugs",
    "price": "12.50",
    "availability": "in_stock",
    "attributes": {"color": "blue", "capacity_ml": 300},
}


class ListQuery(BaseModel):
    """Which page of the listings."""

    model_config = ConfigDict(extra="forbid", json_schema_extra=without_null_defaults)

    cursor: Annotated[
        str, Field(max_length=100, description="`next_cursor` of the page before.")
    ] = ""
    limit: Annotated[int, Field(ge=1, le=MAX_LIMIT, description="Most products wanted.")] = (
        DEFAULT_LIMIT
    )
    seller: (
        Annotated[
            str, SELLER.validator(), SELLER.schema(description="Only this seller's products.")
        ]
        | SkipJsonSchema[None]
    ) = None


@routes.serve(
    Operation(
        method="PUT",
        path="/v1/products/{id}",
        summary="Create or replace a product",
        roles=SELLERS,
        query=NoQuery,
        body=UploadBody(
            part="product",
            part_model=ProductIn,
            part_required=True,
            files="images",
            most_files=lambda settings: settings.max_images_per_product,
            json=ProductIn,
            example=_EXAMPLE,
            json_example=_EXAMPLE,
        ),
        replies=(Reply(status=202, model=Accepted, description="Kept; the job says the rest."),),
        path_parameters=PRODUCT_ID,
    )
)
def put_product(services: Services, call: Call[NoQuery, Upload[ProductIn]]) -> Accepted:
    """Send a form with a `product` part (JSON) and the pictures as `images` parts.

    Without any picture, or as plain JSON, the product keeps the pictures that it has; a new
    product needs at least one. The answer comes at once: a worker embeds and indexes the pictures,
    and the job tells when each is searchable. Sending the same again does no work again.
    """
    product = _own(call)
    return services.catalog.put(product.seller, product.sku, call.body.model, call.body.files)


@routes.serve(
    Operation(
        method="PATCH",
        path="/v1/products/{id}",
        summary="Change some fields of a product",
        roles=SELLERS,
        query=NoQuery,
        body=JsonBody(ProductPatch, example={"price": "9.90", "availability": "out_of_stock"}),
        replies=(Reply(status=202, model=Accepted, description="Kept; the job says the rest."),),
        problems=(NotFound,),
        path_parameters=PRODUCT_ID,
    )
)
def patch_product(services: Services, call: Call[NoQuery, ProductPatch]) -> Accepted:
    """What is left out stays; `attributes` are replaced as a whole.

    Pictures are not embedded again.
    """
    product = _own(call)
    return services.catalog.patch(product.seller, product.sku, call.body)


@routes.serve(
    Operation(
        method="DELETE",
        path="/v1/products/{id}",
        summary="Delete a product",
        roles=SELLERS,
        query=NoQuery,
        body=NoBody(),
        replies=(Reply(status=202, model=JobRef, description="Deleted; the job says the rest."),),
        problems=(NotFound,),
        path_parameters=PRODUCT_ID,
    )
)
def delete_product(services: Services, call: Call[NoQuery, None]) -> JobRef:
    """It is gone from every answer when the job is done."""
    product = _own(call)
    return JobRef(job=services.catalog.delete(product.seller, product.sku))


@routes.serve(
    Operation(
        method="GET",
        path="/v1/products/{id}",
        summary="Read a product",
        roles=EVERY_ROLE,
        query=NoQuery,
        body=NoBody(),
        replies=(Reply(model=ProductOut, description="With every picture's state and URL."),),
        problems=(NotFound,),
        path_parameters=PRODUCT_ID,
    )
)
def get_product(services: Services, call: Call[NoQuery, None]) -> ProductOut:
    """Every role may read every product."""
    return services.catalog.get(call.path["id"])


@routes.serve(
    Operation(
        method="GET",
        path="/v1/products",
        summary="List products",
        roles=EVERY_ROLE,
        query=ListQuery,
        body=NoBody(),
        replies=(Reply(model=ProductPage, description="One page, oldest first."),),
    )
)
def list_products(services: Services, call: Call[ListQuery, None]) -> ProductPage:
    """Go on with `next_cursor` until there is none."""
    query = call.query
    return services.catalog.page(
        cursor=query.cursor or None, limit=query.limit, seller=query.seller
    )


def _own(call: Call[BaseModel, object]) -> ProductId:
    product = parse_product_id(call.path["id"])
    call.caller.require_seller(product.seller)
    return product
