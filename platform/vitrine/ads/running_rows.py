"""The rows of what is active, read and put into what was known of it."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from sqlalchemy import text

from vitrine.ads.counters import Standing
from vitrine.ads.days import flight_bounds
from vitrine.ads.running import Cap, Running, RunningCampaign, RunningCreative, Tally
from vitrine.ads.targeting import compile_rules, fold_words

CAMPAIGNS = text(
    """
    select campaigns.id, campaigns.slug, campaigns.version as campaign_version, advertiser_id,
        campaigns.state, time_zone, starts_on, ends_on, bid_type,
        case when highest_bid_micros is null then campaigns.bid_micros else least(
            greatest(coalesce(controls.bid_micros, campaigns.bid_micros), lowest_bid_micros),
            highest_bid_micros
        ) end as bid_micros,
        pacing, caps, targeting, exclusions, reserve_micros,
        total_micros, daily_micros, spent_micros, day, day_spent_micros, budgets.version,
        coalesce(controls.pace, 1) as pace,
        array(
            select cid from creative_images
            where kind = 'example' and owner_id = campaigns.id and creative_images.state <> 'failed'
            order by position
        ) as examples,
        exists (
            select from creative_images where kind = 'example' and owner_id = campaigns.id
        ) as by_example,
        greatest(campaigns.updated_at, budgets.updated_at, controls.updated_at) as changed_at
    from campaigns join budgets on budgets.campaign_id = campaigns.id
    left join controls on controls.campaign_id = campaigns.id
    where (cast(:since as timestamptz) is null and campaigns.state = 'active')
       or campaigns.updated_at > :since or budgets.updated_at > :since
       or controls.updated_at > :since
    """
)
CREATIVES = text(
    """
    select creatives.id, slug, campaign_id, state, title, text, call_to_action, category,
        seller_id, sku, version, (
            select cid from creative_images
            where kind = 'creative' and owner_id = creatives.id
                and creative_images.state = 'searchable'
        ) as cid,
        exists (
            select from creative_images
            where kind = 'creative' and owner_id = creatives.id
                and creative_images.state in ('received', 'embedded')
        ) as waiting,
        coalesce(impressions, 0) as impressions, coalesce(clicks, 0) as clicks,
        coalesce(conversions, 0) as conversions,
        greatest(creatives.updated_at, creative_stats.updated_at) as changed_at
    from creatives left join creative_stats on creative_stats.creative_id = creatives.id
    where (cast(:since as timestamptz) is null and state = 'active')
       or creatives.updated_at > :since or creative_stats.updated_at > :since
       or creatives.id = any(cast(:waiting as bigint[]))
    """
)


def changed(before: Running, campaign_rows: Any, creative_rows: Any) -> Running:
    """Put what was read into what was known; the same again changes nothing."""
    campaigns = dict(before.campaigns)
    moved = False
    for row in campaign_rows:
        if row.state == "active":
            known = campaigns.get(row.id)
            campaigns[row.id] = _campaign(row, known)
            moved = moved or known is None or known.keywords != campaigns[row.id].keywords
        else:
            campaigns.pop(row.id, None)
    if not creative_rows and not moved:
        return replace(before, campaigns=campaigns)
    creatives = dict(before.creatives)
    touched: set[int] = set()
    for row in creative_rows:
        seen = creatives.get(row.id)
        if row.state == "active":
            creatives[row.id] = _creative(row, seen)
        else:
            creatives.pop(row.id, None)
        touched.add(row.campaign_id)
        moved = moved or seen is None or row.state != "active" or seen.version != row.version
    if not moved:
        tallies = dict(before.tallies)
        for id_ in touched:
            tallies[id_] = _tally(creatives, before.of_campaign.get(id_, ()))
        shop = _sum(tallies.values())
        return replace(before, campaigns=campaigns, creatives=creatives, tallies=tallies, shop=shop)
    return _arranged(campaigns, creatives)


def _arranged(
    campaigns: Mapping[int, RunningCampaign], creatives: Mapping[int, RunningCreative]
) -> Running:
    of_campaign: dict[int, list[int]] = {}
    by_word: dict[str, list[int]] = {}
    by_category: dict[str, list[int]] = {}
    for id_, one in creatives.items():
        of_campaign.setdefault(one.campaign_id, []).append(id_)
        campaign = campaigns.get(one.campaign_id)
        for word in one.words if campaign is None else one.words | campaign.keywords:
            by_word.setdefault(word, []).append(id_)
        if one.category is not None:
            parts = one.category.split("/")
            for end in range(1, len(parts) + 1):
                by_category.setdefault("/".join(parts[:end]), []).append(id_)
    grouped = {id_: tuple(some) for id_, some in of_campaign.items()}
    tallies = {id_: _tally(creatives, some) for id_, some in grouped.items()}
    return Running(
        campaigns=campaigns,
        creatives=creatives,
        of_campaign=grouped,
        tallies=tallies,
        shop=_sum(tallies.values()),
        by_word={word: tuple(some) for word, some in by_word.items()},
        by_category={path: tuple(some) for path, some in by_category.items()},
    )


def _tally(creatives: Mapping[int, RunningCreative], ids: tuple[int, ...]) -> Tally:
    return _sum(creatives[id_] for id_ in ids if id_ in creatives)


def _sum(counted: Iterable[RunningCreative | Tally]) -> Tally:
    some = list(counted)
    return Tally(
        sum(one.impressions for one in some),
        sum(one.clicks for one in some),
        sum(one.conversions for one in some),
    )


def _campaign(row: Any, known: RunningCampaign | None) -> RunningCampaign:
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
    )


def _creative(row: Any, known: RunningCreative | None) -> RunningCreative:
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
        waiting=row.waiting,
        version=row.version,
        words=known.words if same and known else fold_words(f"{row.title} {row.text}"),
        impressions=row.impressions,
        clicks=row.clicks,
        conversions=row.conversions,
    )
