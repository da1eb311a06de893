"""Advertisers, campaigns and creatives: what the ad system keeps here."""

from collections.abc import Sequence
from typing import Any

from vitrine.client.paging import Pages
from vitrine.client.request import Message, Picture, Request, call, given
from vitrine.wire import DEFAULT_LIMIT
from vitrine.wire.advertisers import AdvertiserIn, AdvertiserOut, AdvertiserPage
from vitrine.wire.campaigns import AdState, CampaignIn, CampaignOut, CampaignPage, CampaignPatch
from vitrine.wire.creatives import CreativeIn, CreativeOut, CreativePage, CreativePatch

_ADVERTISER = "/v1/advertisers/{advertiser}"
_CAMPAIGN = "/v1/campaigns/{campaign}"
_CREATIVE = "/v1/creatives/{creative}"


@call("PUT", _ADVERTISER, AdvertiserOut)
def put_advertiser(advertiser_id: str, advertiser: AdvertiserIn) -> Message:
    """Create or replace an advertiser."""
    return Message(path={"advertiser": advertiser_id}, json=advertiser.model_dump_json())


@call("GET", _ADVERTISER, AdvertiserOut)
def get_advertiser(advertiser_id: str) -> Message:
    """Read an advertiser."""
    return Message(path={"advertiser": advertiser_id})


@call("GET", "/v1/advertisers", AdvertiserPage)
def list_advertisers(cursor: str | None = None, *, limit: int = DEFAULT_LIMIT) -> Message:
    """Read one page of advertisers."""
    return Message(params=given(cursor=cursor, limit=limit))


def iter_advertisers(*, page_size: int = 100) -> Pages[AdvertiserPage, AdvertiserOut]:
    """Read all advertisers, page by page."""

    def page(cursor: str | None) -> Request[AdvertiserPage]:
        return list_advertisers(cursor, limit=page_size)

    return Pages(
        first=page(None),
        items=lambda found: found.advertisers,
        after=lambda found: page(found.next_cursor) if found.next_cursor else None,
    )


@call("PUT", _CAMPAIGN, CampaignOut)
def put_campaign(
    campaign_id: str, campaign: CampaignIn, examples: Sequence[Picture] | None = None
) -> Message:
    """Create or replace a campaign; without `examples` it keeps those that it has."""
    if examples is not None and not examples:
        raise ValueError("give at least one example, or None; `clear_examples` removes them")
    return Message(
        path={"campaign": campaign_id},
        json=campaign.model_dump_json(exclude_none=True),
        json_part="campaign",
        pictures=examples or (),
        pictures_part="examples",
    )


@call("PATCH", _CAMPAIGN, CampaignOut)
def patch_campaign(campaign_id: str, **changes: Any) -> Message:
    """Change the named fields of a campaign."""
    body = CampaignPatch(**changes).model_dump_json(exclude_unset=True)
    return Message(path={"campaign": campaign_id}, json=body)


@call("DELETE", _CAMPAIGN, CampaignOut)
def archive_campaign(campaign_id: str) -> Message:
    """End a campaign for good, and its creatives with it."""
    return Message(path={"campaign": campaign_id})


@call("GET", _CAMPAIGN, CampaignOut)
def get_campaign(campaign_id: str) -> Message:
    """Read a campaign: what it is, what it spent and what it does now."""
    return Message(path={"campaign": campaign_id})


@call("GET", "/v1/campaigns", CampaignPage)
def list_campaigns(
    cursor: str | None = None,
    *,
    limit: int = DEFAULT_LIMIT,
    advertiser: str | None = None,
    state: AdState | None = None,
) -> Message:
    """Read one page of campaigns; archived ones only with that `state`."""
    return Message(params=given(cursor=cursor, limit=limit, advertiser=advertiser, state=state))


def iter_campaigns(
    *, page_size: int = 100, advertiser: str | None = None, state: AdState | None = None
) -> Pages[CampaignPage, CampaignOut]:
    """Read all campaigns, page by page; archived ones only with that `state`."""

    def page(cursor: str | None) -> Request[CampaignPage]:
        return list_campaigns(cursor, limit=page_size, advertiser=advertiser, state=state)

    return Pages(
        first=page(None),
        items=lambda found: found.campaigns,
        after=lambda found: page(found.next_cursor) if found.next_cursor else None,
    )


@call("PUT", _CREATIVE, CreativeOut)
def put_creative(creative_id: str, creative: CreativeIn, image: Picture | None = None) -> Message:
    """Create or replace a creative; without `image` it keeps the picture that it has."""
    return Message(
        path={"creative": creative_id},
        json=creative.model_dump_json(exclude_none=True),
        json_part="creative",
        pictures=() if image is None else (image,),
        pictures_part="image",
    )


@call("PATCH", _CREATIVE, CreativeOut)
def patch_creative(creative_id: str, **changes: Any) -> Message:
    """Change the named fields of a creative."""
    body = CreativePatch(**changes).model_dump_json(exclude_unset=True)
    return Message(path={"creative": creative_id}, json=body)


@call("DELETE", _CREATIVE, CreativeOut)
def archive_creative(creative_id: str) -> Message:
    """End a creative for good."""
    return Message(path={"creative": creative_id})


@call("GET", _CREATIVE, CreativeOut)
def get_creative(creative_id: str) -> Message:
    """Read a creative."""
    return Message(path={"creative": creative_id})


@call("GET", "/v1/creatives", CreativePage)
def list_creatives(
    cursor: str | None = None,
    *,
    limit: int = DEFAULT_LIMIT,
    campaign: str | None = None,
    state: AdState | None = None,
) -> Message:
    """Read one page of creatives; archived ones only with that `state`."""
    return Message(params=given(cursor=cursor, limit=limit, campaign=campaign, state=state))


def iter_creatives(
    *, page_size: int = 100, campaign: str | None = None, state: AdState | None = None
) -> Pages[CreativePage, CreativeOut]:
    """Read all creatives, page by page; archived ones only with that `state`."""

    def page(cursor: str | None) -> Request[CreativePage]:
        return list_creatives(cursor, limit=page_size, campaign=campaign, state=state)

    return Pages(
        first=page(None),
        items=lambda found: found.creatives,
        after=lambda found: page(found.next_cursor) if found.next_cursor else None,
    )
