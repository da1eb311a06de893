"""Creatives: what ads look like and where they lead."""

from dataclasses import replace
from typing import Annotated

from pydantic import ConfigDict, Field
from pydantic.json_schema import SkipJsonSchema

from vitrine.api.advertisers import PageQuery
from vitrine.api.auth import ADVERTISING
from vitrine.api.bodies import JsonBody, NoBody, Upload, UploadBody
from vitrine.api.operations import Call, NoQuery, Operation, PathParameter, Reply, Routes
from vitrine.api.services import Services
from vitrine.errors import Conflict, NotFound
from vitrine.wire.base import without_null_defaults
from vitrine.wire.campaigns import AdState
from vitrine.wire.creatives import CreativeIn, CreativeOut, CreativePage, CreativePatch
from vitrine.wire.names import SLUG

routes = Routes("Creatives")

CREATIVE = {
    "creative": PathParameter(
        description="Its id in the ad system.", pattern=f"^{SLUG.pattern}$", example="blue-mug"
    )
}
_GONE = {"creative": replace(CREATIVE["creative"], example="chipped-mug")}
_EXAMPLE = {
    "campaign": "spring-mugs",
    "title": "Mugs for spring",
    "text": "Thrown by hand in the north.",
    "call_to_action": "Shop now",
    "landing_url": "https://shop.example/mugs",
    "category": "home/kitchen/mugs",
}


class ListQuery(PageQuery):
    """Which page of which creatives."""

    model_config = ConfigDict(json_schema_extra=without_null_defaults)

    campaign: (
        Annotated[str, SLUG.validator(), SLUG.schema(description="Only this campaign's.")]
        | SkipJsonSchema[None]
    ) = None
    state: (
        Annotated[
            AdState, Field(description="Only in this state; without it, all but archived ones.")
        ]
        | SkipJsonSchema[None]
    ) = None


@routes.serve(
    Operation(
        method="PUT",
        path="/v1/creatives/{creative}",
        summary="Create or replace a creative",
        roles=ADVERTISING,
        query=NoQuery,
        body=UploadBody(
            part="creative",
            part_model=CreativeIn,
            part_required=True,
            files="image",
            most_files=lambda settings: 1,
            json=CreativeIn,
            example=_EXAMPLE,
            json_example={
                "campaign": "spring-mugs",
                "landing_url": "https://shop.example/mug-1",
                "product_id": "demo:mug-1",
            },
        ),
        replies=(Reply(model=CreativeOut, description="As it is kept."),),
        problems=(Conflict,),
        path_parameters=CREATIVE,
    )
)
def put_creative(services: Services, call: Call[NoQuery, Upload[CreativeIn]]) -> CreativeOut:
    """Send a form with a `creative` part (JSON) and its picture as `image`, or plain JSON.

    A creative needs a picture or a product to draw it from; without a file it keeps the one that it
    has. A worker embeds the picture, and it is shown once it is `ready`. Its campaign never
    changes. Sending the same again changes nothing; a creative without a `state` is active.
    """
    files = call.body.files
    return services.creatives.put(
        call.path["creative"], call.body.model, files[0] if files else None
    )


@routes.serve(
    Operation(
        method="PATCH",
        path="/v1/creatives/{creative}",
        summary="Change some fields of a creative",
        roles=ADVERTISING,
        query=NoQuery,
        body=JsonBody(CreativePatch, example={"call_to_action": "See more"}),
        replies=(Reply(model=CreativeOut, description="As it is kept."),),
        problems=(NotFound, Conflict),
        path_parameters=CREATIVE,
    )
)
def patch_creative(services: Services, call: Call[NoQuery, CreativePatch]) -> CreativeOut:
    """What is left out stays; a `category` of null takes it away."""
    return services.creatives.patch(call.path["creative"], call.body)


@routes.serve(
    Operation(
        method="DELETE",
        path="/v1/creatives/{creative}",
        summary="Archive a creative",
        roles=ADVERTISING,
        query=NoQuery,
        body=NoBody(),
        replies=(Reply(model=CreativeOut, description="Archived."),),
        problems=(NotFound,),
        path_parameters=_GONE,
    )
)
def archive_creative(services: Services, call: Call[NoQuery, None]) -> CreativeOut:
    """For good. What it did stays in reports."""
    return services.creatives.archive(call.path["creative"])


@routes.serve(
    Operation(
        method="GET",
        path="/v1/creatives/{creative}",
        summary="Read a creative",
        roles=ADVERTISING,
        query=NoQuery,
        body=NoBody(),
        replies=(Reply(model=CreativeOut, description="With its picture's state and URL."),),
        problems=(NotFound,),
        path_parameters=CREATIVE,
    )
)
def get_creative(services: Services, call: Call[NoQuery, None]) -> CreativeOut:
    """Archived ones can be read, too."""
    return services.creatives.get(call.path["creative"])


@routes.serve(
    Operation(
        method="GET",
        path="/v1/creatives",
        summary="List creatives",
        roles=ADVERTISING,
        query=ListQuery,
        body=NoBody(),
        replies=(Reply(model=CreativePage, description="One page, oldest first."),),
    )
)
def list_creatives(services: Services, call: Call[ListQuery, None]) -> CreativePage:
    """Go on with `next_cursor` until there is none."""
    query = call.query
    return services.creatives.page(
        cursor=query.cursor or None, limit=query.limit, campaign=query.campaign, state=query.state
    )
