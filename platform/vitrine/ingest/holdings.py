"""Holdings: the collections that every generation has, and what each of them shall hold.

The pictures of products are one. What stands beside it belongs to a layer above, which hands it in
through `Parts`: it is filled, verified, switched and dropped as the pictures are.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic

from sqlalchemy.orm import Session

from vitrine.catalog.index_rows import product_image_ids, read_index_rows, read_index_scalars
from vitrine.db import Sessions
from vitrine.index.client import VectorIndex
from vitrine.index.models import Generation
from vitrine.index.schema import IndexScalars
from vitrine.index.sync import ReadRows, Synced, sync
from vitrine.ingest.comparing import R


@dataclass(frozen=True, slots=True)
class Holding(Generic[R]):
    """One collection of every generation, and how Postgres and the index are asked for its rows.

    `stage` is what progress calls it. `wanted` (session, model, after=, limit=) and `found` (index,
    collection, after=, limit=) read pages of its rows without their vectors.
    """

    stage: str
    collection: Callable[[Generation], str]
    make: Callable[[VectorIndex, str, int], None]
    ids: Callable[..., Iterator[list[int]]]
    rows: ReadRows
    wanted: Callable[..., Sequence[R]]
    found: Callable[..., Sequence[R]]

    def create(self, index: VectorIndex, generation: Generation, dim: int) -> None:
        """Make its collection ready to search; does nothing to one that is."""
        self.make(index, self.collection(generation), dim)

    def drop(self, index: VectorIndex, generation: Generation) -> None:
        index.drop(self.collection(generation))

    def sync(
        self, sessions: Sessions, index: VectorIndex, generation: Generation, ids: Sequence[int]
    ) -> Synced:
        """Make these rows equal to what Postgres says now. Raises Unavailable."""
        collection = self.collection(generation)
        return sync(sessions, index, generation, ids, self.rows, collection=collection)


@dataclass(frozen=True, slots=True)
class Beside(Holding[R]):
    """A holding of a layer above.

    `kind` is the work that makes one row right, by its id. `follow` owes the rows that are made of
    the pictures of these products. `stuck` finds up to so many ids that nothing is owed for and
    something should be.
    """

    kind: str
    follow: Callable[[Session, Iterable[int]], None]
    stuck: Callable[[Session, int], Iterable[int]]


PICTURES: Holding[IndexScalars] = Holding(
    stage="index",
    collection=lambda generation: generation.images_collection,
    make=VectorIndex.create,
    ids=product_image_ids,
    rows=read_index_rows,
    wanted=read_index_scalars,
    found=VectorIndex.scalars,
)
"""The pictures of products."""
