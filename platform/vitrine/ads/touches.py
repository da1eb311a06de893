"""The ads that somebody saw or clicked before a conversion, in the windows of their campaigns."""

from collections.abc import Collection, Iterable
from datetime import datetime

from sqlalchemy import text

from vitrine.ads.attribution import Touch
from vitrine.db import Reads
from vitrine.wire.campaigns import MAX_WINDOW_DAYS

# Nobody is led to one order by so many.
_MOST = 1000

_TOUCHES = text(
    """
    select ad_events.decision, ad_events.position, ad_events.at,
        case ad_events.kind when 'click' then 'click' else 'view' end as kind
    from ad_events join campaigns on campaigns.id = ad_events.campaign_id
    where ad_events.kind in ('click', 'impression') and ad_events.invalid is null
      and (
        ad_events.person_id = any(cast(:people as bigint[]))
        or (ad_events.decision, ad_events.position) = (:decision, :position)
      )
      and ad_events.at <= :at
      and ad_events.at >= cast(:at as timestamptz) - interval '1 day' * :longest
      and ad_events.at >= cast(:at as timestamptz) - interval '1 day' * case ad_events.kind
        when 'click' then campaigns.click_days else campaigns.view_days
      end
    order by ad_events.at desc, ad_events.decision, ad_events.position
    limit :most
    """
)
_OWN = text(
    """
    select campaigns.id from campaigns
    join advertiser_members on advertiser_members.advertiser_id = campaigns.advertiser_id
    where campaigns.id = any(cast(:campaigns as bigint[]))
      and advertiser_members.person_id = any(cast(:people as bigint[]))
    """
)


def read_touches(
    reads: Reads, people: Collection[int], slot: tuple[str, int] | None, at: datetime
) -> list[Touch]:
    """Read the valid clicks and impressions of somebody, and those of a slot, before `at`."""
    decision, position = slot or (None, None)
    rows = reads.execute(
        _TOUCHES,
        {
            "people": list(people),
            "decision": decision,
            "position": position,
            "at": at,
            "longest": MAX_WINDOW_DAYS,
            "most": _MOST,
        },
    )
    return [Touch(row.decision, row.position, row.kind, row.at) for row in rows]


def own_campaigns(
    reads: Reads, people: Collection[int], campaigns: Iterable[int]
) -> frozenset[int]:
    """Find which of these campaigns are of an advertiser that one of these people belongs to."""
    values = {"campaigns": sorted(set(campaigns)), "people": list(people)}
    return frozenset(reads.execute(_OWN, values).scalars())
