"""Give money back: a refund is one more entry of the ledger, and the charge stays as it is."""

from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

from vitrine.ads.models import CHARGE, REFUND
from vitrine.errors import Conflict, Invalid, NotFound
from vitrine.wire.ad_events import RefundIn

_CHARGE = text("select id, kind, campaign_id, amount_micros, day from ledger where id = :id")
# Whoever holds this row is alone with the money of the campaign.
_LOCK = text("select from budgets where campaign_id = :campaign for update")
_GIVEN_BACK = text("select coalesce(-sum(amount_micros), 0) from ledger where refunds = :charge")
_BOOK = text(
    """
    insert into ledger (
        at, key, kind, event, campaign_id, creative_id, placement, decision, position,
        amount_micros, day, refunds, note
    )
    select :at, :key, 'refund', event, campaign_id, creative_id, placement, decision,
        position, -cast(:amount as bigint), day, id, :note
    from ledger where id = :charge
    on conflict (key) do nothing
    returning id
    """
)
# What was charged on another day leaves the budget of this one as it is.
_LOWER = text(
    """
    update budgets set
        spent_micros = spent_micros - :amount,
        day_spent_micros = day_spent_micros - case when day = :day then :amount else 0 end,
        version = version + 1,
        updated_at = clock_timestamp()
    where campaign_id = :campaign
    """
)
_BOOKED = text("select id, refunds, amount_micros, note from ledger where key = :key")


def refund(session: Session, wanted: RefundIn, *, at: datetime) -> int:
    """Book a refund in the caller's transaction; the same again answers the same entry's id.

    Raises NotFound for a charge that is not there, Invalid for more than is left of it, Conflict
    where nothing is left or the id is that of another refund.
    """
    charge = session.execute(_CHARGE, {"id": wanted.charge}).one_or_none()
    if charge is None or charge.kind != CHARGE:
        raise NotFound(
            f"The ledger has no charge {wanted.charge}; `GET /v1/campaigns/{{campaign}}/ledger` "
            "lists them with their ids."
        )
    session.execute(_LOCK, {"campaign": charge.campaign_id})
    key = f"{REFUND}:{wanted.refund_id}"
    if (known := _booked(session, key, wanted)) is not None:
        return known
    left = charge.amount_micros - int(
        session.execute(_GIVEN_BACK, {"charge": charge.id}).scalar_one()
    )
    amount = left if wanted.amount_micros is None else wanted.amount_micros
    if left == 0:
        raise Conflict(f"All of charge {charge.id} has been given back already.")
    if amount > left:
        detail = f"is more than the {left} micros that are left of charge {charge.id}"
        raise Invalid(
            f"The refund cannot be booked: `/amount_micros` {detail}.",
            errors=[{"pointer": "/amount_micros", "detail": detail}],
        )
    values = {"at": at, "key": key, "amount": amount, "charge": charge.id, "note": wanted.note}
    booked = session.execute(_BOOK, values).scalar_one_or_none()
    if booked is None:
        # Another campaign's refund took the id this very moment.
        known = _booked(session, key, wanted)
        assert known is not None
        return known
    session.execute(_LOWER, {"amount": amount, "day": charge.day, "campaign": charge.campaign_id})
    return int(booked)


def _booked(session: Session, key: str, wanted: RefundIn) -> int | None:
    """Find the refund that has this id; raises Conflict if it says something else."""
    row = session.execute(_BOOKED, {"key": key}).one_or_none()
    if row is None:
        return None
    said = (row.refunds, row.note)
    if said != (wanted.charge, wanted.note) or wanted.amount_micros not in {
        None,
        -row.amount_micros,
    }:
        raise Conflict(
            f"The refund {wanted.refund_id!r} was booked already, as {-row.amount_micros} micros "
            f"of charge {row.refunds}; give another one an id of its own."
        )
    return int(row.id)
