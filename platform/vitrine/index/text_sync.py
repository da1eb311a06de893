"""`sync_texts`: the only writer of the text index. It re-reads Postgres, so a late call is safe."""

from collections.abc import Callable, Mapping, Sequence

from sqlalchemy import text
from sqlalchemy.orm import Session

from vitrine.db import Sessions
from vitrine.errors import Unavailable
from vitrine.index.sync import Synced
from vitrine.index.text import TextIndex, TextRow

ReadTexts = Callable[[Session, Sequence[int]], Mapping[int, TextRow]]
"""(session, product ids) → the rows that the index shall hold for these products.

What is counted of them is counted in this session, so that it is committed with the sync.
"""

# Any number but those of `index.sync` and `index.generations`.
_WRITER_LOCK = 7_283_005


def sync_texts(
    sessions: Sessions, index: TextIndex, ids: Sequence[int], read_texts: ReadTexts
) -> Synced:
    """Make the rows of these products equal to what Postgres says now, and read them back.

    The advisory lock is held from the read to the commit, as in `index.sync`. On a server that
    cannot search for words only the words are counted. Raises Unavailable if the index does not
    answer or lost what it acknowledged.
    """
    with sessions.begin() as session:
        hold_texts(session)
        rows = read_texts(session, ids)
        absent = [id_ for id_ in ids if id_ not in rows]
        if index.available:
            _write(index, rows, absent)
    return Synced(frozenset(rows), frozenset(absent))


def hold_texts(session: Session) -> None:
    """Keep every writer of the text index away until this transaction ends."""
    session.execute(text("select pg_advisory_xact_lock(:id)"), {"id": _WRITER_LOCK})


def _write(index: TextIndex, rows: Mapping[int, TextRow], absent: Sequence[int]) -> None:
    if rows:
        index.upsert(list(rows.values()))
    if absent:
        index.delete(absent)
    index.flush()
    found = index.present([*rows, *absent])
    if found != set(rows):
        missing, extra = sorted(set(rows) - found), sorted(found - set(rows))
        raise Unavailable(
            "The text index acknowledged a write that it does not show "
            f"(missing {missing[:5]}, still there {extra[:5]}); it is tried again."
        )
