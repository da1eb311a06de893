"""The versions of an online model: the next one, how well each predicted, and a way back."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.orm import Session

from vitrine.errors import NotFound
from vitrine.recommend.models import LEARNER_LOCK, ModelVersion, RankerRow

KEPT_VERSIONS = 50


@dataclass(frozen=True, slots=True)
class Kind:
    """Versions of what: their rows, the lock of who learns, what one is called and listed by."""

    row: type[ModelVersion]
    lock: str
    called: str
    listed_by: str


RANKERS = Kind(RankerRow, LEARNER_LOCK, "ranker", "vitrine rankers list")


@dataclass(frozen=True, slots=True)
class Version:
    """One version; `report` is its progressive validation, see recommend.validation."""

    version: int
    created_at: datetime
    examples: int
    report: dict[str, Any]
    withdrawn: bool
    held: bool


def may_learn(session: Session, kind: Kind) -> bool:
    """Become the one who learns until the end of the transaction; False while another is it."""
    lock = func.pg_try_advisory_xact_lock(func.hashtext(kind.lock))
    return bool(session.scalar(select(lock)))


def last_state(session: Session, kind: Kind) -> dict[str, Any] | None:
    """Read the state to go on from: the newest that nobody withdrew, also one that is held."""
    row = kind.row
    newest = select(row.state).where(~row.withdrawn).order_by(row.version.desc()).limit(1)
    return session.scalar(newest)


def add_version(session: Session, kind: Kind, values: dict[str, Any]) -> int:
    """Write the next version, and drop those that are too old; returns its number."""
    added = session.execute(insert(kind.row).values(values).returning(kind.row.version))
    version = int(added.scalar_one())
    forget_old(session, kind)
    return version


def forget_old(session: Session, kind: Kind) -> None:
    """Drop all but the last versions, never the one that serves."""
    row = kind.row
    serving = select(func.max(row.version)).where(~row.withdrawn, ~row.held).scalar_subquery()
    newest = select(row.version).order_by(row.version.desc()).limit(KEPT_VERSIONS)
    session.execute(
        delete(row).where(row.version.not_in(newest), row.version.is_distinct_from(serving))
    )


def list_versions(session: Session, kind: Kind = RANKERS, *, limit: int) -> list[Version]:
    """Read the newest versions, newest first."""
    row = kind.row
    rows = session.execute(
        select(row.version, row.created_at, row.examples, row.report, row.withdrawn, row.held)
        .order_by(row.version.desc())
        .limit(limit)
    )
    return [Version(*one) for one in rows]


def serving_version(versions: Sequence[Version]) -> int:
    """Tell which of these serves; 0, the prior, if none does."""
    return max((one.version for one in versions if not (one.withdrawn or one.held)), default=0)


def withdraw(session: Session, version: int, kind: Kind = RANKERS) -> list[int]:
    """Withdraw a version and all that were learnt from it; returns which. Raises NotFound.

    What those had learnt is forgotten: learning goes on from the version before.
    """
    # Who learns just now goes on from what is being taken back: its version is to be seen here.
    session.execute(select(func.pg_advisory_xact_lock(func.hashtext(kind.lock))))
    row = kind.row
    if session.get(row, version) is None:
        raise NotFound(f"There is no {kind.called} {version}; `{kind.listed_by}` names them.")
    withdrawn = session.scalars(
        update(row)
        .where(row.version >= version, ~row.withdrawn)
        .values(withdrawn=True)
        .returning(row.version)
    )
    return sorted(withdrawn)
