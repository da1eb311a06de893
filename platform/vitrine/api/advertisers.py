"""Advertisers: who pays for ads."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from vitrine.api.auth import ADVERTISING
from vitrine.api.bodies import JsonBody, NoBody
from vitrine.api.operations import Call, NoQuery, Operation, PathParameter, Reply, Routes
from vitrine.api.services import Services
from vitrine.errors import NotFound
from vitrine.wire import DEFAULT_LIMIT, MAX_LIMIT
from vitrine.wire.advertisers import AdvertiserIn, AdvertiserOut, AdvertiserPage
from vitrine.wire.names import SLUG

routes = Routes("Advertisers")

ADVERTISER = {
    "advertiser": PathParameter(
        description="Its id in the ad system.", pattern=f"^{SLUG.pattern}$", example="tern"
    )
}


class PageQuery(BaseModel):
    """Which page."""

    model_config = ConfigDict(extra="forbid")

    cursor: Annotated[
        str, Field(max_length=100, description="`next_cursor` of the page before.")
    ] = ""
    limit: Annotated[int, Field(ge=1, le=MAX_LIMIT, description="Most of them wanted.")] = (
        DEFAULT_LIMIT
    )


@routes.serve(
    Operation(
        method="PUT",
        path="/v1/advertisers/{advertiser}",
        summary="Create or replace an advertiser",
        roles=ADVERTISING,
        query=NoQuery,
        body=JsonBody(AdvertiserIn, example={"name": "Tern & Co", "members": ["u-1042"]}),
        replies=(Reply(model=AdvertiserOut, description="As it is kept."),),
        path_parameters=ADVERTISER,
    )
)
def put_advertiser(services: Services, call: Call[NoQuery, AdvertiserIn]) -> AdvertiserOut:
    """`members` are user ids of people who belong to it: their clicks on its ads are marked and
    not billed."""
    return services.advertisers.put(call.path["advertiser"], call.body)


@routes.serve(
    Operation(
        method="GET",
        path="/v1/advertisers/{advertiser}",
        summary="Read an advertiser",
        roles=ADVERTISING,
        query=NoQuery,
        body=NoBody(),
        replies=(Reply(model=AdvertiserOut, description="As it is kept."),),
        problems=(NotFound,),
        path_parameters=ADVERTISER,
    )
)
def get_advertiser(services: Services, call: Call[NoQuery, None]) -> AdvertiserOut:
    """With its members, by name."""
    return services.advertisers.get(call.path["advertiser"])


@routes.serve(
    Operation(
        method="GET",
        path="/v1/advertisers",
        summary="List advertisers",
        roles=ADVERTISING,
        query=PageQuery,
        body=NoBody(),
        replies=(Reply(model=AdvertiserPage, description="One page, by id."),),
    )
)
def list_advertisers(services: Services, call: Call[PageQuery, None]) -> AdvertiserPage:
    """Go on with `next_cursor` until there is none."""
    return services.advertisers.page(cursor=call.query.cursor or None, limit=call.query.limit)
