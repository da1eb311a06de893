"""Events that name a product find it, also when they came before it, or before it was listed again.

An event keeps what the shop called its product. When a product of that name is listed, the events
are its own from then on; and when it gets another picture to stand for it, it may be part of other
interests. So each time the profiles are owed of everybody who dealt with it.
"""

from collections.abc import Sequence
from typing import Any, cast

from sqlalchemy import CursorResult, text
from sqlalchemy.orm import Session

from vitrine import work
from vitrine.ingest.drain import Handler
from vitrine.ingest.parts import Parts

BATCH = 100
# Of a shop that is listed anew each profile is made once in this time, and not for every product.
# Who asks meanwhile gets it made on the spot.
GATHERING_SECONDS = 30.0
# A product that everybody knows takes longer than other statements may, and commits as it goes.
_EVENTS_AT_ONCE = 50_000
_AT_LENGTH = text("set local statement_timeout = '5min'")

# What was only shown counts nowhere by its product.
_NAMED = """(
        select id, seller_id || ':' || sku as item from products
        where id = any(cast(:ids as bigint[]))
    ) as named
    join events on events.item = named.item and events.name <> 'view_item_list'"""
_FIND = text(
    f"""
    with lacking as (
        select named.id, at, event, line from {_NAMED}
        where events.product_id is distinct from named.id
        limit :limit
    )
    update events set product_id = lacking.id from lacking
    where (events.at, events.event, events.line) = (lacking.at, lacking.event, lacking.line)
    """  # noqa: S608 - made of constants
)
_WHO = text(
    f"""
    select distinct person from {_NAMED}
    cross join lateral (values (events.user_id), (events.anonymous_id)) as theirs(person)
    where person is not null
    """  # noqa: S608 - made of constants
)


def _find_mentions(parts: Parts, claims: Sequence[work.Claim]) -> None:
    ids = [int(claim.key) for claim in claims]
    while _find(parts, ids) == _EVENTS_AT_ONCE:
        pass
    with parts.sessions.begin() as session:
        session.execute(_AT_LENGTH)
        people = session.scalars(_WHO, {"ids": ids}).all()
        work.owe(session, work.REMAKE, people, wait_seconds=GATHERING_SECONDS)
        work.finish(session, claims)


def _find(parts: Parts, ids: Sequence[int]) -> int:
    with parts.sessions.begin() as session:
        session.execute(_AT_LENGTH)
        found = session.execute(_FIND, {"ids": ids, "limit": _EVENTS_AT_ONCE})
        return cast(CursorResult[Any], found).rowcount


def _give_up(session: Session, claims: Sequence[work.Claim], reason: str) -> None:
    """Leave the row for an operator; events keep the name of their product."""
    work.bury(session, claims, reason)


MENTIONS_HANDLER = Handler(_find_mentions, _give_up, lambda parts: BATCH)
"""How the events of a product are found."""
