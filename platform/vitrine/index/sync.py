"""`sync`: the only writer of the index. It re-reads Postgres, so a late call does no harm."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.orm import Session

from vitrine.db import Sessions
from vitrine.errors import Unavailable
from vitrine.index.client import VectorIndex
from vitrine.index.models import Generation
from vitrine.index.schema import Row

ReadRows = Callable[[Session, Sequence[int], str], Mapping[int, Row]]
"""(session, ids, model digest) → the rows that the index shall hold for these ids."""

_WRITER_LOCK = 7_283_003


@dataclass(frozen=True, slots=True)
class Synced:
    """What a sync left behind: rows that the index now holds, and ids it holds nothing for."""

    present: frozenset[int]
    absent: frozenset[int]


def sync(
    sessions: Sessions,
    index: VectorIndex,
    generation: Generation,
    ids: Sequence[int],
    read_rows: ReadRows,
    *,
    collection: str,
) -> Synced:
    """Make the rows of `ids` in a generation's collection equal to what Postgres says now.

    And read them back. The advisory lock is held from the read to the read-back: writers of one
    generation take turns (Milvus Lite needs that of one collection), and a slow writer cannot put
    an older row over a newer one. Raises Unavailable if the index does not answer or lost what it
    acknowledged.
    """
    with sessions.begin() as session:
        session.execute(
            text("select pg_advisory_xact_lock(:space, :id)"),
            {"space": _WRITER_LOCK, "id": generation.id},
        )
        rows = read_rows(session, ids, generation.model)
        absent = [id_ for id_ in ids if id_ not in rows]
        if rows:
            index.upsert(collection, list(rows.values()))
        if absent:
            index.delete(collection, absent)
        # Milvus Lite searches unflushed rows thirty times slower; elsewhere this does nothing.
        index.flush(collection)
        found = index.present(collection, list(ids))
    if found != set(rows):
        missing, extra = sorted(set(rows) - found), sorted(found - set(rows))
        raise Unavailable(
            f"The index {collection} acknowledged a write that it does not show "
            f"(missing {missing[:5]}, still there {extra[:5]}); it is tried again."
        )
    return Synced(frozenset(rows), frozenset(absent))
