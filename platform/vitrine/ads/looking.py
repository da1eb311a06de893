"""Keep the look at what is active fresh in this process.

Every api process has one and reads what changed about once a second. It proposes alone: what a
campaign may spend is decided by its row in `budgets`, and what a product costs by the catalogue.
"""

import threading
import time
from datetime import datetime, timedelta

from sqlalchemy import text

from vitrine.ads.keeping import Background
from vitrine.ads.running import Running
from vitrine.ads.running_changes import read_all, read_changed
from vitrine.db import Readers

REFRESH_SECONDS = 1.0
# What a transaction wrote may be seen so much later than the time that it wrote down: nearly always
# by the first, and by the second for all that live so long.
_OVERLAP, _LONG = timedelta(seconds=5), timedelta(seconds=60)
_LONG_SECONDS = 10.0
# The net under all that: now and then everything is read.
_WHOLE_SECONDS = 600.0
# What could not be read whole is read whole so much later, and changes meanwhile.
_AGAIN_SECONDS = 60.0
# Until it is so much older it is read anew beside the requests. After a quiet time nobody is served
# what was seen before it.
_OLDEST_SECONDS = 1.0
_LONG_AGO = float("-inf")


class RunningAds:
    """Keeps the look fresh; safe to share between threads."""

    def __init__(
        self,
        readers: Readers,
        *,
        refresh_seconds: float = REFRESH_SECONDS,
    ) -> None:
        self._readers = readers
        # Of its own: what is active is waited for by more than what else is read beside requests.
        self._background = Background()
        self._refresh_seconds = refresh_seconds
        self._lock = threading.Lock()
        self._seen: Running | None = None
        self._read_at = self._long_at = self._whole_at = _LONG_AGO
        self._forgets = 0
        self._since: datetime | None = None

    def now(self) -> Running:
        """What is active, about a second old and two at most.

        The first look is waited for; of very many ads it takes longer than a request may, and goes
        on beside those that are told so (Unavailable).
        """
        # In this order: what is seen may get newer between the two, and not older.
        read_at, seen = self._read_at, self._seen
        age = time.monotonic() - read_at
        if seen is not None:
            if age < self._refresh_seconds:
                return seen
            if age < self._refresh_seconds + _OLDEST_SECONDS:
                self.prepare()
                return seen
        return self._background.result(self._refresh)

    def prepare(self) -> None:
        """Look again, or for the first time, beside whatever is done meanwhile."""
        self._background((id(self), "look"), self._refresh)

    def forget(self) -> None:
        """Look again at the next question."""
        self._forgets += 1
        self._read_at = _LONG_AGO

    def _refresh(self) -> Running:
        with self._lock:
            began, forgets = time.monotonic(), self._forgets
            if self._seen is None or began - self._read_at >= self._refresh_seconds:
                self._seen = self._look(self._seen, began)
                # What was to be forgotten meanwhile may be what was just read.
                self._read_at = began if forgets == self._forgets else _LONG_AGO
            return self._seen

    def _look(self, before: Running | None, now: float) -> Running:
        whole = before is None or now - self._whole_at >= _WHOLE_SECONDS
        long = now - self._long_at >= _LONG_SECONDS
        since = self._since
        with self._readers() as reads:
            asked_at: datetime = reads.execute(text("select clock_timestamp()")).scalar_one()
            if whole or before is None or since is None:
                # If it fails, only changes are looked for until it is tried again.
                self._whole_at = now - _WHOLE_SECONDS + _AGAIN_SECONDS
                found = read_all(reads, before or Running())
            else:
                found = read_changed(reads, before, since - (_LONG if long else _OVERLAP))
        self._since = asked_at
        if whole:
            self._whole_at = now
        if whole or long:
            self._long_at = now
        return found
