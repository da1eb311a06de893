"""The vectors of creatives and of example pictures, read once and kept a while."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select
from sqlalchemy.orm import Session

from vitrine.ads.creative_rows import read_creative_rows
from vitrine.db import Sessions
from vitrine.embedding.models import Embedding
from vitrine.embedding.vectors import unpack

Vector = NDArray[np.float32]
K = TypeVar("K", int, str)

# A kilobyte each.
MOST_KEPT = 20_000
# A product may get another first picture, which its creatives draw on.
KEPT_SECONDS = 60.0


class CreativeVectors:
    """Reads vectors by creative id and by content id; safe to share between threads."""

    def __init__(self, sessions: Sessions, *, most: int = MOST_KEPT) -> None:
        self._sessions = sessions
        self._most = most
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[str, int | str], tuple[float, Vector | None]] = OrderedDict()

    def of_creatives(self, ids: Iterable[int], model: str) -> dict[int, Vector]:
        """Read the vector [d] of each creative that has one of this model (its digest)."""
        return self._read(model, ids, _read_creatives)

    def of_pictures(self, cids: Iterable[str], model: str) -> dict[str, Vector]:
        """Read the vector [d] of each picture that has one of this model, by its content id."""
        return self._read(model, cids, _read_pictures)

    def _read(
        self,
        model: str,
        keys: Iterable[K],
        read: Callable[[Session, Sequence[K], str], Mapping[K, Vector]],
    ) -> dict[K, Vector]:
        found: dict[K, Vector] = {}
        missing: list[K] = []
        now = time.monotonic()
        with self._lock:
            for key in dict.fromkeys(keys):
                until, vector = self._kept.get((model, key), (0.0, None))
                if until < now:
                    missing.append(key)
                elif vector is not None:
                    found[key] = vector
        if missing:
            with self._sessions() as session:
                fresh = read(session, missing, model)
            found |= fresh
            self._keep(model, missing, fresh, now + KEPT_SECONDS)
        return found

    def _keep(
        self, model: str, keys: Sequence[K], vectors: Mapping[K, Vector], until: float
    ) -> None:
        with self._lock:
            for key in keys:
                self._kept[model, key] = (until, vectors.get(key))
                self._kept.move_to_end((model, key))
            while len(self._kept) > self._most:
                self._kept.popitem(last=False)


def _read_creatives(session: Session, ids: Sequence[int], model: str) -> dict[int, Vector]:
    rows = read_creative_rows(session, ids, model)
    return {id_: row.embedding for id_, row in rows.items()}


def _read_pictures(session: Session, cids: Sequence[str], model: str) -> dict[str, Vector]:
    rows = session.execute(
        select(Embedding.cid, Embedding.vector).where(
            Embedding.cid.in_(cids), Embedding.model == model
        )
    )
    return {row.cid: unpack(row.vector) for row in rows}
