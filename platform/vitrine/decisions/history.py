"""What one person did, in the order of time, then of the event's id: the same in whatever order it
arrived, and under whichever of their names.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Row, text

from vitrine.db import Reads

Place = tuple[datetime, bytes, int, bytes]


@dataclass(frozen=True, slots=True)
class Interaction:
    """One item of one event. `item` is what the shop called it; `product_id` is None if unknown.

    (`at`, `key`, `line`, `event`) orders them. `decision` comes from the quoted token and so does
    `position`, which without a token is what the shop said, if anything. `transaction_id` is of
    the order that was bought or given back. Two events of one `key` that say the same are one that
    came twice, under two names of its shopper: before a login and after it.
    """

    at: datetime
    event: bytes
    line: int
    name: str
    product_id: int | None
    item: str | None
    quantity: int | None
    price: Decimal | None
    rating: float | None
    position: int | None
    decision: str | None
    transaction_id: str | None = None
    key: bytes | None = None

    @property
    def place(self) -> Place:
        """Where it stands among all that its shopper did: by what it says before by whose it is."""
        return self.at, self.key or b"", self.line, self.event


_COLUMNS = (
    "at, event, line, name, product_id, item, quantity, price, rating, position, decision, "
    "transaction_id, key"
)
_LATEST_FIRST = "order by at desc, coalesce(key, '') desc, line desc, event desc"
# Each part is the end of an index, so that a long history costs no more than its last events. What
# a visitor did under a login of its own belongs to that user, whoever owns the visitor now.
_LAST = text(
    f"""
    select {_COLUMNS} from (
        (
            select {_COLUMNS} from events
            where user_id = :person and name <> all(cast(:without as text[]))
            {_LATEST_FIRST} limit :limit
        )
        union all
        select {_COLUMNS} from (
            select cast(:person as bigint) as id
            union all
            select anonymous_id from logins where user_id = :person
        ) as visitors
        cross join lateral (
            select {_COLUMNS} from events
            where anonymous_id = visitors.id and user_id is null
              and name <> all(cast(:without as text[]))
            {_LATEST_FIRST} limit :limit
        ) as of_visitor
    ) as theirs
    {_LATEST_FIRST}
    limit :limit
    """  # noqa: S608 - the columns stand above
)


_BY_USERS = text(
    f"""
    select {_COLUMNS} from events
    where anonymous_id = :visitor and user_id is not null
      and name <> all(cast(:without as text[]))
    {_LATEST_FIRST} limit :limit
    """  # noqa: S608 - the columns stand above
)


def read_by_users(
    reads: Reads, visitor_id: int, *, limit: int, without: Sequence[str] = ()
) -> list[Interaction]:
    """Read the last that users did in a browser after they logged in there, oldest first."""
    rows = reads.execute(
        _BY_USERS, {"visitor": visitor_id, "limit": limit, "without": list(without)}
    ).all()
    return _interactions(rows)


def read_history(
    reads: Reads, person_id: int, *, limit: int, without: Sequence[str] = ()
) -> list[Interaction]:
    """Read the last `limit` items of events by their place, oldest first.

    Those of a user are its own and those of the visitors that it owns before they logged in. Events
    with a name in `without` neither come nor count.
    """
    rows = reads.execute(
        _LAST, {"person": person_id, "limit": limit, "without": list(without)}
    ).all()
    return _interactions(rows)


def _interactions(latest_first: Sequence[Row[Any]]) -> list[Interaction]:
    # psycopg2 gives memoryviews.
    rows = [
        [bytes(one) if isinstance(one, memoryview) else one for one in row] for row in latest_first
    ]
    return [Interaction(*row) for row in reversed(rows)]
