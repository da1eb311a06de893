"""Housekeeping: what beat has done now and then so that nothing piles up or is forgotten."""

from contextlib import suppress
from datetime import timedelta

from sqlalchemy import func, select

from vitrine import logs
from vitrine.catalog.jobs import forget_jobs
from vitrine.errors import Conflict
from vitrine.index.generations import previous_generation
from vitrine.index.models import Generation
from vitrine.ingest.beside import repair_beside
from vitrine.ingest.parts import Parts
from vitrine.ingest.reconcile import reconcile
from vitrine.ingest.switch import clear_stale_builds
from vitrine.ingest.text_work import ensure_text_index

log = logs.get(__name__)

KEEP_RETIRED = timedelta(hours=1)
KEEP_JOBS_DAYS = 30


def keep_house(parts: Parts) -> None:
    """Owe what was forgotten, forget old jobs, drop what was retired or left half-built.

    A text index that was lost is made again. So is what stands beside the pictures, and it is
    compared with Postgres, since a row of it may follow from what owes nothing for it.

    The generation before is kept, to go back to, until another model follows.

    Each step has its own transaction, so that one that fails undoes none of the others.
    """
    with parts.sessions.begin() as session:
        owed = reconcile(session, beside=parts.beside)
    with parts.sessions.begin() as session:
        forgotten = forget_jobs(session, days=KEEP_JOBS_DAYS)
    stale = 0
    with suppress(Conflict):  # somebody is building, so what is built is not stale
        stale = clear_stale_builds(parts)
    with parts.sessions.begin() as session:
        kept = previous_generation(session)
        old = session.scalars(
            select(Generation).where(
                Generation.state == "retired",
                Generation.retired_at < func.now() - KEEP_RETIRED,
                Generation.id != (kept.id if kept else -1),
            )
        ).all()
        for generation in old:
            for one in parts.holdings:
                one.drop(parts.index, generation)
            session.delete(generation)
    ensure_text_index(parts)
    repaired = repair_beside(parts)
    log.info(
        "house.kept",
        owed=owed,
        jobs_forgotten=forgotten,
        generations_dropped=len(old) + stale,
        rows_repaired=repaired,
    )
