"""The books: what a campaign pays for is booked once, and only if its budget covers it.

Money moves in one way: a row of `budgets` is changed and an entry is added to `ledger` in one
statement, so that there is neither without the other. The row is locked until the commit, so that
every charge and refund of a campaign, and every change of its bounds, waits for the one before.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from vitrine.ads.asks import Standing
from vitrine.db import Reads

BUDGET, DAILY_BUDGET = "budget", "daily_budget"

_COLUMNS = """
    budgets.campaign_id, budgets.version, budgets.total_micros, budgets.daily_micros,
    budgets.spent_micros, budgets.day, budgets.day_spent_micros
"""
# An event that comes late by the clock of another server counts for the day that has begun.
_DAY_SPENT = "case when day >= :day then day_spent_micros else 0 end"
_SETTLE = text(
    f"""
    with paid as (
        update budgets set
            spent_micros = spent_micros + :amount_micros,
            day_spent_micros = {_DAY_SPENT} + :amount_micros,
            day = greatest(day, :day),
            version = version + 1,
            updated_at = clock_timestamp()
        where campaign_id = :campaign_id
          and spent_micros + :amount_micros <= total_micros
          and (daily_micros is null or {_DAY_SPENT} + :amount_micros <= daily_micros)
        returning {_COLUMNS}
    ),
    booked as (
        insert into ledger (
            at, key, kind, event, campaign_id, creative_id, placement, decision, position,
            amount_micros, day
        )
        select :at, :key, 'charge', :event, campaign_id, :creative_id, :placement, :decision,
            :position, :amount_micros, day
        from paid
    )
    select * from paid
    """  # noqa: S608 - its parts stand above
)
_STANDINGS = text(
    f"""
    select {_COLUMNS} from budgets where campaign_id = any(cast(:campaigns as bigint[]))
    """  # noqa: S608 - its parts stand above
)


@dataclass(frozen=True, slots=True)
class Charge:
    """What is to be paid for: one event of one slot. `key` is its own for ever.

    `at` is when the event came, and `day` the campaign's day then.
    """

    key: str
    event: str
    campaign_id: int
    creative_id: int
    placement: str
    decision: str
    position: int
    amount_micros: int
    at: datetime
    day: date


@dataclass(frozen=True, slots=True)
class Settled:
    """What came of a charge: `refused` names the budget that does not cover it, None if paid."""

    standing: Standing
    refused: str | None = None


def charge_key(decision: str, position: int, event: str, conversion_id: int | None = None) -> str:
    """Name a charge: there is one for each event of a slot, or for each of its conversions."""
    of_conversion = "" if conversion_id is None else f":{conversion_id}"
    return f"charge:{decision}:{position}:{event}{of_conversion}"


def settle(session: Session, charge: Charge) -> Settled:
    """Book a charge if the budget covers it, in the caller's transaction.

    The budget is locked until that ends. A key that is booked already ends the transaction with an
    IntegrityError: whoever may come twice is to be stopped before, as the events are by their own
    keys.
    """
    if charge.amount_micros <= 0:  # what costs nothing moves nothing
        return Settled(standings(session, [charge.campaign_id])[charge.campaign_id])
    values = {name: getattr(charge, name) for name in Charge.__slots__}
    row = session.execute(_SETTLE, values).one_or_none()
    if row is not None:
        return Settled(_standing(row))
    standing = standings(session, [charge.campaign_id])[charge.campaign_id]
    covered = standing.spent_micros + charge.amount_micros <= standing.total_micros
    return Settled(standing, DAILY_BUDGET if covered else BUDGET)


def standings(reads: Reads, campaign_ids: Iterable[int]) -> dict[int, Standing]:
    """Read how campaigns stand."""
    rows = reads.execute(_STANDINGS, {"campaigns": list(campaign_ids)})
    return {row.campaign_id: _standing(row) for row in rows}


def _standing(row: Any) -> Standing:
    return Standing(
        campaign_id=row.campaign_id,
        version=row.version,
        total_micros=row.total_micros,
        daily_micros=row.daily_micros,
        spent_micros=row.spent_micros,
        day=row.day,
        day_spent_micros=row.day_spent_micros,
    )
