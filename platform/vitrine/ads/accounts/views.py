"""Campaigns and creatives as the wire models that everyone reads."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from vitrine.ads.accounts.pictures import CREATIVE, EXAMPLE, picture_out, pictures_of
from vitrine.ads.accounts.status import spent_today, status
from vitrine.ads.models import ARCHIVED, Budget, Campaign, Control, Creative
from vitrine.catalog.models import IN_STOCK, SEARCHABLE, CreativeImage
from vitrine.wire.campaigns import AdImage, CampaignOut
from vitrine.wire.creatives import CreativeOut

_OF_CAMPAIGNS = (
    *("name", "state", "time_zone", "starts_on", "ends_on"),
    *("total_budget_micros", "daily_budget_micros", "bid_type", "bid_micros"),
    *("lowest_bid_micros", "highest_bid_micros", "target_cost_micros", "pacing", "caps"),
    *("targeting", "exclusions", "reserve_micros", "click_days", "view_days"),
    *("version", "created_at", "updated_at"),
)
_OF_CREATIVES = (
    *("state", "title", "text", "call_to_action", "landing_url", "category"),
    *("version", "created_at", "updated_at"),
)

# Those whose product can be ordered and, unless they are found by a picture of their own, is found.
_DRAWING = text(
    """
    select creatives.id from creatives
    join products on (products.seller_id, products.sku) = (creatives.seller_id, creatives.sku)
    where creatives.id = any(cast(:ids as bigint[]))
      and products.availability = any(cast(:in_stock as text[]))
      and (
          creatives.id = any(cast(:pictured as bigint[]))
          or exists (
              select from product_images
              where product_id = products.id and product_images.state = 'searchable'
          )
      )
    """
)


def campaigns_out(
    session: Session, campaigns: Sequence[Campaign], now: datetime
) -> list[CampaignOut]:
    """Campaigns with how they stand."""
    ids = [one.id for one in campaigns]
    budgets = {
        one.campaign_id: one
        for one in session.scalars(select(Budget).where(Budget.campaign_id.in_(ids)))
    }
    controls = {
        one.campaign_id: one
        for one in session.scalars(select(Control).where(Control.campaign_id.in_(ids)))
    }
    examples = pictures_of(session, EXAMPLE, ids)
    return [
        _campaign_out(
            one,
            budgets[one.id],
            controls[one.id],
            [picture_out(use) for use in examples[one.id]],
            now,
        )
        for one in campaigns
    ]


def _campaign_out(
    campaign: Campaign,
    budget: Budget,
    control: Control,
    examples: list[AdImage],
    now: datetime,
) -> CampaignOut:
    return CampaignOut.model_validate(
        {
            **{name: getattr(campaign, name) for name in _OF_CAMPAIGNS},
            "id": campaign.slug,
            "advertiser": campaign.advertiser_id,
            "status": status(campaign, budget, now),
            "spent_micros": budget.spent_micros,
            "spent_today_micros": spent_today(campaign, budget, now),
            "bid_now_micros": min(
                control.bid_micros or campaign.bid_micros,
                campaign.highest_bid_micros or campaign.bid_micros,
            ),
            "pace": control.pace if campaign.pacing == "even" else 1.0,
            "examples": examples,
        }
    )


def creatives_out(session: Session, creatives: Sequence[Creative]) -> list[CreativeOut]:
    """Creatives with their pictures."""
    ids = [one.id for one in creatives]
    slugs = _slugs(session, {one.campaign_id for one in creatives})
    pictures = {id_: uses[0] for id_, uses in pictures_of(session, CREATIVE, ids).items() if uses}
    found = {id_ for id_, use in pictures.items() if use.state == SEARCHABLE}
    values = {"ids": ids, "pictured": sorted(found), "in_stock": sorted(IN_STOCK)}
    drawing = set(session.scalars(_DRAWING, values))
    return [
        _creative_out(
            one,
            slugs[one.campaign_id],
            pictures.get(one.id),
            found=one.id in (found if one.sku is None else drawing),
        )
        for one in creatives
    ]


def _slugs(session: Session, campaigns: Iterable[int]) -> Mapping[int, str]:
    wanted = select(Campaign.id, Campaign.slug).where(Campaign.id.in_(campaigns))
    return {row.id: row.slug for row in session.execute(wanted)}


def _creative_out(
    creative: Creative, campaign: str, picture: CreativeImage | None, *, found: bool
) -> CreativeOut:
    return CreativeOut.model_validate(
        {
            **{name: getattr(creative, name) for name in _OF_CREATIVES},
            "id": creative.slug,
            "campaign": campaign,
            "product_id": None if creative.sku is None else f"{creative.seller_id}:{creative.sku}",
            "image": None if picture is None else picture_out(picture),
            "ready": found and creative.state != ARCHIVED,
        }
    )
