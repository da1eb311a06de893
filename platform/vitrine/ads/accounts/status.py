"""What a campaign does just now: its state, its flight and its budget in one word."""

from datetime import date, datetime

from vitrine.ads.days import local_day
from vitrine.ads.models import ACTIVE, Budget, Campaign
from vitrine.wire.campaigns import CampaignStatus


def today_of(campaign: Campaign, budget: Budget, now: datetime) -> date:
    """The campaign's day, which never goes back."""
    today = local_day(now, campaign.time_zone)
    return today if budget.day is None else max(today, budget.day)


def spent_today(campaign: Campaign, budget: Budget, now: datetime) -> int:
    """What was charged on the campaign's day, in micros."""
    return budget.day_spent_micros if budget.day == today_of(campaign, budget, now) else 0


def status(campaign: Campaign, budget: Budget, now: datetime) -> CampaignStatus:
    """Say what the campaign does; a pause is told before all that would stop it too."""
    today = today_of(campaign, budget, now)
    if campaign.state != ACTIVE:
        return "paused" if campaign.state == "paused" else "archived"
    if campaign.ends_on is not None and campaign.ends_on < today:
        return "ended"
    if today < campaign.starts_on:
        return "scheduled"
    if budget.spent_micros >= budget.total_micros:
        return "spent"
    daily = budget.daily_micros
    if daily is not None and spent_today(campaign, budget, now) >= daily:
        return "day_spent"
    return "running"
