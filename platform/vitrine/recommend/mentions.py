"""Events that name a product find it, also when they came before it, or before it was listed again.

An event keeps what the shop called its product. When a product of that name is listed, the events
are its own from then on; and when one of its pictures has a vector, interests can be made of it. So
each time the profiles are owed of everybody who dealt with it.
"""

from collections.abc import Sequence

from sqlalchemy import text
from sqlalchemy.orm import Session

from vitrine import work
from vitrine.ingest.drain import Handler
from vitrine.ingest.parts import Parts

BATCH = 100
# Of a shop that is listed anew each profile is made once in this time, and not for every product.
# Who asks meanwhile gets it made on the spot.
GATHERING_SECONDS = 30.0

_NAMED = """(
        select id, seller_id || ':' || sku as item from products
        where id = any(cast(:ids as bigint[]))
    ) as named"""
_FIND = text(
    f"""
    update events set product_id = named.id from {_NAMED}
    where events.item = named.item and events.product_id is distinct from named.id
    """  # noqa: S608 - made of constants
)
# What was only shown is in no profile.
_WHO = text(
    f"""
    select distinct person from {_NAMED}
    join events on events.item = named.item
    cross join lateral (values (events.user_id), (events.anonymous_id)) as theirs(person)
    where events.name <> 'view_item_list' and person is not null
    """  # noqa: S608 - made of constants
)


def _find_mentions(parts: Parts, claims: Sequence[work.Claim]) -> None:
    with parts.sessions.begin() as session:
        ids = {"ids": [int(claim.key) for claim in claims]}
        session.execute(_FIND, ids)
        people = session.scalars(_WHO, ids).all()
        work.owe(session, work.PROFILE, people, wait_seconds=GATHERING_SECONDS)
        work.finish(session, claims)


def _give_up(session: Session, claims: Sequence[work.Claim], reason: str) -> None:
    """Leave the row for an operator; events keep the name of their product."""
    work.bury(session, claims, reason)


MENTIONS_HANDLER = Handler(_find_mentions, _give_up, lambda parts: BATCH)
"""How the events of a product are found."""
