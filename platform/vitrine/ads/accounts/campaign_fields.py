"""The fields of a campaign: as they are sent, as they are stored, and which may change when."""

from collections.abc import Collection, Mapping
from datetime import date
from typing import Any

from vitrine.ads.models import Campaign
from vitrine.errors import Conflict, Invalid
from vitrine.wire import read
from vitrine.wire.campaigns import CampaignIn

BUDGETS = frozenset({"total_budget_micros", "daily_budget_micros"})
BIDS = frozenset(
    {"bid_type", "bid_micros", "lowest_bid_micros", "highest_bid_micros", "target_cost_micros"}
)
# The ledger counts by days of this zone, and for what this pays for.
FIXED_BY_CHARGES = frozenset({"time_zone", "bid_type", "starts_on"})
_JSON = {"caps", "targeting", "exclusions"}
_NOT_STORED = {"advertiser", "clear_examples"}


def as_stored(wanted: CampaignIn) -> dict[str, Any]:
    """The columns of a campaign with these fields."""
    plain = wanted.model_dump(exclude=_NOT_STORED | _JSON)
    written = wanted.model_dump(mode="json", include=_JSON, exclude_none=True)
    return {"advertiser_id": wanted.advertiser, **plain, **written}


def changed_by(campaign: Campaign, changes: Mapping[str, Any]) -> CampaignIn:
    """The whole campaign with some fields changed; raises Invalid that names what is wrong then."""
    stored = {
        name: getattr(campaign, name) for name in CampaignIn.model_fields.keys() - _NOT_STORED
    }
    whole = {**stored, "advertiser": campaign.advertiser_id, **changes}
    return read(CampaignIn, whole, what="The campaign with these changes")


def check_not_over(ends_on: date | None, today: date) -> None:
    """Raise Invalid if the last day of a flight is past."""
    if ends_on is not None and ends_on < today:
        detail = f"is past: it is {today} there already; choose a later day"
        raise Invalid(
            f"The campaign cannot begin any more: `/ends_on` {detail}.",
            errors=[{"pointer": "/ends_on", "detail": detail}],
        )


def check_covers(total_micros: int, spent_micros: int) -> None:
    """Raise Invalid for a total budget that is spent already, and more."""
    if total_micros < spent_micros:
        detail = f"must be at least {spent_micros}, which is spent; pause the campaign to stop it"
        raise Invalid(
            f"The budget cannot be that small: `/total_budget_micros` {detail}.",
            errors=[{"pointer": "/total_budget_micros", "detail": detail}],
        )


def check_advertiser_stays(campaign: Campaign, advertiser: str) -> None:
    """Raise Conflict if the campaign would get another advertiser."""
    if advertiser != campaign.advertiser_id:
        detail = f"is {campaign.advertiser_id} and cannot change; make another campaign"
        raise Conflict(
            f"The campaign {campaign.slug} stays as it is: `/advertiser` {detail}.",
            errors=[{"pointer": "/advertiser", "detail": detail}],
        )


def fixed(campaign: Campaign, fields: Collection[str]) -> Conflict:
    """What to raise for fields that cannot change any more, as the campaign was charged."""
    detail = "cannot change after the first charge; make another campaign"
    return Conflict(
        f"The campaign {campaign.slug} stays as it is: `/{min(fields)}` {detail}.",
        errors=[{"pointer": f"/{name}", "detail": detail} for name in sorted(fields)],
    )
