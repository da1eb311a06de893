"""Which generations live: read, begun, activated, retired."""

from collections.abc import Sequence

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from vitrine.errors import Unavailable
from vitrine.index.models import Generation

# Any number; whoever holds this advisory lock changes generations.
_SWITCH_LOCK = 7_283_002


def active_generation(session: Session) -> Generation:
    """Read the generation that answers queries. Raises Unavailable while there is none."""
    found = session.scalar(select(Generation).where(Generation.state == "active"))
    if found is None:
        raise Unavailable(
            "This shop has no embedding model in use yet; run `vitrine models use NAME` "
            "(`vitrine up` does it for you)."
        )
    return found


def live_generations(session: Session) -> Sequence[Generation]:
    """Generations that every write goes to: the active one and what is built beside it."""
    return session.scalars(
        select(Generation).where(Generation.state != "retired").order_by(Generation.id)
    ).all()


def begin_generation(session: Session, model: str) -> Generation:
    """Add a generation that is filled beside the active one."""
    generation = Generation(model=model, state="building")
    session.add(generation)
    session.flush()
    return generation


def activate(session: Session, generation_id: int) -> None:
    """Make a generation the one that answers; the one before is retired. One commit, one row."""
    session.execute(text("select pg_advisory_xact_lock(:id)"), {"id": _SWITCH_LOCK})
    now = func.clock_timestamp()
    for before in session.scalars(select(Generation).where(Generation.state == "active")):
        before.state, before.retired_at = "retired", now
    session.flush()
    generation = session.get_one(Generation, generation_id)
    generation.state, generation.activated_at, generation.retired_at = "active", now, None
    session.flush()


def retire(session: Session, generation_id: int) -> None:
    """Take a generation out of use."""
    generation = session.get_one(Generation, generation_id)
    generation.state, generation.retired_at = "retired", func.clock_timestamp()
    session.flush()


def forget_generation(session: Session, generation_id: int) -> None:
    """Delete the row of a generation whose collections are gone."""
    session.delete(session.get_one(Generation, generation_id))
    session.flush()
