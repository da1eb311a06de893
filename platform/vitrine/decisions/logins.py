"""Logins: which user an anonymous visitor turned out to be.

The first who says so owns the visitor: first by (time, event) and not by arrival, so that events
in another order end in the same owner.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from vitrine.decisions.models import Login

# Two who log in the same visitor go one after the other, so that each sees the owner before.
_HOLD = text(
    "select id from people where id = any(cast(:ids as bigint[])) order by id for no key update"
)

_LOG_IN = text(
    """
    insert into logins (anonymous_id, user_id, at, event)
    select * from unnest(
        cast(:visitors as bigint[]), cast(:users as bigint[]),
        cast(:times as timestamptz[]), cast(:events as bytea[])
    )
    on conflict (anonymous_id) do update
    set user_id = excluded.user_id, at = excluded.at, event = excluded.event
    where (excluded.at, excluded.event) < (logins.at, logins.event)
    """
)


@dataclass(frozen=True, order=True, slots=True)
class Claim:
    """An event that says that a visitor is a user; the smallest is the first."""

    at: datetime
    event: bytes
    visitor_id: int
    user_id: int


def owners(session: Session, visitor_ids: Iterable[int]) -> dict[int, int]:
    """Find the owner of each visitor that has one."""
    rows = session.execute(
        select(Login.anonymous_id, Login.user_id).where(Login.anonymous_id.in_(set(visitor_ids)))
    )
    return {row.anonymous_id: row.user_id for row in rows}


def log_in(session: Session, claims: Iterable[Claim]) -> set[int]:
    """Let the first claim to each visitor own it; return everybody whose history changed."""
    first: dict[int, Claim] = {}
    for claim in sorted(claims, reverse=True):
        first[claim.visitor_id] = claim
    if not first:
        return set()
    visitors = sorted(first)
    session.execute(_HOLD, {"ids": visitors})
    before = owners(session, visitors)
    session.execute(
        _LOG_IN,
        {
            "visitors": visitors,
            "users": [first[visitor].user_id for visitor in visitors],
            "times": [first[visitor].at for visitor in visitors],
            "events": [first[visitor].event for visitor in visitors],
        },
    )
    changed: set[int] = set()
    for visitor, owner in owners(session, visitors).items():
        if before.get(visitor) != owner:
            changed |= {visitor, owner, before.get(visitor, owner)}
    return changed
