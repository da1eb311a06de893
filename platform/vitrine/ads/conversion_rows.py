"""A conversion in PostgreSQL: its row, the parts of the ads that led to it, and what they cost."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import text
from sqlalchemy.orm import Session

from vitrine.ads.asks import Standing
from vitrine.ads.attribution import Part
from vitrine.ads.books import settle
from vitrine.ads.models import CONVERSION
from vitrine.ads.slots import Slot
from vitrine.wire.ad_events import AttributionOut

Model = Literal["last_touch", "position_based"]
Parts = Sequence[tuple[Slot, Part]]

_CONVERSION = text(
    """
    insert into conversions (key, at, value_micros, person_id, invalid)
    values (:key, :at, :value_micros, :person_id, :invalid)
    on conflict (key) do nothing returning id
    """
)
_ATTRIBUTIONS = text(
    """
    insert into attributions (
        conversion_id, decision, position, at, campaign_id, creative_id, placement, touch,
        last_touch, position_based
    )
    values (
        :conversion, :decision, :position, :at, :campaign_id, :creative_id, :placement, :touch,
        :last_touch, :position_based
    )
    """
)
_EVENT = text(
    """
    insert into ad_events (
        decision, position, kind, at, campaign_id, creative_id, person_id, placement
    )
    select decision, position, 'conversion', :at, campaign_id, creative_id, person_id, placement
    from ad_slots where (decision, position) = (:decision, :position)
    on conflict (decision, position, kind) do nothing
    """
)
# Several orders may come of one slot; its event adds up what they cost.
_BILLED = text(
    """
    update ad_events
    set billed_micros = billed_micros + :billed, unbilled = coalesce(:unbilled, unbilled)
    where (decision, position, kind) = (:decision, :position, 'conversion')
    """
)
_TOLD = text(
    """
    select campaigns.slug as campaign, creatives.slug as creative, attributions.decision,
        attributions.position, touch, last_touch, position_based,
        coalesce(ledger.amount_micros, 0) as billed
    from conversions
    join attributions on attributions.conversion_id = conversions.id
    join campaigns on campaigns.id = attributions.campaign_id
    join creatives on creatives.id = attributions.creative_id
    left join ledger on ledger.key = concat_ws(
        ':', 'charge', attributions.decision, attributions.position, 'conversion', conversions.id
    )
    where conversions.key = :key and not (:known and conversions.person_id is null)
    order by last_touch desc, position_based desc, attributions.decision, attributions.position
    """
)


@dataclass(frozen=True, slots=True)
class ConversionRow:
    """What is kept of a conversion; `key` is a keyed digest of the shop's order id."""

    key: str
    at: datetime
    value_micros: int
    person_id: int | None
    invalid: str | None


def insert(session: Session, row: ConversionRow) -> int | None:
    """Write it down and return its id; None if the order is known."""
    values = {name: getattr(row, name) for name in ConversionRow.__slots__}
    found: int | None = session.execute(_CONVERSION, values).scalar_one_or_none()
    return found


def insert_parts(session: Session, id_: int, at: datetime, parts: Parts) -> None:
    """Write down the part of each ad."""
    if parts:
        session.execute(
            _ATTRIBUTIONS,
            [
                {
                    "conversion": id_,
                    "decision": slot.decision,
                    "position": slot.position,
                    "at": at,
                    "campaign_id": slot.campaign_id,
                    "creative_id": slot.creative_id,
                    "placement": slot.placement,
                    "touch": part.touch.kind,
                    "last_touch": float(part.last_touch),
                    "position_based": float(part.position_based),
                }
                for slot, part in parts
            ],
        )


def bill(
    session: Session, id_: int, now: datetime, parts: Parts, model: Model
) -> list[tuple[Slot, Standing]]:
    """Charge the ads that are paid for by conversions, each its part, rounded down.

    Says how the campaigns stand then, for each slot that was to be charged.
    """
    costs = {
        slot: int(slot.price_micros * getattr(part, model)) if slot.event == CONVERSION else 0
        for slot, part in parts
    }
    # What is charged has its event, also where another ad has the last touch.
    counted = [slot for slot, part in parts if part.last_touch == 1 or costs[slot]]
    for slot in sorted(counted, key=_key):
        values = {"at": now, "decision": slot.decision, "position": slot.position}
        session.execute(_EVENT, values)
    settlements = []
    # Budgets are locked in the order of their campaigns.
    for slot in sorted(counted, key=lambda one: (one.campaign_id, _key(one))):
        if costs[slot]:
            settled = settle(session, slot.charge(now, costs[slot], id_))
            values = {
                "billed": 0 if settled.refused else costs[slot],
                "unbilled": settled.refused,
                "decision": slot.decision,
                "position": slot.position,
            }
            session.execute(_BILLED, values)
            settlements.append((slot, settled.standing))
    return settlements


def _key(slot: Slot) -> tuple[str, int]:
    return slot.decision, slot.position


def read_parts(session: Session, key: str, *, known: bool) -> tuple[list[AttributionOut], int]:
    """Read the parts of a conversion, the largest first, and what was charged for them.

    Nothing is read of one that was `known` before and is of nobody: whose it was may be erased.
    """
    rows = session.execute(_TOLD, {"key": key, "known": known}).all()
    return [AttributionOut.model_validate(row) for row in rows], sum(row.billed for row in rows)
