"""How many events were of no slot: counted in memory, and written down every few seconds.

Anybody can send forged tokens, as many as they like. Each in a row of the database would have
everybody wait for the same few rows. What was not written down yet is lost with the process.
"""

import threading
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from vitrine import logs
from vitrine.db import Sessions
from vitrine.errors import VitrineError

WRITE_EVERY = timedelta(seconds=5)
# An hour has nine at most. While nobody can write, the oldest make room.
_REMEMBER = 900

_ADD = text(
    """
    insert into ad_unsigned (hour, kind, reason, count)
    select * from unnest(
        cast(:hours as timestamptz[]), cast(:kinds as text[]), cast(:reasons as text[]),
        cast(:counts as bigint[])
    )
    on conflict (hour, kind, reason) do update set count = ad_unsigned.count + excluded.count
    """
)
_Key = tuple[datetime, str, str]
_log = logs.get(__name__)


class UnsignedCounts:
    """Counts by hour, kind and reason; safe to share between threads."""

    def __init__(self, sessions: Sessions, *, clock: Callable[[], datetime]) -> None:
        self._sessions = sessions
        self._clock = clock
        self._counts: Counter[_Key] = Counter()
        self._written_at: datetime | None = None
        self._lock = threading.Lock()

    def add(self, refused: Iterable[tuple[str, str]]) -> None:
        """Count events by kind and reason, and write down what was counted if it is time.

        Called without any, it writes down what the ones before have left.
        """
        now = self._clock()
        hour = now.replace(minute=0, second=0, microsecond=0)
        with self._lock:
            self._counts.update((hour, kind, reason) for kind, reason in refused)
            is_new = self._written_at is None or now - self._written_at >= WRITE_EVERY
            if not self._counts or not is_new:
                return
            self._written_at = now
            counted, self._counts = self._counts, Counter()
        try:
            self._write(counted)
        except (SQLAlchemyError, VitrineError) as error:
            # Nobody's event is to fail for it.
            _log.warning("ad_unsigned.not_written", reason=type(error).__name__)
            self._keep(counted)

    def _write(self, counted: Counter[_Key]) -> None:
        # In one order by all processes.
        rows = sorted(counted.items())
        values = {
            "hours": [hour for (hour, _, _), _ in rows],
            "kinds": [kind for (_, kind, _), _ in rows],
            "reasons": [reason for (_, _, reason), _ in rows],
            "counts": [count for _, count in rows],
        }
        with self._sessions.begin() as session:
            session.execute(_ADD, values)

    def _keep(self, counted: Counter[_Key]) -> None:
        with self._lock:
            self._counts.update(counted)
            for key in sorted(self._counts)[:-_REMEMBER]:
                del self._counts[key]
