"""The slots that events are of, with all that counting and billing them needs."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import text

from vitrine.ads.books import Charge, charge_key
from vitrine.ads.days import local_day
from vitrine.db import Reads

# A visitor who logged in is their user, also where the ad was shown to the visitor.
_SLOTS = text(
    """
    select ad_slots.decision, ad_slots.position, ad_slots.campaign_id, ad_slots.creative_id,
        campaigns.slug as campaign, creatives.slug as creative, ad_slots.person_id, ad_slots.placement, ad_slots.event,
        ad_slots.price_micros, campaigns.time_zone, exists (
            select from advertiser_members
            where advertiser_members.advertiser_id = campaigns.advertiser_id
              and advertiser_members.person_id in (
                ad_slots.person_id,
                (select user_id from logins where anonymous_id = ad_slots.person_id)
              )
        ) as of_member
    from unnest(cast(:decisions as text[]), cast(:positions as smallint[])) as asked(decision, position)
    join ad_slots on (ad_slots.decision, ad_slots.position) = (asked.decision, asked.position)
    join campaigns on campaigns.id = ad_slots.campaign_id
    join creatives on creatives.id = ad_slots.creative_id
    """  # noqa: E501
)


@dataclass(frozen=True, slots=True)
class Slot:
    """An ad that was shown. `of_member`: to somebody of the advertiser.

    `event` is what it pays for, and `price_micros` what one costs.
    """

    decision: str
    position: int
    campaign_id: int
    creative_id: int
    campaign: str
    creative: str
    person_id: int | None
    placement: str
    event: str
    price_micros: int
    time_zone: str
    of_member: bool

    def charge(self, at: datetime, amount_micros: int, conversion_id: int | None = None) -> Charge:
        """What its event costs, on the campaign's day at that moment."""
        return Charge(
            key=charge_key(self.decision, self.position, self.event, conversion_id),
            event=self.event,
            campaign_id=self.campaign_id,
            creative_id=self.creative_id,
            placement=self.placement,
            decision=self.decision,
            position=self.position,
            amount_micros=amount_micros,
            at=at,
            day=self.day(at),
        )

    def day(self, at: datetime) -> date:
        """The campaign's day."""
        return local_day(at, self.time_zone)


def read_slots(reads: Reads, wanted: Iterable[tuple[str, int]]) -> dict[tuple[str, int], Slot]:
    """Read slots by decision and position; those that are not there are left out."""
    pairs = sorted(set(wanted))
    values = {"decisions": [each for each, _ in pairs], "positions": [each for _, each in pairs]}
    rows = reads.execute(_SLOTS, values) if pairs else ()
    return {(row.decision, row.position): Slot(**row._mapping) for row in rows}
