"""Search: products by photo, by words, by both, or like another product."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field
from pydantic.json_schema import SkipJsonSchema

from vitrine.api.auth import STOREFRONTS
from vitrine.api.bodies import NoBody, Upload, UploadBody, parse_json
from vitrine.api.operations import Call, NoQuery, Operation, Reply, Routes
from vitrine.api.photos import base64_room, read_base64
from vitrine.api.products import PRODUCT_ID
from vitrine.api.queries import JsonText
from vitrine.api.services import Services
from vitrine.errors import Conflict, FilterInvalid, ImageRejected, Invalid, Malformed, NotFound
from vitrine.retrieval import filters
from vitrine.search.service import SearchRequest
from vitrine.settings import Settings
from vitrine.wire import (
    DEFAULT_LIMIT,
    MAX_LIMIT,
    MAX_PHOTOS,
    SearchBody,
    SearchQuery,
    SearchResponse,
)
from vitrine.wire.base import without_null_defaults

routes = Routes("Search")

_QUERY = {"filter": {"category": "home/kitchen", "price": {"lt": 50}, "in_stock": True}}
_FOUND = Reply(model=SearchResponse, description="Best first, one slot a product.")


class SimilarQuery(BaseModel):
    """How many, and which of them."""

    model_config = ConfigDict(extra="forbid", json_schema_extra=without_null_defaults)

    limit: Annotated[int, Field(ge=1, le=MAX_LIMIT, description="Most results wanted.")] = (
        DEFAULT_LIMIT
    )
    filter: JsonText | SkipJsonSchema[None] = Field(
        None,
        description="A filter as JSON, as in `POST /v1/search`.",
        examples=[{"in_stock": True}],
    )


@routes.serve(
    Operation(
        method="POST",
        path="/v1/search",
        summary="Find products by a photo, by words, or by both",
        roles=STOREFRONTS,
        query=NoQuery,
        body=UploadBody(
            part="query",
            part_model=SearchQuery,
            part_required=False,
            files="image",
            most_files=lambda settings: MAX_PHOTOS,
            json=SearchBody,
            json_room=base64_room,
            example={**_QUERY, "text": "blue", "limit": 10},
            json_example={"text": "blue mug", **_QUERY, "limit": 10, "facets": ["brand", "price"]},
        ),
        replies=(_FOUND,),
        problems=(ImageRejected, FilterInvalid, NotFound, Conflict),
    )
)
def search(services: Services, call: Call[NoQuery, Upload[SearchQuery]]) -> SearchResponse:
    """Send a form with the photo as `image` (and, if wanted, a `query` part with JSON).

    Or send JSON alone: with `text`, with the photo as `image_base64` or by the `upload_id` of one
    that was sent before, with a `product_id`, or with `more_like`. Words go with any of them.
    Several photos are of one thing.
    """
    query = call.body.model
    _filter(query.filter)
    request = SearchRequest(photos=_photos(call.body, services.settings), query=query)
    return services.search.search(request, key_id=call.caller.key_id)


@routes.serve(
    Operation(
        method="GET",
        path="/v1/products/{id}/similar",
        summary="Find products that look like this one",
        roles=STOREFRONTS,
        query=SimilarQuery,
        body=NoBody(),
        replies=(_FOUND,),
        problems=(FilterInvalid, NotFound, Conflict),
        path_parameters=PRODUCT_ID,
    )
)
def similar_products(services: Services, call: Call[SimilarQuery, None]) -> SearchResponse:
    """From the stored vector of its first picture; the product itself is not among them."""
    return services.search.similar(
        call.path["id"],
        key_id=call.caller.key_id,
        filter=_filter(_filter_in(call.query)),
        limit=call.query.limit,
    )


def _filter_in(query: SimilarQuery) -> Any:
    if query.filter is None:
        return None
    try:
        return parse_json(query.filter.encode(), "The filter")
    except Malformed as error:
        raise _no_filter(str(error)) from None


def _filter(given: Any) -> dict[str, Any] | None:
    """Refuse what is no object; what an object may say, the search knows."""
    if given is None or isinstance(given, dict):
        return given
    raise _no_filter(filters.NO_OBJECT)


def _no_filter(detail: str) -> FilterInvalid:
    return FilterInvalid(detail, errors=[{"pointer": "/filter", "detail": detail}])


def _photos(upload: Upload[SearchQuery], settings: Settings) -> tuple[bytes, ...]:
    """The bytes of the photos that the request brought along, if any."""
    query = upload.model
    encoded = query.image_base64 if isinstance(query, SearchBody) else None
    if encoded is None:
        found = tuple(upload.files or ())
    else:
        named = (
            [("/image_base64", encoded)]
            if isinstance(encoded, str)
            else [(f"/image_base64/{at}", one) for at, one in enumerate(encoded)]
        )
        found = tuple(read_base64(one, pointer, settings) for pointer, one in named)
    if found and query.upload_id is not None:
        raise Invalid("Send a photo or an `upload_id`, not both.")
    if found and query.cursor is not None:
        raise Invalid("A `cursor` stands for the whole question: leave out the photo.")
    return found
