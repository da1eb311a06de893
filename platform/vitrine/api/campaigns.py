"""Campaigns: what advertisers want shown, to whom, and for how much."""

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
from vitrine.wire.campaigns import (
    MAX_EXAMPLES,
    AdState,
    CampaignIn,
    CampaignOut,
    CampaignPage,
    CampaignPatch,
)
from vitrine.wire.names import SLUG

routes = Routes("Campaigns")

CAMPAIGN = {
    "campaign": PathParameter(
        description="Its id in the ad system.", pattern=f"^{SLUG.pattern}$", example="spring-mugs"
    )
}
_GONE = {"campaign": replace(CAMPAIGN["campaign"], example="last-spring-mugs")}
_EXAMPLE = {
    "advertiser": "tern",
    "name": "Mugs for spring",
    "time_zone": "Europe/Berlin",
    "starts_on": "2027-03-01",
    "ends_on": "2027-05-31",
    "total_budget_micros": 1_000_000_000,
    "daily_budget_micros": 20_000_000,
    "bid_type": "cpc",
    "bid_micros": 400_000,
    "caps": [{"per": "day", "impressions": 5}],
    "targeting": {"categories": ["home/kitchen"], "devices": ["mobile", "desktop"]},
}


class ListQuery(PageQuery):
    """Which page of which campaigns."""

    model_config = ConfigDict(json_schema_extra=without_null_defaults)

    advertiser: (
        Annotated[
            str, SLUG.validator(), SLUG.schema(description="Only this advertiser's campaigns.")
        ]
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
        path="/v1/campaigns/{campaign}",
        summary="Create or replace a campaign",
        roles=ADVERTISING,
        query=NoQuery,
        body=UploadBody(
            part="campaign",
            part_model=CampaignIn,
            part_required=True,
            files="examples",
            most_files=lambda settings: MAX_EXAMPLES,
            json=CampaignIn,
            example=_EXAMPLE,
            json_example=_EXAMPLE,
        ),
        replies=(Reply(model=CampaignOut, description="As it is kept."),),
        problems=(Conflict,),
        path_parameters=CAMPAIGN,
    )
)
def put_campaign(services: Services, call: Call[NoQuery, Upload[CampaignIn]]) -> CampaignOut:
    """Send a form with a `campaign` part (JSON) and example pictures as `examples` parts, or plain
    JSON.

    With example pictures it is shown only where the page, or what the person likes, looks like one
    of them. Files replace all; without any, those that are there stay. The advertiser never
    changes, and after the first charge neither do `time_zone`, `bid_type` and `starts_on`. Sending
    the same again changes nothing; a campaign without a `state` is active.
    """
    return services.campaigns.put(call.path["campaign"], call.body.model, call.body.files)


@routes.serve(
    Operation(
        method="PATCH",
        path="/v1/campaigns/{campaign}",
        summary="Change some fields of a campaign",
        roles=ADVERTISING,
        query=NoQuery,
        body=JsonBody(CampaignPatch, example={"state": "paused"}),
        replies=(Reply(model=CampaignOut, description="As it is kept."),),
        problems=(NotFound, Conflict),
        path_parameters=CAMPAIGN,
    )
)
def patch_campaign(services: Services, call: Call[NoQuery, CampaignPatch]) -> CampaignOut:
    """What is left out stays; lists and `targeting` are replaced as a whole.

    Where it may be null, null takes it away. A total budget below what is spent is refused.
    """
    return services.campaigns.patch(call.path["campaign"], call.body)


@routes.serve(
    Operation(
        method="DELETE",
        path="/v1/campaigns/{campaign}",
        summary="Archive a campaign",
        roles=ADVERTISING,
        query=NoQuery,
        body=NoBody(),
        replies=(Reply(model=CampaignOut, description="Archived."),),
        problems=(NotFound,),
        path_parameters=_GONE,
    )
)
def archive_campaign(services: Services, call: Call[NoQuery, None]) -> CampaignOut:
    """For good, with its creatives. Its reports and its ledger stay."""
    return services.campaigns.archive(call.path["campaign"])


@routes.serve(
    Operation(
        method="GET",
        path="/v1/campaigns/{campaign}",
        summary="Read a campaign",
        roles=ADVERTISING,
        query=NoQuery,
        body=NoBody(),
        replies=(Reply(model=CampaignOut, description="With what it spent and does now."),),
        problems=(NotFound,),
        path_parameters=CAMPAIGN,
    )
)
def get_campaign(services: Services, call: Call[NoQuery, None]) -> CampaignOut:
    """Archived ones can be read, too."""
    return services.campaigns.get(call.path["campaign"])


@routes.serve(
    Operation(
        method="GET",
        path="/v1/campaigns",
        summary="List campaigns",
        roles=ADVERTISING,
        query=ListQuery,
        body=NoBody(),
        replies=(Reply(model=CampaignPage, description="One page, oldest first."),),
    )
)
def list_campaigns(services: Services, call: Call[ListQuery, None]) -> CampaignPage:
    """Go on with `next_cursor` until there is none."""
    query = call.query
    return services.campaigns.page(
        cursor=query.cursor or None,
        limit=query.limit,
        advertiser=query.advertiser,
        state=query.state,
    )
