"""Rows of what is active, as they are kept in memory."""

import sys
from dataclasses import replace
from typing import Any

from sqlalchemy import text

from vitrine.ads.counters import Standing
from vitrine.ads.days import flight_bounds
from vitrine.ads.running import Cap, RunningCampaign, RunningCreative
from vitrine.ads.targeting import compile_rules, fold_words

FROM_CAMPAIGNS = """
    from campaigns join budgets on budgets.campaign_id = campaigns.id
    left join controls on controls.campaign_id = campaigns.id
"""
FROM_CREATIVES = """
    from creatives left join creative_stats on creative_stats.creative_id = creatives.id
    left join lateral (
        select max(cid) filter (where creative_images.state = 'searchable') as cid,
            coalesce(bool_or(creative_images.state not in ('searchable', 'failed')), false) as waits
        from creative_images where kind = 'creative' and owner_id = creatives.id
    ) as own on true
"""
# When each row that it is made of was changed: the latest of them alone would hide what a longer
# transaction wrote down earlier.
CAMPAIGN_CHANGED = "array[campaigns.updated_at, budgets.updated_at, controls.updated_at]"
CREATIVE_CHANGED = "array[creatives.updated_at, creative_stats.updated_at]"
# One that ended is known for two days more, wherever they begin: nobody archives what is over.
RUNS = """(
    campaigns.state = 'active' and (ends_on is null or ends_on >= current_date - 2)
)"""
EXAMPLES = """array(
    select cid from creative_images
    where kind = 'example' and owner_id = campaigns.id and creative_images.state <> 'failed'
    order by position
)"""

CAMPAIGNS = text(
    f"""
    select campaigns.id, campaigns.slug, campaigns.version as campaign_version, advertiser_id,
        time_zone, starts_on, ends_on, bid_type,
        case when highest_bid_micros is null then campaigns.bid_micros else least(
            greatest(coalesce(controls.bid_micros, campaigns.bid_micros), lowest_bid_micros),
            highest_bid_micros
        ) end as bid_micros,
        pacing, caps, targeting, exclusions, reserve_micros,
        total_micros, daily_micros, spent_micros, day, day_spent_micros, budgets.version,
        coalesce(controls.pace, 1) as pace,
        {EXAMPLES} as examples,
        exists (
            select from creative_images where kind = 'example' and owner_id = campaigns.id
        ) as by_example,
        {CAMPAIGN_CHANGED} as changed_at
    {FROM_CAMPAIGNS}
    where campaigns.id = any(cast(:ids as bigint[])) and {RUNS}
    """  # noqa: S608 - its parts stand above
)
CREATIVES = text(
    f"""
    select creatives.id, slug, campaign_id, title, text, call_to_action, category, seller_id, sku,
        version, own.cid, coalesce(impressions, 0) as impressions, coalesce(clicks, 0) as clicks,
        coalesce(conversions, 0) as conversions, {CREATIVE_CHANGED} as changed_at
    {FROM_CREATIVES}
    where creatives.id = any(cast(:ids as bigint[])) and state = 'active'
    """
)


def campaign_of(row: Any, known: RunningCampaign | None) -> RunningCampaign:
    """Make a campaign of its row; what only its version changes is taken from the one known."""
    standing = Standing(
        campaign_id=row.id,
        version=row.version,
        total_micros=row.total_micros,
        daily_micros=row.daily_micros,
        spent_micros=row.spent_micros,
        day=row.day,
        day_spent_micros=row.day_spent_micros,
    )
    if known is not None and known.standing.version > standing.version:
        standing = known.standing
    if known is not None and known.version == row.campaign_version:
        return replace(
            known,
            bid_micros=row.bid_micros,
            pace=row.pace if row.pacing == "even" else 1.0,
            examples=tuple(row.examples),
            by_example=row.by_example,
            standing=standing,
            changed_at=tuple(row.changed_at),
        )
    begins, ends = flight_bounds(row.starts_on, row.ends_on, row.time_zone)
    keywords = row.targeting.get("keywords") or ()
    return RunningCampaign(
        id=row.id,
        slug=row.slug,
        version=row.campaign_version,
        advertiser=row.advertiser_id,
        time_zone=row.time_zone,
        begins=begins,
        ends=ends,
        bid_type=row.bid_type,
        bid_micros=row.bid_micros,
        pacing=row.pacing,
        pace=row.pace if row.pacing == "even" else 1.0,
        caps=tuple(Cap(one["per"], one["impressions"]) for one in row.caps),
        rules=compile_rules(row.targeting, row.exclusions),
        keywords=frozenset().union(*(fold_words(one) for one in keywords)),
        examples=tuple(row.examples),
        by_example=row.by_example,
        example_similarity=row.targeting.get("example_similarity") or 0.5,
        reserve_micros=row.reserve_micros,
        standing=standing,
        changed_at=tuple(row.changed_at),
    )


def creative_of(row: Any, known: RunningCreative | None) -> RunningCreative:
    """Make a creative of its row; its words are those of the one known, if its version is."""
    same = known is not None and known.version == row.version
    return RunningCreative(
        id=row.id,
        slug=row.slug,
        campaign_id=row.campaign_id,
        title=row.title,
        text=row.text,
        call_to_action=row.call_to_action,
        category=row.category,
        product=None if row.sku is None else (row.seller_id, row.sku),
        cid=row.cid,
        version=row.version,
        words=known.words if same and known else _words(f"{row.title} {row.text}"),
        impressions=row.impressions,
        clicks=row.clicks,
        conversions=row.conversions,
        changed_at=tuple(row.changed_at),
    )


def _words(text: str) -> frozenset[str]:
    # One string for all ads that have the word.
    return frozenset(map(sys.intern, fold_words(text)))
