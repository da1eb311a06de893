"""List products through the public API, as a seller would, and wait until they can be found."""

import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Protocol

from vitrine.client import ApiError, VitrineClient
from vitrine.demo.listing import Listing
from vitrine.errors import Unavailable
from vitrine.wire import JobOut

UPLOADS = 4
TRIES = 7
LONGEST_PAUSE_SECONDS = 20.0
POLL_SECONDS = 0.3
POLLED_AT_ONCE = 24
# No photo became searchable for so long: the worker is not running.
PATIENCE_SECONDS = 90.0


class Watcher(Protocol):
    """Sees the load go on: a progress bar."""

    def uploaded(self) -> None: ...

    def searchable(self) -> None: ...


@dataclass
class Report:
    """`listed` were accepted, `searchable` can be found; `failures` are (id, reason)."""

    listed: int = 0
    searchable: int = 0
    photos: int = 0
    seconds: float = 0.0
    stopped: bool = False
    stalled: bool = False
    failures: list[tuple[str, str]] = field(default_factory=list)


class Loader:
    """Loads listings with a few uploads at once. Loading the same again changes nothing."""

    def __init__(self, client: VitrineClient, watcher: Watcher) -> None:
        self._client = client
        self._watcher = watcher
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._jobs: dict[str, str] = {}
        self._report = Report()

    def load(self, listings: Sequence[Listing]) -> Report:
        """Upload, then wait; Ctrl-C ends it early and in order, and the report says so."""
        began = time.monotonic()
        with ThreadPoolExecutor(UPLOADS, thread_name_prefix="upload") as pool:
            futures = [pool.submit(self._upload, listing) for listing in listings]
            try:
                self._watch(futures)
            except KeyboardInterrupt:
                self._report.stopped = True
            finally:
                self._stop.set()
                pool.shutdown(wait=True, cancel_futures=True)
        self._report.seconds = time.monotonic() - began
        return self._report

    def _upload(self, listing: Listing) -> None:
        if self._stop.is_set():
            return
        try:
            accepted = self._put(listing)
        except (ApiError, Unavailable, OSError) as error:
            self._fail(listing.id, str(error))
            return
        if accepted is None:
            return
        with self._lock:
            self._report.listed += 1
            self._jobs[accepted.id] = listing.id
        self._watcher.uploaded()

    def _put(self, listing: Listing) -> JobOut | None:
        """Upload with retries while the platform is busy or restarting; None when told to stop."""
        pause = 0.5
        for attempt in range(1, TRIES + 1):
            try:
                return self._client.put_product(listing.id, listing.product, listing.photos).job
            except (ApiError, Unavailable) as error:
                if error.status not in {429, 503} or attempt == TRIES:
                    raise
            if self._stop.wait(pause):
                return None
            pause = min(pause * 2, LONGEST_PAUSE_SECONDS)
        return None

    def _watch(self, futures: Sequence[Future[None]]) -> None:
        """Follow the jobs until all are finished, or none of them moves any more."""
        moved = time.monotonic()
        while True:
            uploading = not all(future.done() for future in futures)
            with self._lock:
                some = list(self._jobs.items())[:POLLED_AT_ONCE]
            if not some and not uploading:
                for future in futures:
                    future.result()
                return
            finished = sum(self._look(job, listing) for job, listing in some)
            if finished or uploading:
                moved = time.monotonic()
            if time.monotonic() - moved > PATIENCE_SECONDS:
                self._report.stalled = True
                return
            if not finished:
                time.sleep(POLL_SECONDS)

    def _look(self, job_id: str, listing_id: str) -> bool:
        """Return whether a job has come to its end."""
        try:
            job = self._client.job(job_id)
        except Unavailable:
            return False
        except ApiError as error:
            if error.status == 503:
                return False
            self._finish(job_id)
            self._fail(listing_id, str(error))
            return True
        if not job.finished:
            return False
        self._finish(job_id)
        self._report.photos += job.counts.searchable
        for problem in job.errors:
            self._fail(listing_id, problem.reason)
        if job.state == "done" and not job.counts.failed:
            self._report.searchable += 1
        elif not job.errors:
            self._fail(listing_id, f"its job ended as {job.state}")
        self._watcher.searchable()
        return True

    def _finish(self, job_id: str) -> None:
        with self._lock:
            del self._jobs[job_id]

    def _fail(self, listing_id: str, reason: str) -> None:
        with self._lock:
            self._report.failures.append((listing_id, reason))
