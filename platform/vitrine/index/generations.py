"""Which generations live: read, begun, activated, retired."""

from collections.abc import Sequence

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from vitrine.errors import Conflict, Unavailable
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


def hold_active(session: Session) -> Generation | None:
    """Read the active generation, which stays active until this transaction ends."""
    session.execute(text("select pg_advisory_xact_lock_shared(:id)"), {"id": _SWITCH_LOCK})
    return session.scalar(select(Generation).where(Generation.state == "active"))


def previous_generation(session: Session) -> Generation | None:
    """Read the generation that a rollback goes back to: the last one in use of another model."""
    active = select(Generation.model).where(Generation.state == "active").scalar_subquery()
    return session.scalar(
        select(Generation)
        .where(Generation.state == "retired", Generation.model != active)
        .order_by(Generation.retired_at.desc(), Generation.id.desc())
        .limit(1)
    )


def hold_switch(session: Session) -> None:
    """Wait for whoever holds the active generation, and hold off others, to the end."""
    session.execute(text("select pg_advisory_xact_lock(:id)"), {"id": _SWITCH_LOCK})


def begin_generation(session: Session, model: str) -> Generation:
    """Add a generation that is filled beside the active one."""
    generation = Generation(model=model, state="building")
    session.add(generation)
    session.flush()
    return generation


def activate(session: Session, generation_id: int) -> None:
    """Make a generation the one that answers; the one before is retired. One commit, one row.

    Raises Conflict if it is not being built any more: writes have not gone to it since.
    """
    hold_switch(session)
    generation = session.get(Generation, generation_id, populate_existing=True)
    if generation is None or generation.state != "building":
        raise Conflict(
            "This switch was given up meanwhile, since its connection to the database was lost; "
            "start it again."
        )
    now = func.clock_timestamp()
    for before in session.scalars(select(Generation).where(Generation.state == "active")):
        before.state, before.retired_at = "retired", now
    session.flush()
    generation.state, generation.activated_at, generation.retired_at = "active", now, None
    session.flush()


def resume_generation(session: Session, generation_id: int) -> Generation:
    """Let every write go to a retired generation again, so that it can be brought up to date."""
    generation = session.get_one(Generation, generation_id)
    generation.state = "building"
    session.flush()
    return generation


def leave_generation(session: Session, generation: Generation) -> bool:
    """End a building that came to nothing; say whether its collection is to be dropped.

    One that was in use before goes back to being kept.
    """
    if generation.activated_at is None:
        session.delete(generation)
        return True
    generation.state = "retired"
    return False
