"""Housekeeping: what beat has done now and then so that nothing piles up or is forgotten."""

from datetime import timedelta

from sqlalchemy import func, select

from vitrine import logs
from vitrine.catalog.jobs import forget_jobs
from vitrine.index.models import Generation
from vitrine.ingest.parts import Parts
from vitrine.ingest.reconcile import reconcile

log = logs.get(__name__)

KEEP_RETIRED = timedelta(hours=1)
KEEP_JOBS_DAYS = 30


def keep_house(parts: Parts) -> None:
    """Owe what was forgotten, forget old jobs, drop collections retired for an hour."""
    with parts.sessions.begin() as session:
        owed = reconcile(session)
        forgotten = forget_jobs(session, days=KEEP_JOBS_DAYS)
    with parts.sessions.begin() as session:
        old = session.scalars(
            select(Generation).where(
                Generation.state == "retired", Generation.retired_at < func.now() - KEEP_RETIRED
            )
        ).all()
        for generation in old:
            parts.index.drop(generation.images_collection)
            session.delete(generation)
    log.info("house.kept", owed=owed, jobs_forgotten=forgotten, collections_dropped=len(old))
