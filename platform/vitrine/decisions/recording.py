"""Write down what is shown beside the thread that makes the answer of it, and fail it never."""

import contextvars
import threading
from concurrent.futures import Future, ThreadPoolExecutor

from sqlalchemy.exc import SQLAlchemyError

from vitrine import logs
from vitrine.db import Readers
from vitrine.decisions import shown
from vitrine.errors import VitrineError

# While a slow database lets so many answers wait, others are not written down.
_MOST_WAITING = 200
_log = logs.get(__name__)


class Recorder:
    """Writes answers; safe to share between threads."""

    def __init__(self, readers: Readers, *, threads: int = 4) -> None:
        self._readers = readers
        self._beside = ThreadPoolExecutor(threads, thread_name_prefix="decisions")
        self._room = threading.BoundedSemaphore(_MOST_WAITING)

    def record(self, answer: shown.Answer) -> "Future[None] | None":
        """Write one answer soon, within the deadline of the request; None if there is no room.

        Who cannot be written down is served all the same: the reason is in the log.
        """
        if not self._room.acquire(blocking=False):
            _log.warning("decision.not_recorded", kind=answer.kind, reason="too many wait")
            return None
        writing = self._beside.submit(contextvars.copy_context().run, self._write, answer)
        writing.add_done_callback(lambda _: self._room.release())
        return writing

    def _write(self, answer: shown.Answer) -> None:
        try:
            with self._readers() as connection:
                shown.record(connection, answer)
        except (SQLAlchemyError, VitrineError) as error:
            # Its text may quote the row.
            _log.warning("decision.not_recorded", kind=answer.kind, reason=type(error).__name__)
