"""What is done with the ledger: read, and added to by refunds."""

from collections.abc import Callable
from datetime import datetime

from vitrine.ads.refunds import refund
from vitrine.ads.statements import ledger_page, read_entry
from vitrine.db import Readers, Sessions, again_after_deadlock
from vitrine.wire.ad_events import LedgerEntryOut, LedgerPage, RefundIn


class Accounting:
    """The ledger of one shop."""

    def __init__(
        self,
        sessions: Sessions,
        readers: Readers,
        *,
        clock: Callable[[], datetime],
    ) -> None:
        self._sessions = sessions
        self._readers = readers
        self._clock = clock

    @again_after_deadlock
    def refund(self, wanted: RefundIn) -> LedgerEntryOut:
        """Give back a charge or a part of it, once. Raises NotFound, Invalid or Conflict."""
        with self._sessions.begin() as session:
            entry_id = refund(session, wanted, at=self._clock())
            return read_entry(session, entry_id)

    def page(self, campaign: str, *, cursor: str | None = None, limit: int = 100) -> LedgerPage:
        """Read entries of a campaign, oldest first. Raises NotFound, and Invalid for no cursor."""
        with self._readers() as reads:
            return ledger_page(reads, campaign, cursor=cursor, limit=limit)
