"""Who somebody is: users, anonymous visitors, and which of them turned out to be one.

A user called like a visitor's anonymous id comes first. An anonymous id that logged in stands for
the user who owns it, unless it is asked for by itself.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from uuid import uuid4

from sqlalchemy import text
from sqlalchemy.orm import Session

from vitrine.db import Reads
from vitrine.decisions.models import ANONYMOUS, USER


@dataclass(frozen=True, slots=True)
class Who:
    """A person. `ids` are its own id and those of the anonymous visitors that it owns."""

    person_id: int
    kind: str
    ids: tuple[int, ...]


# A user before a visitor of the same name; `alone` is for who may only ask for the visitor.
_RESOLVE = text(
    """
    with named as (
        select people.id, logins.user_id as owner
        from people left join logins on logins.anonymous_id = people.id and not :alone
        where people.name = :name and people.kind = any(cast(:kinds as text[]))
        order by people.kind = 'user' desc
        limit 1
    )
    select people.id, people.kind,
        array(select anonymous_id from logins where user_id = people.id order by anonymous_id)
    from named join people on people.id = coalesce(named.owner, named.id)
    """
)

# The first of them is the user, if there is one.
_ONE_PERSON = text(
    """
    with owned as (
        select coalesce((select user_id from logins where anonymous_id = :id), :id) as owner
    )
    select owner as id from owned
    union all
    select anonymous_id from owned join logins on user_id = owner
    """
)

# Whoever is called like this person and nobody's; or whose it is.
_NAMESAKE = text(
    """
    select browser.id, logins.user_id as owner
    from people join people as browser on browser.name = people.name
    left join logins on logins.anonymous_id = browser.id
    where people.id = :id and people.kind = 'user' and browser.kind = 'anonymous'
    """
)
_RENAME = text("update people set name = :name where id = :id")

_ENSURE = text(
    """
    insert into people (kind, name)
    select :kind, name from unnest(cast(:names as text[])) as wanted(name)
    order by name
    on conflict (kind, name) do nothing
    """
)

# Held until the end of the transaction, so that nobody erases them before their events are in.
_HOLD = text(
    """
    select name, id from people
    where kind = :kind and name = any(cast(:names as text[]))
    order by name
    for key share
    """
)


def resolve(reads: Reads, name: str) -> Who | None:
    """Find who is called `name`: a user, else a visitor, who is its owner once it logged in."""
    return _find(reads, name, alone=False, kinds=[USER, ANONYMOUS])


def resolve_user(reads: Reads, name: str) -> Who | None:
    """Find the user `name`: no visitor, whatever it may be called."""
    return _find(reads, name, alone=False, kinds=[USER])


def resolve_browser(reads: Reads, name: str) -> Who | None:
    """Find whose browser `name` is: its owner once it logged in, until then the visitor."""
    return _find(reads, name, alone=False, kinds=[ANONYMOUS])


def resolve_visitor(reads: Reads, name: str) -> Who | None:
    """Find the anonymous visitor `name` by itself, whoever it may have turned out to be.

    For published keys: knowing a visitor's id opens nothing of the user behind it.
    """
    return _find(reads, name, alone=True, kinds=[ANONYMOUS])


def one_person(reads: Reads, who: Who) -> tuple[int, ...]:
    """Find all ids of the person that this is: of a browser that logged in, those of its user.

    For what is counted and not shown; the first stands for the person.
    """
    return tuple(reads.execute(_ONE_PERSON, {"id": who.person_id}).scalars())


def resolve_whole(reads: Reads, name: str) -> Who | None:
    """Find who is called `name` as `resolve` does, and a browser that is called like that user.

    For what is to reach all that is kept under a name. A browser of another user is that user's.
    """
    who = resolve(reads, name)
    if who is None:
        return None
    browser = reads.execute(_NAMESAKE, {"id": who.person_id}).one_or_none()
    if browser is None or browser.owner is not None or browser.id in who.ids:
        return who
    return replace(who, ids=(*who.ids, browser.id))


def rename_namesake(session: Session, who: Who) -> None:
    """Call a browser of another user otherwise if it is called like this one, who is to be erased.

    Its events stay with its owner; the next ones are of a browser that nobody knows yet.
    """
    browser = session.execute(_NAMESAKE, {"id": who.person_id}).one_or_none()
    if browser is not None and browser.owner not in {None, who.person_id}:
        session.execute(_RENAME, {"id": browser.id, "name": f"erased-{uuid4().hex}"})


def _find(reads: Reads, name: str, *, alone: bool, kinds: list[str]) -> Who | None:
    if "\x00" in name:
        return None  # PostgreSQL keeps no such text, so nobody has that name
    row = reads.execute(_RESOLVE, {"name": name, "alone": alone, "kinds": kinds}).one_or_none()
    if row is None:
        return None
    person_id, kind, owned = row
    return Who(person_id, kind, (person_id, *owned))


def ensure(session: Session, kind: str, names: Iterable[str]) -> dict[str, int]:
    """Find or make the people of these names; they cannot be erased before the transaction ends.

    Taken in the order of their names, as everybody does who takes several.
    """
    wanted = sorted(set(names))
    found: dict[str, int] = {}
    # Somebody may be erased between the two statements; made anew, they are somebody else.
    while len(found) < len(wanted):
        values = {"kind": kind, "names": wanted}
        session.execute(_ENSURE, values)
        found = {row.name: row.id for row in session.execute(_HOLD, values)}
    return found
