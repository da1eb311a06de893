"""The work table: what is owed, who is at it, and what was given up.

A change and the work that it owes commit in one transaction, so nothing accepted can be lost; a
Celery message only rings. Rows are unique by (kind, key): owing the same thing twice is one row
with a higher version. A claim commits its lease and its attempt *before* the work starts, so that
work which kills its worker has already been counted.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Index, TextClause, bindparam, delete, func, text
from sqlalchemy import Sequence as Counter
from sqlalchemy.orm import Mapped, Session, mapped_column

from vitrine.db import Base

EMBED = "embed"
"""Key: content id. Make the vector of a picture for the model in use."""
FILL = "fill"
"""Key: content id. Make its vector for a generation that is built beside the one in use."""
SYNC = "sync"
"""Key: product image id. Make the index row equal to Postgres, or absent."""
TEXT = "text"
"""Key: product id. Make its row of the text index and its words equal to Postgres, or absent."""
PURGE = "purge"
"""Key: content id. Remove picture, vectors and file if nothing uses them any more."""
PROFILE = "profile"
"""Key: person id. Make the profile equal to the person's last events, or absent."""
REMAKE = "remake"
"""Key: person id. As `profile`, where nobody did anything: what it is made of has changed."""
MENTIONS = "mentions"
"""Key: product id. Let events that name the product find it, and owe the profiles they are in."""

CREATIVE = "creative"
"""Key: creative id. Make the index row of an ad equal to Postgres, or absent."""

KINDS = (EMBED, FILL, SYNC, TEXT, PURGE, PROFILE, REMAKE, MENTIONS, CREATIVE)

MAX_BACKOFF_SECONDS = 300

# One counter for all rows: a version is never used twice, so that a worker that was thought dead
# cannot finish a row that was finished by another and owed anew.
VERSIONS = Counter("work_version", metadata=Base.metadata)


class Work(Base):
    """One thing owed. A row that was given up stays, due never, so that an operator sees it."""

    __tablename__ = "work"
    __table_args__ = (Index("ix_work_due", "kind", "due_at"),)

    kind: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(BigInteger, server_default=VERSIONS.next_value())
    due_at: Mapped[datetime] = mapped_column(server_default=func.now())
    lease_until: Mapped[datetime | None]
    attempts: Mapped[int] = mapped_column(server_default="0")
    error: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


@dataclass(frozen=True, slots=True)
class Claim:
    """A leased row.

    `version` is what was claimed: a later change makes the finish a no-op. `lease_until` tells this
    claim from a later one of the same row, so that a worker thought dead takes nothing back.
    """

    kind: str
    key: str
    version: int
    attempts: int
    lease_until: datetime


_OWE = text(
    """
    insert into work (kind, key, due_at, attempts)
    select :kind, key, clock_timestamp() + make_interval(secs => :wait), 0
    from unnest(cast(:keys as text[])) as owed(key)
    order by key
    on conflict (kind, key) do update
    set version = nextval('work_version'), due_at = least(work.due_at, excluded.due_at),
        attempts = 0, error = null
    """
)

# Fresh rows share a batch. A row with an attempt behind it may be what killed the last worker, so
# it is tried alone: `fresh` selects between the two.
_CLAIM = text(
    """
    update work
    set lease_until = clock_timestamp() + make_interval(secs => :lease),
        attempts = attempts + 1
    where (kind, key) in (
        select kind, key from work
        where kind = :kind and due_at <= clock_timestamp()
          and (lease_until is null or lease_until < clock_timestamp())
          and (attempts = 0) = :fresh
        order by due_at
        limit :limit
        for update skip locked
    )
    returning kind, key, version, attempts, lease_until
    """
)

_CLAIMED = """unnest(
        cast(:keys as text[]), cast(:versions as bigint[]), cast(:leases as timestamptz[])
    ) as claimed(key, version, lease_until)
    where work.kind = :kind and work.key = claimed.key"""


def _on_claims(statement: str) -> TextClause:
    """Put the rows that were claimed into a statement on `work`."""
    return text(statement.replace("{_CLAIMED}", _CLAIMED))


# In the order in which `owe` takes them: whoever waits for one then holds none that comes after it.
_LOCK = text("select key from work where kind = :kind and key = any(:keys) order by key for update")

_FINISH = _on_claims(
    """
    delete from work using {_CLAIMED} and work.version = claimed.version
    returning work.key
    """
)

# What was owed again while it was being worked on: the lease ends, the new version waits.
_REOPEN = _on_claims(
    """
    update work set lease_until = null, attempts = 0
    from {_CLAIMED} and work.version <> claimed.version
      and work.lease_until = claimed.lease_until
    """
)

_RETRY = _on_claims(
    """
    update work
    set lease_until = null, error = :error, due_at = clock_timestamp() + make_interval(
            secs => least(:cap, power(2, attempts) * (0.75 + random() / 2))
        )
    from {_CLAIMED} and work.lease_until = claimed.lease_until
    """
)

# An outage is not the row's fault: the attempt is taken back and the wait is short.
_POSTPONE = _on_claims(
    """
    update work
    set lease_until = null, error = :error, attempts = greatest(attempts - 1, 0),
        due_at = clock_timestamp() + make_interval(secs => :seconds)
    from {_CLAIMED} and work.lease_until = claimed.lease_until
    """
)

_BURY = _on_claims(
    """
    update work set lease_until = null, error = :error, due_at = 'infinity'
    from {_CLAIMED} and work.version = claimed.version
    returning work.key
    """
)

_DUE = text(
    """
    select distinct kind from work
    where due_at <= clock_timestamp()
      and (lease_until is null or lease_until < clock_timestamp())
    """
)

_BACKLOG = text(
    """
    select kind,
           count(*) filter (where due_at < 'infinity') as pending,
           count(*) filter (where due_at = 'infinity') as dead
    from work group by kind
    """
).columns(kind=Work.kind.type, pending=BigInteger(), dead=BigInteger())


def owe(session: Session, kind: str, keys: Iterable[object], *, wait_seconds: float = 0.0) -> None:
    """Owe work on `keys` in the caller's transaction, due at once or in so many seconds.

    What is due sooner already stays so: waiting gathers what is owed again and again into one.
    """
    wanted = sorted({str(key) for key in keys})
    if wanted:
        session.execute(_OWE, {"kind": kind, "keys": wanted, "wait": wait_seconds})


def claim(
    session: Session, kind: str, *, limit: int, lease_seconds: float, fresh: bool
) -> list[Claim]:
    """Lease up to `limit` due rows: untried ones if `fresh`, else ones tried before.

    The caller commits before it starts to work.
    """
    rows = session.execute(
        _CLAIM, {"kind": kind, "limit": limit, "lease": lease_seconds, "fresh": fresh}
    )
    return [Claim(*row) for row in rows]


def finish(session: Session, claims: Sequence[Claim]) -> set[str]:
    """Take finished work off the table; return the keys that nothing newer is owed for."""
    done: set[str] = set()
    for values in _locked(session, claims):
        done.update(session.execute(_FINISH, values).scalars())
        session.execute(_REOPEN, values)
    return done


def retry(session: Session, claims: Sequence[Claim], error: str) -> None:
    """Give claimed work back after a failure, with a wait that doubles with every attempt."""
    for values in _locked(session, claims):
        session.execute(_RETRY, {**values, "error": error, "cap": MAX_BACKOFF_SECONDS})


def postpone(
    session: Session, claims: Sequence[Claim], error: str, *, seconds: float = 2.0
) -> None:
    """Give claimed work back because a dependency is down; the attempt does not count."""
    for values in _locked(session, claims):
        session.execute(_POSTPONE, {**values, "error": error, "seconds": seconds})


def bury(session: Session, claims: Sequence[Claim], error: str) -> set[str]:
    """Give work up for good; return the keys that nothing newer is owed for."""
    buried: set[str] = set()
    for values in _locked(session, claims):
        buried.update(session.execute(_BURY, {**values, "error": error}).scalars())
        session.execute(_REOPEN, values)
    return buried


def forget(session: Session, kind: str, keys: Iterable[object] | None = None) -> None:
    """Take everything of a kind, or these keys of it, off the table: not wanted any more."""
    statement = delete(Work).where(Work.kind == kind)
    if keys is not None:
        wanted = sorted({str(key) for key in keys})
        session.execute(_LOCK, {"kind": kind, "keys": wanted})
        statement = statement.where(Work.key.in_(wanted))
    session.execute(statement)


def due_kinds(session: Session) -> set[str]:
    """Kinds that have work nobody is at."""
    return set(session.execute(_DUE).scalars())


def backlog(session: Session) -> dict[str, tuple[int, int]]:
    """(pending, given up) by kind."""
    return {row.kind: (row.pending, row.dead) for row in session.execute(_BACKLOG)}


def pending_keys(session: Session, kind: str, keys: Iterable[object]) -> set[str]:
    """Those of `keys` that are still owed."""
    wanted = sorted({str(key) for key in keys})
    if not wanted:
        return set()
    statement = text("select key from work where kind = :kind and key = any(:keys)").bindparams(
        bindparam("kind", kind), bindparam("keys", wanted)
    )
    return set(session.execute(statement).scalars())


def _locked(session: Session, claims: Sequence[Claim]) -> Iterator[dict[str, Any]]:
    """Lock the rows of each kind; gives the parameters of the statements above."""
    for values in _by_kind(claims):
        session.execute(_LOCK, {"kind": values["kind"], "keys": values["keys"]})
        yield values


def _by_kind(claims: Sequence[Claim]) -> list[dict[str, Any]]:
    grouped: dict[str, list[Claim]] = {}
    for one in claims:
        grouped.setdefault(one.kind, []).append(one)
    return [
        {
            "kind": kind,
            "keys": [one.key for one in some],
            "versions": [one.version for one in some],
            "leases": [one.lease_until for one in some],
        }
        for kind, some in grouped.items()
    ]
