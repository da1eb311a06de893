"""Catalogue pictures at a width, from a bounded cache."""

import threading
from collections import OrderedDict

from vitrine.errors import ImageRejected, NotFound, Unavailable
from vitrine.media.decode import Limits
from vitrine.media.render import render
from vitrine.media.store import BlobStore
from vitrine.settings import MIB

# Widths snap up to one of these, so that nobody fills the cache with every width there is.
LADDER = (160, 320, 480, 640, 960, 1280, 1920)
CACHE_BYTES = 48 * MIB
# Rendering may not take the processors away from searches.
_AT_ONCE = 2
_LONGEST_WAIT_SECONDS = 10.0


def rung(width: int | None) -> int:
    """The width that is served for a wanted one; without one, the widest."""
    return next((step for step in LADDER if width is not None and step >= width), LADDER[-1])


class Renditions:
    """Renders pictures without their metadata and keeps the most recently used."""

    def __init__(self, blobs: BlobStore, limits: Limits, *, cache_bytes: int = CACHE_BYTES) -> None:
        self._blobs = blobs
        self._limits = limits
        self._cache_bytes = cache_bytes
        self._kept: OrderedDict[tuple[str, int], bytes] = OrderedDict()
        self._kept_bytes = 0
        self._lock = threading.Lock()
        self._rendering = threading.BoundedSemaphore(_AT_ONCE)

    def get(self, cid: str, width: int) -> bytes:
        """A JPEG of at most this width; raises NotFound for what cannot be shown."""
        found = self._cached((cid, width))
        if found is not None:
            return found
        if not self._rendering.acquire(timeout=_LONGEST_WAIT_SECONDS):
            raise Unavailable("Too many pictures are asked for at once; try again.")
        try:
            found = self._cached((cid, width)) or self._render(cid, width)
        finally:
            self._rendering.release()
        self._keep((cid, width), found)
        return found

    def _render(self, cid: str, width: int) -> bytes:
        try:
            return render(self._blobs.get(cid), self._limits, width=width)
        except ImageRejected as error:  # encoders, too, end in this
            raise NotFound(f"The picture {cid} cannot be shown: {error}") from error

    def _cached(self, key: tuple[str, int]) -> bytes | None:
        with self._lock:
            found = self._kept.get(key)
            if found is not None:
                self._kept.move_to_end(key)
            return found

    def _keep(self, key: tuple[str, int], data: bytes) -> None:
        with self._lock:
            self._kept_bytes += len(data) - len(self._kept.get(key, b""))
            self._kept[key] = data
            self._kept.move_to_end(key)
            while self._kept_bytes > self._cache_bytes:
                _, dropped = self._kept.popitem(last=False)
                self._kept_bytes -= len(dropped)
