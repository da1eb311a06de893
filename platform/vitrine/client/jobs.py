"""Jobs: what a request set in motion, and when it is over."""

import time

from vitrine.client.request import Message, call
from vitrine.wire import JobOut

FIRST_POLL_SECONDS, LONGEST_POLL_SECONDS = 0.05, 1.0


@call("GET", "/v1/jobs/{id}", JobOut)
def job(job_id: str) -> Message:
    """Read where a job stands."""
    return Message(path={"id": job_id})


class Watch:
    """How long to wait for a job; asks and sleeps nothing itself."""

    def __init__(self, job_id: str, timeout: float) -> None:
        self._job_id = job_id
        self._timeout = timeout
        self._deadline = time.monotonic() + timeout
        self._pause = FIRST_POLL_SECONDS

    def pause_after(self, found: JobOut) -> float | None:
        """Seconds until the job is worth another look; None: it is over. Raises TimeoutError."""
        if found.finished:
            return None
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError(
                f"Job {self._job_id} is still {found.state} after {self._timeout:g} s "
                f"({found.counts.pending} of {found.counts.total} pending); is a worker running?"
            )
        pause = min(self._pause, left)
        self._pause = min(self._pause * 1.5, LONGEST_POLL_SECONDS)
        return pause
