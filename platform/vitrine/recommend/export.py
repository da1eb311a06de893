"""Hand over all that is kept of one person, page by page: memory holds one page."""

import base64
import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

import numpy as np
from sqlalchemy import Row, text

from vitrine.db import Reads, Sessions
from vitrine.decisions.people import Who, resolve_whole
from vitrine.errors import Invalid
from vitrine.recommend.erasure import unknown
from vitrine.recommend.exported_ads import (
    AD_PAGE,
    CONVERSION_PAGE,
    read_ads,
    read_advertisers,
    read_conversion,
)
from vitrine.wire.users import (
    ExportedDecision,
    ExportedEvent,
    ExportedFeedback,
    ExportedVisitor,
    UserExport,
)

_EVENTS, _DECISIONS, _ADS, _CONVERSIONS = "events", "decisions", "ads", "conversions"

_PERSON = text(
    """
    select name, created_at,
        (select body from profiles where person_id = people.id) as profile
    from people where id = :id
    """
)
_VISITORS = text(
    """
    select people.name as client_id, people.created_at as since, logins.at as merged_at
    from logins join people on people.id = logins.anonymous_id
    where logins.user_id = :id order by logins.at, people.id
    """
)
_AFTER = "(cast(:at as timestamptz) is null or (at, event, line) > (:at, :key, :line))"
# Each part is read along an index; those of a visitor are theirs where no other user is named.
_EVENT_PAGE = text(
    f"""
    select theirs.*, users.name as user_name, visitors.name as visitor_name,
        products.seller_id || ':' || products.sku as public_id
    from (
        (
            select * from events where user_id = :id and {_AFTER}
            order by at, event, line limit :limit
        )
        union all
        select of_visitor.* from unnest(cast(:ids as bigint[])) as visitor(id)
        cross join lateral (
            select * from events
            where anonymous_id = visitor.id and user_id is null and {_AFTER}
            order by at, event, line limit :limit
        ) as of_visitor
    ) as theirs
    left join people as users on users.id = theirs.user_id
    left join people as visitors on visitors.id = theirs.anonymous_id
    left join products on products.id = theirs.product_id
    order by at, event, line limit :limit
    """  # noqa: S608 - the condition stands above
)
_DECISION_PAGE = text(
    """
    select decisions.*, people.name as person_name from decisions
    join people on people.id = decisions.person_id
    where person_id = any(cast(:ids as bigint[]))
      and (cast(:at as timestamptz) is null or (decisions.at, decisions.id) > (:at, :key))
    order by decisions.at, decisions.id limit :limit
    """
)
_PAGES = {
    _EVENTS: _EVENT_PAGE,
    _DECISIONS: _DECISION_PAGE,
    _ADS: AD_PAGE,
    _CONVERSIONS: CONVERSION_PAGE,
}
_PUBLIC_IDS = text(
    """
    select id, seller_id || ':' || sku as public_id from products
    where id = any(cast(:ids as bigint[]))
    """
)
_FEEDBACK = text(
    """
    select decision, position, name, at from feedback
    where decision = any(cast(:decisions as text[])) order by at, position, name
    """
)


class _Place(NamedTuple):
    """After which row the next page begins; `at` None: with the first."""

    part: str = _EVENTS
    at: datetime | None = None
    key: str = ""
    line: int = 0


def export(sessions: Sessions, name: str, *, cursor: str | None, limit: int) -> UserExport:
    """Read one page. Raises NotFound, and Invalid for a cursor that is none."""
    place = _read_cursor(cursor)
    with sessions() as reads:
        who = resolve_whole(reads, name)
        person = None if who is None else reads.execute(_PERSON, {"id": who.person_id}).first()
        if who is None or person is None:
            raise unknown()
        visitors = reads.execute(_VISITORS, {"id": who.person_id})
        found: dict[str, Sequence[Row[Any]]] = dict.fromkeys(_PAGES, ())
        parts = list(_PAGES)
        following: _Place | None = place
        for part in parts[parts.index(place.part) :]:
            room = limit - sum(map(len, found.values()))
            at = place if part == place.part else _Place(part)
            found[part], following = _page(reads, who, at, room)
            if following is not None:
                break
        return UserExport(
            user=person.name,
            kind="user" if who.kind == "user" else "anonymous",
            since=person.created_at,
            visitors=[ExportedVisitor.model_validate(row) for row in visitors],
            profile=person.profile,
            advertisers=read_advertisers(reads, who),
            events=[_event(row) for row in found[_EVENTS]],
            decisions=_told(reads, who, found[_DECISIONS]),
            ads=read_ads(reads, who, found[_ADS]),
            conversions=[read_conversion(who, row) for row in found[_CONVERSIONS]],
            next_cursor=None if following is None else _write_cursor(following),
        )


def _page(
    reads: Reads, who: Who, place: _Place, room: int
) -> tuple[Sequence[Row[Any]], _Place | None]:
    """Read rows of one part, and where the next page begins; None: with the next part."""
    values = {
        "id": who.person_id,
        "ids": list(who.ids),
        "at": place.at,
        "key": bytes.fromhex(place.key) if place.part == _EVENTS else place.key,
        "line": place.line,
        "limit": room + 1,
    }
    rows = reads.execute(_PAGES[place.part], values).all()
    if len(rows) <= room:
        return rows, None
    return rows[:room], _after(place.part, rows[room - 1]) if room else place


def _after(part: str, row: Row[Any]) -> _Place:
    if part == _EVENTS:
        return _Place(part, row.at, bytes(row.event).hex(), row.line)
    if part == _ADS:
        return _Place(part, row.at, row.decision, row.position)
    return _Place(part, row.at, row.id if part == _DECISIONS else row.key)


def _event(row: Row[Any]) -> ExportedEvent:
    return ExportedEvent(
        at=row.at,
        name=row.name,
        event=bytes(row.event).hex(),
        line=row.line,
        user_id=row.user_name,
        client_id=row.visitor_name,
        item_id=row.item,
        product_id=row.public_id,
        quantity=row.quantity,
        price=row.price,
        position=row.position,
        rating=row.rating,
        item_list_id=row.list,
        search_term=row.search_term,
        transaction_id=row.transaction_id,
        decision=row.decision,
        received_at=row.received_at,
    )


def _told(reads: Reads, who: Who, shown: Sequence[Row[Any]]) -> list[ExportedDecision]:
    """Put the names of products and the feedback to decisions."""
    if not shown:
        return []
    products = {product for row in shown for product in row.products}
    public = {
        row.id: row.public_id for row in reads.execute(_PUBLIC_IDS, {"ids": sorted(products)})
    }
    feedback: dict[str, list[ExportedFeedback]] = {}
    for row in reads.execute(_FEEDBACK, {"decisions": [row.id for row in shown]}):
        feedback.setdefault(row.decision, []).append(ExportedFeedback.model_validate(row))
    return [
        ExportedDecision(
            id=row.id,
            at=row.at,
            kind=row.kind,
            client_id=None if row.person_id == who.person_id else row.person_name,
            context=row.context,
            model=row.model,
            ranker=row.ranker,
            products=[public.get(product) for product in row.products],
            sources=row.sources,
            propensities=row.propensities,
            explored=row.explored,
            features=_features(row),
            feedback=feedback.get(row.id, []),
        )
        for row in shown
    ]


def _features(row: Row[Any]) -> list[list[float]]:
    if row.features is None or not row.products:
        return []
    numbers = np.frombuffer(row.features, np.float16).reshape(len(row.products), -1)
    found: list[list[float]] = numbers.astype(np.float64).tolist()
    return found


def _write_cursor(place: _Place) -> str:
    at = None if place.at is None else place.at.isoformat()
    written = json.dumps([place.part, at, place.key, place.line])
    return base64.urlsafe_b64encode(written.encode()).decode()


def _read_cursor(cursor: str | None) -> _Place:
    if not cursor:
        return _Place()
    try:
        part, at, key, line = json.loads(base64.urlsafe_b64decode(cursor.encode("ascii")))
        place = _Place(part, None if at is None else datetime.fromisoformat(at), key, line)
        if part == _EVENTS:
            bytes.fromhex(key)
        sound = part in _PAGES and isinstance(key, str) and "\x00" not in key
        key.encode()
    except (ValueError, TypeError, AttributeError, RecursionError):
        sound = False
    if not sound or type(line) is not int or not 0 <= line < 2**15:
        raise Invalid("This cursor was not made by this api; start again without one.")
    if place.at is not None and place.at.tzinfo is None:
        raise Invalid("This cursor was not made by this api; start again without one.")
    return place
