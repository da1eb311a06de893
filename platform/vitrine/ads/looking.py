"""Keep the look at what is active fresh in this process.

Every api process has one and reads what changed about once a second. It proposes alone: what a
campaign may spend is decided by its row in `budgets`, and what a product costs by the catalogue.
"""

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from sqlalchemy import text

from vitrine.ads.running import Running
from vitrine.ads.running_rows import CAMPAIGNS, CREATIVES, changed
from vitrine.db import Readers

REFRESH_SECONDS = 1.0
# After a quiet time nobody is served what was seen before it.
_OLDEST_SECONDS = 3.0
# What a transaction wrote may be seen so much later than the time that it wrote down.
_OVERLAP = timedelta(seconds=60)
# The net under all that: now and then everything is read.
_WHOLE_SECONDS = 600.0


class RunningAds:
    """Keeps the look fresh; safe to share between threads."""

    def __init__(
        self,
        readers: Readers,
        *,
        refresh_seconds: float = REFRESH_SECONDS,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._readers = readers
        self._refresh_seconds = refresh_seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._seen: Running | None = None
        self._since: datetime | None = None
        self._due = 0.0
        self._whole_due = 0.0

    def now(self) -> Running:
        """What is active, about a second old and a few at most. The first look is waited for."""
        seen = self._seen
        if seen is not None and time.monotonic() < self._due:
            return seen
        is_old = seen is None or time.monotonic() > self._due + _OLDEST_SECONDS
        if not self._lock.acquire(blocking=is_old):
            assert seen is not None
            return seen
        try:
            if self._seen is None or time.monotonic() >= self._due:
                self._seen = self._look(self._seen)
                self._due = time.monotonic() + self._refresh_seconds
            return self._seen
        finally:
            self._lock.release()

    def forget(self) -> None:
        """Look again at the next question."""
        self._due = -_OLDEST_SECONDS

    def _look(self, before: Running | None) -> Running:
        whole = before is None or time.monotonic() >= self._whole_due
        waiting = (
            [] if before is None else [one.id for one in before.creatives.values() if one.waiting]
        )
        with self._readers() as reads:
            asked_at = reads.execute(text("select clock_timestamp()")).scalar_one()
            since = None if whole else self._since
            campaigns = reads.execute(CAMPAIGNS, {"since": since}).all()
            asked = {"since": since, "waiting": waiting}
            creatives = reads.execute(CREATIVES, asked).all()
        self._since = asked_at - _OVERLAP
        if whole:
            self._whole_due = time.monotonic() + _WHOLE_SECONDS
            before = Running()
        assert before is not None
        return changed(before, campaigns, creatives)
