"""Ring a worker after a commit. A message says only that there is work of a kind.

Ringing may be lost, doubled or late: the work table is the queue and the sweep rings again. So a
ring never fails the request that rang, and never keeps it waiting for long.
"""

import threading
import time
from collections.abc import Iterable

from celery import Celery

from vitrine import logs

WORK_TASK = "vitrine.work"
QUEUE = "vitrine"
_RING_SECONDS = 1.0
_SILENCE_SECONDS = 5.0

log = logs.get(__name__)


def make_celery(redis_url: str) -> Celery:
    """A Celery application that gives up on a broker that does not answer."""
    app = Celery("vitrine", broker=redis_url, set_as_current=False)
    app.conf.update(
        task_ignore_result=True,
        task_default_queue=QUEUE,
        broker_connection_retry_on_startup=True,
        broker_connection_timeout=_RING_SECONDS,
        broker_transport_options={
            "socket_timeout": _RING_SECONDS,
            "socket_connect_timeout": _RING_SECONDS,
            # A message that a dead worker took comes back soon; it only rings.
            "visibility_timeout": 60,
        },
        task_acks_late=False,
        worker_prefetch_multiplier=1,
    )
    return app


class Doorbell:
    """Rings kinds of work; after a failure it stays silent a moment instead of making all wait."""

    def __init__(self, celery: Celery) -> None:
        self._celery = celery
        self._failed = False
        self._silent_until = 0.0
        self._probing = threading.Lock()

    def ring(self, kinds: Iterable[str]) -> bool:
        """Ring for each kind; True if the broker took it. Call it after the commit.

        The id of the request that rings goes with the message, so that logs can be followed.
        """
        if time.monotonic() < self._silent_until:
            return False
        if not self._failed:
            return self._ring(kinds)
        # One caller finds out whether the broker is back, the others do not wait for it.
        if not self._probing.acquire(blocking=False):
            return False
        try:
            return self._ring(kinds)
        finally:
            self._probing.release()

    def _ring(self, kinds: Iterable[str]) -> bool:
        request_id = logs.bound("request_id")
        try:
            for kind in kinds:
                self._celery.send_task(
                    WORK_TASK,
                    args=[kind],
                    headers={"request_id": request_id} if request_id else None,
                    retry=False,
                )
        except Exception as error:  # noqa: BLE001 - the sweep rings again; a ring may not fail a commit
            self._failed = True
            self._silent_until = time.monotonic() + _SILENCE_SECONDS
            log.warning("doorbell.unanswered", error=str(error))
            return False
        self._failed = False
        return True
