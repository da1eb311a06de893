"""The ledger as it is read: the entries of a campaign, page by page."""

from typing import Any

from sqlalchemy import text

from vitrine.db import Reads
from vitrine.errors import Invalid, NotFound
from vitrine.wire.ad_events import LedgerEntryOut, LedgerPage

_COLUMNS = """
    select ledger.id, ledger.at, ledger.kind, ledger.event, campaigns.slug as campaign,
        creatives.slug as creative, ledger.placement, ledger.decision, ledger.position,
        ledger.amount_micros, ledger.day, ledger.refunds, ledger.note
    from ledger
    join campaigns on campaigns.id = ledger.campaign_id
    join creatives on creatives.id = ledger.creative_id
"""
_ENTRY = text(f"{_COLUMNS} where ledger.id = :id")
_SPENT = text(
    """
    select campaigns.id, spent_micros
    from campaigns join budgets on budgets.campaign_id = campaigns.id where slug = :slug
    """
)
# By id: those of one campaign are given under the lock of its budget, so that none appears later
# among those that were read.
_PAGE = text(
    f"""
    {_COLUMNS}
    where ledger.campaign_id = :campaign and ledger.id > :after
    order by ledger.id limit :limit
    """
)


def read_entry(reads: Reads, entry_id: int) -> LedgerEntryOut:
    """Read an entry that is there."""
    return _out(reads.execute(_ENTRY, {"id": entry_id}).one())


def ledger_page(reads: Reads, campaign: str, *, cursor: str | None, limit: int) -> LedgerPage:
    """Read entries of a campaign, oldest first. Raises NotFound, and Invalid for no cursor."""
    after = _read_cursor(cursor)
    found = None if "\x00" in campaign else reads.execute(_SPENT, {"slug": campaign}).one_or_none()
    if found is None:
        raise NotFound("There is no such campaign.")
    values = {"campaign": found.id, "after": after, "limit": limit + 1}
    rows = reads.execute(_PAGE, values).all()
    shown = rows[:limit]
    return LedgerPage(
        entries=[_out(row) for row in shown],
        spent_micros=found.spent_micros,
        next_cursor=str(shown[-1].id) if len(rows) > limit else None,
    )


def _out(row: Any) -> LedgerEntryOut:
    return LedgerEntryOut.model_validate(dict(row._mapping))


def _read_cursor(cursor: str | None) -> int:
    if cursor is None:
        return 0
    if not cursor.isascii() or not cursor.isdigit() or len(cursor) > 18:
        raise Invalid("This cursor was not made by this api; start again without one.")
    return int(cursor)
