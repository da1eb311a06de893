"""What happened, by person: out of the shop's own events, or out of a file of events."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from sqlalchemy import text

from vitrine.db import Reads
from vitrine.decisions.history import Interaction
from vitrine.errors import Invalid
from vitrine.wire.events import KEPT_NAMES, EventIn
from vitrine.wire.reading import sentence

MOST_LINES = 2_000_000
Log = dict[str, list[Interaction]]
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_EVENTS = text(
    """
    select coalesce(events.user_id, logins.user_id, events.anonymous_id) as person,
        events.at, events.event, line, name, product_id, item, quantity, price, rating,
        transaction_id, key
    from (
        select * from events where product_id is not null and name <> 'view_item_list'
        order by at desc limit :limit
    ) as events
    left join logins on logins.anonymous_id = events.anonymous_id
    """
)
_PRODUCTS = text("select id, seller_id || ':' || sku as public from products")


def read_events(reads: Reads) -> Log:
    """Read the last events of the shop that are about a product, those of each person in order."""
    found: Log = {}
    for row in reads.execute(_EVENTS, {"limit": MOST_LINES}):
        if row.person is None:
            continue
        about = (row.name, row.product_id, row.item, row.quantity, row.price, row.rating)
        one = Interaction(
            *(row.at, bytes(row.event), row.line, *about, None, None, row.transaction_id),
            None if row.key is None else bytes(row.key),
        )
        found.setdefault(str(row.person), []).append(one)
    return _in_order(found)


def read_public_ids(reads: Reads) -> dict[str, int]:
    """Read the products by what the shop calls them, `seller:sku`."""
    return {row.public: row.id for row in reads.execute(_PRODUCTS)}


def read_file(path: Path, products: Mapping[str, int]) -> tuple[Log, int]:
    """Read a file with a JSON object a line: a body of `POST /v1/events`, or one event.

    Returns the log, and how many lines of items name no product of the shop. Raises Invalid,
    naming the line. Whoever has a `user_id` is that user; logins are not followed.
    """
    found: Log = {}
    unknown = 0
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            for person, event in _events_of(path, number, line):
                at = _EPOCH + timedelta(microseconds=event.timestamp_micros or 0)
                digest = hashlib.sha256(f"{person}/{event.event_id or number}".encode()).digest()
                for place, item in enumerate(event.params.items):
                    product = products.get(item.item_id)
                    unknown += product is None
                    if product is None or event.name == "view_item_list":
                        continue
                    rating = item.rating or event.params.rating
                    about = (event.name, product, item.item_id, item.quantity, item.price, rating)
                    order = event.params.transaction_id
                    one = Interaction(at, digest, place, *about, None, None, order)
                    found.setdefault(person, []).append(one)
    return _in_order(found), unknown


def _events_of(path: Path, number: int, line: str) -> Iterator[tuple[str, EventIn]]:
    """Give the events of a line with whose each is; those that are not kept are left out."""
    try:
        body: Any = json.loads(line)
    except ValueError as error:
        raise Invalid(f"{path}, line {number}, is not JSON: {error}.") from error
    if not isinstance(body, dict):
        raise Invalid(f"{path}, line {number}, must be an object: an event or a batch of them.")
    inherited = {
        name: body[name] for name in ("user_id", "client_id", "timestamp_micros") if name in body
    }
    for raw in body["events"] if isinstance(body.get("events"), list) else [body]:
        if isinstance(raw, dict) and raw.get("name") not in KEPT_NAMES and "name" in raw:
            continue
        try:
            event = EventIn.model_validate({**inherited, **raw} if isinstance(raw, dict) else raw)
        except ValidationError as error:
            where = error.errors()[0]
            field = "/".join(map(str, where["loc"]))
            raise Invalid(f"{path}, line {number}: `{field}` {sentence(where)}.") from error
        person = event.user_id or event.client_id
        if not person or event.timestamp_micros is None:
            raise Invalid(
                f"{path}, line {number}: an event needs `timestamp_micros` and a `user_id` or "
                "`client_id`, of its own or of its batch."
            )
        yield person, event


def _in_order(log: Log) -> Log:
    return {person: sorted(some, key=lambda one: one.place) for person, some in sorted(log.items())}
