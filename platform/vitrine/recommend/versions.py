"""The versions of the ranker as an operator sees them: how well each predicted, and a way back."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from vitrine.errors import NotFound
from vitrine.recommend.models import LEARNER_LOCK, RankerRow


@dataclass(frozen=True, slots=True)
class Version:
    """One version; `report` is its progressive validation, see recommend.validation."""

    version: int
    created_at: datetime
    examples: int
    report: dict[str, Any]
    withdrawn: bool
    held: bool


def list_versions(session: Session, *, limit: int) -> list[Version]:
    """Read the newest versions, newest first."""
    rows = session.execute(
        select(
            RankerRow.version,
            RankerRow.created_at,
            RankerRow.examples,
            RankerRow.report,
            RankerRow.withdrawn,
            RankerRow.held,
        )
        .order_by(RankerRow.version.desc())
        .limit(limit)
    )
    return [Version(*row) for row in rows]


def serving_version(versions: Sequence[Version]) -> int:
    """Tell which of these serves; 0, the prior, if none does."""
    return max((one.version for one in versions if not (one.withdrawn or one.held)), default=0)


def withdraw(session: Session, version: int) -> list[int]:
    """Withdraw a version and all that were learnt from it; returns which. Raises NotFound.

    What those had learnt is forgotten: learning goes on from the version before.
    """
    # Who learns just now goes on from what is being taken back: its version is to be seen here.
    session.execute(select(func.pg_advisory_xact_lock(func.hashtext(LEARNER_LOCK))))
    if session.get(RankerRow, version) is None:
        raise NotFound(f"There is no ranker {version}; `vitrine rankers list` names them.")
    withdrawn = session.scalars(
        update(RankerRow)
        .where(RankerRow.version >= version, ~RankerRow.withdrawn)
        .values(withdrawn=True)
        .returning(RankerRow.version)
    )
    return sorted(withdrawn)
