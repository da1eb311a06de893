"""Go through all the rows of a table without holding them."""

from collections.abc import Iterator

from sqlalchemy import select
from sqlalchemy.orm import InstrumentedAttribute, Session


def id_pages(
    session: Session, column: InstrumentedAttribute[int], *, page: int
) -> Iterator[list[int]]:
    """Go through the ids of a table in order, a page at a time."""
    after = 0
    while True:
        some = select(column).where(column > after).order_by(column).limit(page)
        ids = list(session.scalars(some))
        if not ids:
            return
        yield ids
        after = ids[-1]
