"""The vector index as the rest of Vitrine sees it."""

import threading
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeVar

import numpy as np

from vitrine import deadline
from vitrine.errors import Unavailable, VitrineError
from vitrine.index import collections, expressions, failures, messages
from vitrine.index.capabilities import MAX_RESULTS, Capabilities, adapt
from vitrine.index.collections import Schema
from vitrine.index.connection import Connected, Connection
from vitrine.index.guard import Guard
from vitrine.index.schema import (
    CreativeHit,
    CreativeScalars,
    IndexHit,
    IndexScalars,
    Row,
    Vectors,
)

T = TypeVar("T")

_ADMIN_FACTOR = 6
"""Making, loading and flushing a collection may take this many times as long as a query."""


class VectorIndex:
    """Milvus or Milvus Lite. Safe to share between threads and to carry over a fork.

    Connects at the first call. Every call ends within a bound derived from `timeout_seconds`, and
    raises Unavailable if the server does not answer in time or has lost the collection; at once
    while it is known not to answer, or while `at_once` other calls wait for it in vain. A request's
    deadline (vitrine.deadline) shortens the bound.
    """

    def __init__(
        self,
        uri: str,
        token: str = "",
        timeout_seconds: float = 5.0,
        *,
        at_once: int | None = None,
    ) -> None:
        self.uri = uri
        self._own_timeout_seconds = timeout_seconds
        self._guard = Guard(uri, timeout_seconds, at_once)
        self._connection = Connection(uri, token, timeout_seconds)
        self._writing = threading.Lock()

    def __repr__(self) -> str:
        return f"VectorIndex({self.uri!r})"

    def close(self) -> None:
        """Hang up; the next call connects again.

        Call it before starting a child with a `preexec_fn`: between fork and exec gRPC wakes its
        threads in the child, which loses their sockets, and about one child in thirty aborts.
        """
        self._connection.close()

    @property
    def capabilities(self) -> Capabilities:
        return self.call(None, lambda connected: connected.capabilities)

    def ping(self) -> str | None:
        """Say what is wrong with the index, or None."""
        try:
            self._look(lambda c: c.client.get_server_version(timeout=self.timeout_seconds))
        except VitrineError as error:
            return str(error)
        return None

    def require_answer(self) -> None:
        """Raise Unavailable while the index is known not to answer; asks nobody.

        For what would compute in vain, such as the vector of a query photo.
        """
        self._guard.refuse()

    def collections(self) -> list[str]:
        names = self.call(None, lambda c: c.client.list_collections(timeout=self.timeout_seconds))
        return sorted(names)

    def exists(self, collection: str) -> bool:
        return bool(
            self.call(
                None, lambda c: c.client.has_collection(collection, timeout=self.timeout_seconds)
            )
        )

    def create(self, collection: str, dim: int) -> None:
        """Make a collection of pictures ready to search; does nothing to one that is.

        Raises Misconfigured if it is there with vectors of another size.
        """
        self._create(collection, dim, collections.image_schema)

    def create_creatives(self, collection: str, dim: int) -> None:
        """Make a collection of ads ready to search, as `create` does."""
        self._create(collection, dim, collections.creative_schema)

    def drop(self, collection: str) -> None:
        self.call(
            None,
            lambda c: collections.drop(c.client, collection, timeout_seconds=self.patience_seconds),
        )

    def upsert(self, collection: str, rows: Sequence[Row]) -> None:
        """Write whole rows; a row that is there is replaced."""
        for batch in messages.batches(rows):
            self.write(collection, partial(self._upsert, collection, batch))

    def delete(self, collection: str, ids: Sequence[int]) -> None:
        """Remove rows; an id that is not there is no error."""
        for chunk in messages.chunks(ids):
            self.write(collection, partial(self._delete, collection, chunk))

    def flush(self, collection: str) -> None:
        """Make fresh rows as fast to search as old ones, where the server needs to be told."""
        self.write(collection, partial(self._flush, collection))

    def present(self, collection: str, ids: Sequence[int]) -> set[int]:
        """Read back which ids are there, after every write acknowledged before."""
        found: set[int] = set()
        for chunk in messages.chunks(ids):
            found |= self.call(collection, partial(self._present, collection, chunk))
        return found

    def scalars(self, collection: str, *, after: int, limit: int) -> list[IndexScalars]:
        """Read up to `limit` rows with an id greater than `after`, by id; empty at the end."""
        rows = self.page(collection, collections.SCALARS, after=after, limit=limit)
        return [IndexScalars(**row) for row in rows]

    def creative_scalars(self, collection: str, *, after: int, limit: int) -> list[CreativeScalars]:
        """Read up to `limit` rows of ads with an id greater than `after`, as `scalars` does."""
        rows = self.page(collection, collections.CREATIVE_SCALARS, after=after, limit=limit)
        return [CreativeScalars(**row) for row in rows]

    def page(
        self, collection: str, columns: Sequence[str], *, after: int, limit: int
    ) -> list[dict[str, Any]]:
        """Read these columns of up to `limit` rows with an id greater than `after`, by id."""
        if not 0 < limit <= MAX_RESULTS:
            raise ValueError(f"limit is {limit}; it has to be between 1 and {MAX_RESULTS}.")
        rows = self.call(
            collection, lambda c: self._page(c, collection, list(columns), after, limit)
        )
        found = [{name: row[name] for name in columns} for row in rows]
        return sorted(found, key=lambda row: int(row["id"]))

    def search(
        self, collection: str, vectors: Vectors, *, expression: str = "", limit: int
    ) -> list[list[IndexHit]]:
        """Find the pictures nearest to each vector [n, d]: cosine similarity, best first.

        Equal scores are ordered by id. Fewer than `limit` hits mean that there are no more.
        """
        return self._search(collection, vectors, IndexHit, expression=expression, limit=limit)

    def search_creatives(
        self, collection: str, vectors: Vectors, limit: int
    ) -> list[list[CreativeHit]]:
        """Find the ads nearest to each vector [n, d], as `search` finds pictures."""
        return self._search(collection, vectors, CreativeHit, limit=limit)

    @property
    def timeout_seconds(self) -> float:
        """How long one call may take now."""
        return deadline.bounded(self._own_timeout_seconds)

    @property
    def patience_seconds(self) -> float:
        """How long making, loading or flushing a collection may take now."""
        return deadline.bounded(self._own_timeout_seconds * _ADMIN_FACTOR)

    def _create(self, collection: str, dim: int, schema: Schema) -> None:
        self.call(
            None,
            lambda c: collections.create(
                c.client,
                c.capabilities,
                collection,
                dim,
                schema=schema,
                timeout_seconds=self.patience_seconds,
            ),
        )

    def _search(
        self,
        collection: str,
        vectors: Vectors,
        kind: type[messages.H],
        *,
        expression: str = "",
        limit: int,
    ) -> list[list[messages.H]]:
        if not 0 < limit <= MAX_RESULTS:
            raise ValueError(f"limit is {limit}; it has to be between 1 and {MAX_RESULTS}.")
        queries = np.ascontiguousarray(np.atleast_2d(vectors), dtype=np.float32)
        if not len(queries):
            return []
        answers = self.call(
            collection,
            lambda c: c.client.search(
                collection,
                data=list(queries),
                anns_field=collections.EMBEDDING,
                filter=adapt(expression, c.capabilities),
                limit=limit,
                output_fields=[messages.owner(kind)],
                search_params=c.capabilities.search_params(limit),
                timeout=self.timeout_seconds,
                **c.capabilities.consistency,
            ),
        )
        return [messages.hits(answer, kind) for answer in answers]

    def _upsert(self, collection: str, rows: Sequence[Row], connected: Connected) -> None:
        entities = [collections.entity(row) for row in rows]
        connected.client.upsert(collection, entities, timeout=self.timeout_seconds)

    def _delete(self, collection: str, ids: Sequence[int], connected: Connected) -> None:
        connected.client.delete(
            collection, filter=messages.of_these(ids), timeout=self.timeout_seconds
        )

    def _present(self, collection: str, ids: Sequence[int], connected: Connected) -> set[int]:
        rows = connected.client.query(
            collection,
            filter=messages.of_these(ids),
            output_fields=["id"],
            timeout=self.timeout_seconds,
            **connected.capabilities.strong,
        )
        return {int(row["id"]) for row in rows}

    def _flush(self, collection: str, connected: Connected) -> None:
        if connected.capabilities.flush_after_bulk:
            connected.client.flush(collection, timeout=self.patience_seconds)

    def _page(
        self, connected: Connected, collection: str, columns: list[str], after: int, limit: int
    ) -> list[dict[str, Any]]:
        """One page through Milvus' own iterator, the only query that goes by primary key."""
        iterator = connected.client.query_iterator(
            collection,
            batch_size=limit,
            limit=limit,
            filter=expressions.compare("id", ">", after),
            output_fields=columns,
            timeout=self.timeout_seconds,
            **connected.capabilities.strong,
        )
        try:
            page: list[dict[str, Any]] = iterator.next()
        finally:
            iterator.close()
        return page

    def write(self, collection: str, request: Callable[[Connected], Any]) -> None:
        """Writers of this process take turns; see `capabilities.serialise_writers` for others."""
        if not self.capabilities.serialise_writers:
            self.call(collection, request)
            return
        if not self._writing.acquire(timeout=self.patience_seconds):
            raise Unavailable(f"Writing to {collection} takes too long; try again later.")
        try:
            self.call(collection, request)
        finally:
            self._writing.release()

    def call(self, collection: str | None, request: Callable[[Connected], T]) -> T:
        """Make one request within the bounds of this index. Raises Unavailable."""
        with self._guard.call():
            return self._ask(collection, request)

    def _look(self, request: Callable[[Connected], T]) -> T:
        with self._guard.look():
            return self._ask(None, request)

    def _ask(self, collection: str | None, request: Callable[[Connected], T]) -> T:
        try:
            connected = self._connection.get()
            try:
                return request(connected)
            except Exception as error:
                # Milvus Lite comes back from a restart with every collection released.
                if collection is None or not failures.is_not_loaded(error):
                    raise
                connected.client.load_collection(collection, timeout=self.patience_seconds)
                return request(connected)
        except (VitrineError, ValueError, TypeError):
            raise
        except Exception as error:
            if failures.is_our_fault(error):
                raise
            raise failures.unavailable(error, uri=self.uri, collection=collection) from error
