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
K = TypeVar("K", tuple[int, int], str)

# A kilobyte each.
MOST_KEPT = 20_000
# A product may get another first picture, which its creatives draw on.
KEPT_SECONDS = 60.0
# A vector that is not there yet may be in a moment.
MISSED_SECONDS = 1.0


class CreativeVectors:
    """Reads vectors by creative id and by content id; safe to share between threads."""

    def __init__(self, sessions: Sessions, *, most: int = MOST_KEPT) -> None:
        self._sessions = sessions
        self._most = most
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[str, tuple[int, int] | str], tuple[float, Vector | None]]
        self._kept = OrderedDict()

    def of_creatives(self, versions: Mapping[int, int], model: str) -> dict[int, Vector]:
        """Read the vector [d] of each creative that has one of this model (its digest).

        `versions` are those of the creatives: with another picture it is another one.
        """
        found = self._read(model, versions.items(), _read_creatives)
        return {id_: vector for (id_, _), vector in found.items()}

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
            self._keep(model, missing, fresh, now)
        return found

    def _keep(self, model: str, keys: Sequence[K], vectors: Mapping[K, Vector], now: float) -> None:
        with self._lock:
            for key in keys:
                seconds = KEPT_SECONDS if key in vectors else MISSED_SECONDS
                self._kept[model, key] = (now + seconds, vectors.get(key))
                self._kept.move_to_end((model, key))
            while len(self._kept) > self._most:
                self._kept.popitem(last=False)


def _read_creatives(
    session: Session, versions: Sequence[tuple[int, int]], model: str
) -> dict[tuple[int, int], Vector]:
    rows = read_creative_rows(session, [id_ for id_, _ in versions], model)
    return {key: rows[key[0]].embedding for key in versions if key[0] in rows}


def _read_pictures(session: Session, cids: Sequence[str], model: str) -> dict[str, Vector]:
    rows = session.execute(
        select(Embedding.cid, Embedding.vector).where(
            Embedding.cid.in_(cids), Embedding.model == model
        )
    )
    return {row.cid: unpack(row.vector) for row in rows}
