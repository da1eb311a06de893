"""The vectors of creatives and of pictures, read once and kept a while."""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select
from sqlalchemy.orm import Session

from vitrine.ads.creative_rows import read_creative_rows
from vitrine.ads.gallery import Gallery
from vitrine.ads.keeping import Background, Kept
from vitrine.db import Reads, Sessions
from vitrine.embedding.models import Embedding
from vitrine.embedding.vectors import unpack
from vitrine.retrieval.stored import StoredPictures, read_pictures

Vector = NDArray[np.float32]

# A kilobyte each, and a product up to twelve.
MOST_KEPT, MOST_PRODUCTS = 50_000, 10_000
# A product may get another first picture, which its creatives draw on.
KEPT_SECONDS = 60.0


class CreativeVectors:
    """Reads vectors by creative, by content id and by product; safe to share between threads."""

    def __init__(
        self,
        sessions: Sessions,
        background: Background,
        gallery: Gallery,
        *,
        most: int = MOST_KEPT,
    ) -> None:
        self._sessions = sessions
        self._gallery = gallery
        self._background = background
        self._most = most
        self._kept: dict[tuple[str, str], Kept[Any, Any]] = {}

    def of_creatives(self, versions: Mapping[int, int], model: str) -> dict[int, Vector]:
        """Read the vector [d] of each creative that has one of this model (its digest).

        `versions` are those of the creatives: with another picture it is another one.
        """
        found = self._gallery.vectors(versions, model)
        missing = [one for one in versions.items() if one[0] not in found]
        read = self._of("creatives", model).of(missing) if missing else {}
        return found | {id_: vector for (id_, _), vector in read.items()}

    def of_pictures(self, cids: Iterable[str], model: str) -> dict[str, Vector]:
        """Read the vector [d] of each picture that has one of this model, by its content id."""
        return self._of("pictures", model).of(cids)

    def of_products(self, ids: Iterable[int], model: str) -> dict[int, StoredPictures]:
        """Read the pictures of each product that have a vector of this model."""
        return self._of("products", model).of(ids)

    def _of(self, kind: str, model: str) -> Kept[Any, Any]:
        known = self._kept.get((kind, model))
        if known is None:
            read: Callable[[Session, Collection[Any], str], Mapping[Any, Any]] = _READ[kind]

            def read_all(keys: Collection[Any]) -> Mapping[Any, Any]:
                with self._sessions() as session:
                    return read(session, keys, model)

            most = min(self._most, MOST_PRODUCTS) if kind == "products" else self._most
            fresh = Kept(read_all, self._background, seconds=KEPT_SECONDS, most=most)
            for of_model in {key[1] for key in list(self._kept)} - {model}:
                self._kept.pop((kind, of_model), None)
            # Of two threads the first one's stays.
            known = self._kept.setdefault((kind, model), fresh)
        return known


# Copies, since one row would keep all of those that were read with it.


def _read_creatives(
    session: Session, versions: Collection[tuple[int, int]], model: str
) -> dict[tuple[int, int], Vector]:
    rows = read_creative_rows(session, [id_ for id_, _ in versions], model)
    return {one: rows[one[0]].embedding.copy() for one in versions if one[0] in rows}


def _read_products(reads: Reads, ids: Collection[int], model: str) -> dict[int, StoredPictures]:
    stored = read_pictures(reads, ids, model)
    return {id_: replace(one, vectors=one.vectors.copy()) for id_, one in stored.items()}


def _read_pictures(reads: Reads, cids: Collection[str], model: str) -> dict[str, Vector]:
    rows = reads.execute(
        select(Embedding.cid, Embedding.vector).where(
            Embedding.cid.in_(cids), Embedding.model == model
        )
    )
    return {row.cid: unpack(row.vector) for row in rows}


_READ: Mapping[str, Any] = {
    "creatives": _read_creatives,
    "pictures": _read_pictures,
    "products": _read_products,
}
