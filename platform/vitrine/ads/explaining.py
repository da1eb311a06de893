"""An auction, explained afterwards."""

from sqlalchemy import select, text

from vitrine.ads.models import AdDecision
from vitrine.db import Readers
from vitrine.errors import NotFound
from vitrine.wire.ads import DecisionOut

_DECISION = AdDecision.__table__
_SLOTS = text(
    """
    select position, creatives.slug as creative, campaigns.slug as campaign, campaigns.bid_type,
        ad_slots.bid_micros, price_micros, expected_micros, loss,
        array(
            select kind || coalesce(' (' || coalesce(invalid, unbilled) || ')', '')
            from ad_events
            where ad_events.decision = ad_slots.decision and ad_events.position = ad_slots.position
            order by at, kind
        ) as events,
        coalesce((
            select sum(billed_micros) from ad_events
            where ad_events.decision = ad_slots.decision and ad_events.position = ad_slots.position
        ), 0) as billed_micros
    from ad_slots
    join creatives on creatives.id = ad_slots.creative_id
    join campaigns on campaigns.id = ad_slots.campaign_id
    where decision = :id
    order by position
    """
)


def explain(readers: Readers, decision_id: str) -> DecisionOut:
    """Read who took part in an auction, who was filtered by what, and prices. Raises NotFound."""
    with readers() as reads:
        row = reads.execute(select(_DECISION).where(_DECISION.c.id == decision_id)).one_or_none()
        if row is None:
            raise NotFound(
                "There is no such decision: it was never made, is too old to be kept, or went with "
                "the person whom it was made for."
            )
        slots = reads.execute(_SLOTS, {"id": decision_id}).all()
    return DecisionOut.model_validate(
        {
            "id": row.id,
            "at": row.at,
            "placement": row.placement,
            "seed": row.seed,
            "context": row.context,
            "model": row.model,
            "click_model": row.click_model,
            "slots": [one._asdict() for one in slots],
            **row.trace,
        }
    )
