"""The rows of events: one an item, or one for an event without items."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from vitrine.decisions.incoming import Incoming

# In one statement: row by row, a batch at its bounds takes as long as a request may. What is said
# of a whole event is sent once and joined to its items by the place of the event.
_EVENTS = text(
    """
    insert into events (
        at, event, line, key, name, user_id, anonymous_id, item, product_id, quantity, price,
        position, rating, list, search_term, transaction_id, decision
    )
    select sent.at, sent.event, rows.line, sent.key, sent.name, sent.user_id, sent.anonymous_id,
        rows.item, rows.product_id, rows.quantity, rows.price, rows.position, rows.rating,
        rows.list, sent.search_term, sent.transaction_id, rows.decision
    from unnest(
        cast(:times as timestamptz[]), cast(:digests as bytea[]), cast(:keys as bytea[]),
        cast(:event_names as text[]),
        cast(:users as bigint[]), cast(:visitors as bigint[]), cast(:terms as text[]),
        cast(:transactions as text[])
    ) with ordinality
        as sent(at, event, key, name, user_id, anonymous_id, search_term, transaction_id, place)
    join unnest(
        cast(:of as integer[]), cast(:line as integer[]), cast(:item as text[]),
        cast(:product_id as bigint[]), cast(:quantity as integer[]), cast(:price as numeric[]),
        cast(:position as integer[]), cast(:rating as real[]), cast(:list as text[]),
        cast(:decision as text[])
    ) as rows(of, line, item, product_id, quantity, price, position, rating, list, decision)
      on rows.of = sent.place - 1
    """
)
_ROW = (
    *("of", "line", "item", "product_id", "quantity", "price", "position", "rating", "list"),
    "decision",
)


def write_events(
    session: Session,
    events: Sequence[Incoming],
    users: Mapping[str, int],
    visitors: Mapping[str, int],
    products: Mapping[str, int],
) -> None:
    """Write them all; the three mappings have the ids of whom and what the events name."""
    rows = [row for of, one in enumerate(events) for row in _rows(of, one, products)]
    said = [one.event.params for one in events]
    session.execute(
        _EVENTS,
        {
            "times": [one.at for one in events],
            "digests": [one.digest for one in events],
            "keys": [one.key for one in events],
            "event_names": [one.event.name for one in events],
            "users": [None if one.user is None else users[one.user] for one in events],
            "visitors": [None if one.visitor is None else visitors[one.visitor] for one in events],
            "terms": [params.search_term for params in said],
            "transactions": [params.transaction_id for params in said],
            **dict(zip(_ROW, map(list, zip(*rows, strict=True)), strict=True)),
        },
    )


def _rows(of: int, one: Incoming, products: Mapping[str, int]) -> Iterator[tuple[Any, ...]]:
    """What `_ROW` names, for each item of an event, or once if there is none."""
    params = one.event.params
    if not params.items:
        yield (of, 0, None, None, None, None, None, None, params.item_list_id, None)
    for line, (item, shown) in enumerate(zip(params.items, one.quoted, strict=True)):
        yield (
            of,
            line,
            item.item_id,
            products.get(item.item_id),
            item.quantity,
            item.price,
            shown.position if shown else item.index,
            params.rating if item.rating is None else item.rating,
            item.item_list_id or params.item_list_id,
            shown.decision if shown else None,
        )
