"""What is handed over of the ads that a person was shown, and of what they bought after them."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, text

from vitrine.db import Reads
from vitrine.decisions.people import Who
from vitrine.wire.users import ExportedAd, ExportedAdEvent, ExportedConversion

AD_PAGE = text(
    """
    select ad_slots.*, people.name as person_name, creatives.slug as creative,
        ad_decisions.context
    from ad_slots join people on people.id = ad_slots.person_id
    left join creatives on creatives.id = ad_slots.creative_id
    left join ad_decisions on ad_decisions.id = ad_slots.decision
    where ad_slots.person_id = any(cast(:ids as bigint[]))
      and (
        cast(:at as timestamptz) is null
        or (ad_slots.at, ad_slots.decision, ad_slots.position) > (:at, :key, :line)
      )
    order by ad_slots.at, ad_slots.decision, ad_slots.position limit :limit
    """
)
CONVERSION_PAGE = text(
    """
    select conversions.*, people.name as person_name from conversions
    join people on people.id = conversions.person_id
    where person_id = any(cast(:ids as bigint[]))
      and (cast(:at as timestamptz) is null or (conversions.at, conversions.key) > (:at, :key))
    order by conversions.at, conversions.key limit :limit
    """
)
_AD_EVENTS = text(
    """
    select ad_events.decision, ad_events.position, kind, at
    from unnest(cast(:decisions as text[]), cast(:positions as smallint[]))
        as shown (decision, position)
    join ad_events using (decision, position) order by at, kind
    """
)


_ADVERTISERS = text(
    """
    select advertiser_id from advertiser_members
    where person_id = any(cast(:ids as bigint[])) order by advertiser_id
    """
)


def read_advertisers(reads: Reads, who: Who) -> list[str]:
    """Read which advertisers they are a member of."""
    return list(reads.execute(_ADVERTISERS, {"ids": list(who.ids)}).scalars().unique())


def read_ads(reads: Reads, who: Who, shown: Sequence[Row[Any]]) -> list[ExportedAd]:
    """Put what came of them to ads."""
    keys = {
        "decisions": [row.decision for row in shown], "positions": [row.position for row in shown]
    }  # fmt: skip
    events: dict[tuple[str, int], list[ExportedAdEvent]] = {}
    for row in reads.execute(_AD_EVENTS, keys) if shown else ():
        of = events.setdefault((row.decision, row.position), [])
        of.append(ExportedAdEvent.model_validate(row))
    return [
        ExportedAd(
            decision=row.decision,
            position=row.position,
            at=row.at,
            client_id=None if row.person_id == who.person_id else row.person_name,
            placement=row.placement,
            creative=row.creative,
            context=row.context,
            events=events.get((row.decision, row.position), []),
        )
        for row in shown
    ]


def read_conversion(who: Who, row: Row[Any]) -> ExportedConversion:
    """Say it as it is handed over."""
    return ExportedConversion(
        at=row.at,
        client_id=None if row.person_id == who.person_id else row.person_name,
        value_micros=row.value_micros,
    )
