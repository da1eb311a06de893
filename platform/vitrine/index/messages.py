"""What goes into one message to the index, and how an answer of it is read."""

from collections.abc import Iterator, Sequence
from dataclasses import fields
from typing import Any, TypeVar

from vitrine.index import expressions
from vitrine.index.schema import CreativeHit, IndexHit, Row

H = TypeVar("H", IndexHit, CreativeHit)

_MESSAGE_BYTES = 16 * 1024 * 1024
"""Size of one write; servers refuse messages beyond 64 MB."""

_SCALAR_BYTES = 1024
_IDS_PER_REQUEST = 4096
_SCORE_DIGITS = 6


def batches(rows: Sequence[Row]) -> Iterator[Sequence[Row]]:
    """Cut rows into writes."""
    if not rows:
        return
    size = max(1, _MESSAGE_BYTES // (rows[0].embedding.nbytes + _SCALAR_BYTES))
    for start in range(0, len(rows), size):
        yield rows[start : start + size]


def chunks(ids: Sequence[int]) -> Iterator[Sequence[int]]:
    """Cut ids into requests."""
    for start in range(0, len(ids), _IDS_PER_REQUEST):
        yield ids[start : start + _IDS_PER_REQUEST]


def of_these(ids: Sequence[int]) -> str:
    """The expression that matches these ids."""
    # Spelled out even for one id: Milvus Lite has a fast path for exactly this form.
    return f"id in [{', '.join(expressions.quote(int(id_)) for id_ in ids)}]"


def owner(kind: type[IndexHit | CreativeHit]) -> str:
    """The column that says whose a hit is."""
    return fields(kind)[1].name


def hits(answer: Any, kind: type[H]) -> list[H]:
    """Read the answer to one vector, best first and equal scores by id.

    Scores are rounded to what float32 can tell apart, so that one picture used in two products ties
    with itself wherever its rows are stored.
    """
    column = owner(kind)
    found = [
        kind(
            int(hit["id"]),
            int(hit["entity"][column]),
            min(1.0, max(-1.0, round(float(hit["distance"]), _SCORE_DIGITS))),
        )
        for hit in answer
    ]
    return sorted(found, key=lambda hit: (-hit.score, hit.id))
