"""The pictures of all creatives that are active, kept in memory while they are few enough.

To compare with some thousand vectors takes a millisecond or two, and to ask the index far longer.
So the index is asked where there are more, and until these are read.
"""

import threading
import time
from collections.abc import Mapping
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from vitrine.ads.creative_rows import read_creative_rows, read_creative_scalars
from vitrine.ads.keeping import Background
from vitrine.ads.pictures import Pictures
from vitrine.ads.running import Running
from vitrine.db import Sessions

# About twenty megabytes in each api process.
MOST_HUNG = 20_000
# So soon a creative is found by a picture that came after it.
_ABSENT_SECONDS = 2.0
# A product may get another first picture, which its creatives show: all are gone through again and
# again, some at a time.
_PAGE, TURN_SECONDS = 1000, 5.0


class Gallery:
    """Hangs the pictures of what is active; safe to share between threads."""

    def __init__(
        self,
        sessions: Sessions,
        background: Background,
        *,
        most: int = MOST_HUNG,
        turn_seconds: float = TURN_SECONDS,
    ) -> None:
        self._sessions = sessions
        self._background = background
        self._most = most
        self._turn_seconds = turn_seconds
        self._lock = threading.Lock()
        self._hung: Pictures | None = None
        self._arranged: tuple[int, ...] = ()
        self._looked_at = self._turned_at = 0.0
        self._turned_to = 0
        self._is_forgotten = False

    def pictures(self, running: Running, model: str) -> Pictures | None:
        """Return what hangs there by this model, seconds old; None while nothing does."""
        if len(running.ids) > self._most:
            self._hung = None
        elif self._is_forgotten:
            self._hang(running, model)
        elif self._is_due(running, model):
            self._background((id(self), "hang"), lambda: self._hang(running, model))
        hung = self._hung
        return hung if hung is not None and hung.model == model else None

    def vectors(self, versions: Mapping[int, int], model: str) -> dict[int, NDArray[np.float32]]:
        """Return the vector [d] of each creative that hangs here in this version."""
        hung = self._hung
        if hung is None or hung.model != model:
            return {}
        rows, vectors, known = hung.rows, hung.vectors, hung.versions
        return {
            id_: vectors[rows[id_]]
            for id_, version in versions.items()
            if id_ in rows and known[id_] == version
        }

    def forget(self) -> None:
        """Look for new pictures at the next question, which waits for it."""
        self._is_forgotten = True

    def _is_due(self, running: Running, model: str) -> bool:
        hung, now = self._hung, time.monotonic()
        if hung is None or hung.model != model or self._arranged is not running.ids:
            return True
        waits = bool(hung.absent) and now - self._looked_at > _ABSENT_SECONDS
        return waits or now - self._turned_at > self._turn_seconds

    def _hang(self, running: Running, model: str) -> None:
        with self._lock:
            was_forgotten, self._is_forgotten = self._is_forgotten, False
            before, now = self._hung, time.monotonic()
            if before is None or before.model != model:
                before, self._turned_at = Pictures.none(model), now
            wanted = {id_: running.creatives[id_].version for id_ in running.ids}
            new = {id_ for id_, version in wanted.items() if before.versions.get(id_) != version}
            if was_forgotten or now - self._looked_at > _ABSENT_SECONDS:
                new |= before.absent & wanted.keys()
                self._looked_at = now
            if now - self._turned_at > self._turn_seconds:
                new |= self._turned(before) & wanted.keys()
                self._turned_at = now
            if new or before.versions.keys() != wanted.keys() or self._hung is None:
                self._hung = self._rehung(before, wanted, new)
            self._arranged = running.ids

    def _turned(self, before: Pictures) -> set[int]:
        """Find which of the next page show another picture by now, or none."""
        after, model = self._turned_to, before.model
        with self._sessions() as session:
            page = read_creative_scalars(session, model, after=after, limit=_PAGE)
        last = page[-1].id if len(page) == _PAGE else None
        self._turned_to = last or 0
        shown = {one.id: one.cid for one in page}
        hung = (id_ for id_ in before.cids if id_ > after and (last is None or id_ <= last))
        return {id_ for id_ in {*shown, *hung} if before.cids.get(id_) != shown.get(id_)}

    def _rehung(self, before: Pictures, wanted: Mapping[int, int], new: set[int]) -> Pictures:
        """Read those that are new, and hang them among those that stay."""
        vectors = {id_: before.vectors[before.rows[id_]] for id_ in before.rows if id_ in wanted}
        cids = {id_: before.cids[id_] for id_ in vectors}
        left = iter(sorted(new))
        while some := list(islice(left, _PAGE)):
            with self._sessions() as session:
                rows = read_creative_rows(session, some, before.model)
            for id_ in some:
                if id_ in rows:
                    vectors[id_], cids[id_] = rows[id_].embedding, rows[id_].cid
                elif id_ in vectors:
                    del vectors[id_], cids[id_]
        if not vectors:
            return Pictures(before.model, before.ids[:0], before.vectors[:0], wanted, {})
        ids = sorted(vectors)
        stacked = np.array([vectors[id_] for id_ in ids], np.float32)
        return Pictures(before.model, np.array(ids, np.int64), stacked, wanted, cids)
