"""The text index: which products have the words of a question."""

from collections.abc import Sequence
from functools import partial

from vitrine.errors import Misconfigured
from vitrine.index import text_collection
from vitrine.index.bm25 import Rarity, equally_rare
from vitrine.index.capabilities import MAX_RESULTS, adapt
from vitrine.index.client import VectorIndex
from vitrine.index.connection import Connected
from vitrine.index.text_collection import COLUMNS, NAME, TextHit, TextRow
from vitrine.index.text_words import normalise

__all__ = ["TextHit", "TextIndex", "TextRow"]

# A text has 64 KB at most, and servers refuse messages beyond 64 MB.
_ROWS_PER_MESSAGE = 256


class TextIndex:
    """The collection of product texts, on the connection and within the bounds of `index`.

    `rarity` weighs the words of a question where the server cannot.
    """

    def __init__(self, index: VectorIndex, rarity: Rarity = equally_rare) -> None:
        self._index = index
        self._rarity = rarity

    @property
    def available(self) -> bool:
        """Whether the server can search for words at all."""
        return self._index.capabilities.full_text

    def exists(self) -> bool:
        """Whether the collection is there with its index, without which nothing is found."""
        return self._index.call(
            None,
            lambda c: text_collection.is_complete(
                c.client, timeout_seconds=self._index.timeout_seconds
            ),
        )

    def begin(self) -> None:
        """Make the collection without its index: it does not count as there before `create`."""
        self._index.call(
            None,
            lambda c: text_collection.begin(
                c.client, c.capabilities, timeout_seconds=self._index.patience_seconds
            ),
        )

    def create(self) -> None:
        """Make the collection ready to search; does nothing to one that is."""
        self._index.call(
            None,
            lambda c: text_collection.create(
                c.client, c.capabilities, timeout_seconds=self._index.patience_seconds
            ),
        )

    def drop(self) -> None:
        self._index.drop(NAME)

    def upsert(self, rows: Sequence[TextRow]) -> None:
        """Write whole rows; a row that is there is replaced."""
        for start in range(0, len(rows), _ROWS_PER_MESSAGE):
            some = rows[start : start + _ROWS_PER_MESSAGE]
            self._index.write(NAME, partial(self._upsert, some))

    def delete(self, ids: Sequence[int]) -> None:
        """Remove rows by product id; one that is not there is no error."""
        self._index.delete(NAME, ids)

    def flush(self) -> None:
        self._index.flush(NAME)

    def present(self, ids: Sequence[int]) -> set[int]:
        """Read back which products are there, after every write acknowledged before."""
        return self._index.present(NAME, ids)

    def rows(self, *, after: int, limit: int) -> list[TextRow]:
        """Read up to `limit` rows with an id greater than `after`, by id; empty at the end."""
        return [TextRow(**row) for row in self._index.page(NAME, COLUMNS, after=after, limit=limit)]

    def search(self, query: str, *, expression: str = "", limit: int) -> list[TextHit]:
        """Find products with any of the words, best first; equal scores by product id.

        Raises Misconfigured on a server that knows no full-text search.
        """
        if not 0 < limit <= MAX_RESULTS:
            raise ValueError(f"limit is {limit}; it has to be between 1 and {MAX_RESULTS}.")
        words = normalise(query)
        if not words:
            return []
        capabilities = self._index.capabilities
        if not capabilities.full_text:
            raise Misconfigured(
                f"Milvus {capabilities.version} cannot search for words; use Milvus 2.5 or newer. "
                "Searches by photo work with this one."
            )
        # Weighed before the call, which may be made twice.
        asked = text_collection.question(words, self._rarity, capabilities)
        return self._index.call(NAME, partial(self._search, asked, expression, limit))

    def _upsert(self, rows: Sequence[TextRow], connected: Connected) -> None:
        entities = [text_collection.entity(row, connected.capabilities) for row in rows]
        connected.client.upsert(NAME, entities, timeout=self._index.timeout_seconds)

    def _search(
        self, asked: dict[str, object], expression: str, limit: int, connected: Connected
    ) -> list[TextHit]:
        answers = connected.client.search(
            NAME,
            filter=adapt(expression, connected.capabilities),
            limit=limit,
            output_fields=["id"],
            timeout=self._index.timeout_seconds,
            **asked,
            **connected.capabilities.consistency,
        )
        return text_collection.hits(answers[0])
