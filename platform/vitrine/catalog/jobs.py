"""Jobs: opened with the work they wait for, resolved in the transaction that finishes it."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import delete, func, select, text, update
from sqlalchemy.orm import Session

from vitrine.catalog.models import Job, JobItem
from vitrine.catalog.views import job_out
from vitrine.errors import NotFound
from vitrine.wire import JobOut


@dataclass(frozen=True, slots=True)
class Awaited:
    """One piece of work a job waits for; `state` is pending, or what it already came to.

    `cid` is empty for what is about no picture.
    """

    kind: str
    key: str
    cid: str = ""
    state: str = "pending"
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a piece of work came to: searchable, failed (with a reason) or removed."""

    state: str
    reason: str | None = None


def open_job(
    session: Session, kind: str, *, seller_id: str, product: str, awaited: Sequence[Awaited]
) -> Job:
    """Open a job; one that waits for nothing is done at once."""
    pending = any(item.state == "pending" for item in awaited)
    job = Job(
        kind=kind,
        seller_id=seller_id,
        product=product,
        state="queued" if pending else "done",
        finished_at=None if pending else func.now(),
    )
    session.add(job)
    session.flush()
    session.add_all(
        JobItem(
            job_id=job.id,
            kind=item.kind,
            key=item.key,
            cid=item.cid,
            state=item.state,
            reason=item.reason,
        )
        for item in awaited
    )
    session.flush()
    return job


def resolve(session: Session, kind: str, outcomes: Mapping[str, Outcome]) -> None:
    """Tell every job that waits for these keys what they came to, and close what is complete."""
    if not outcomes:
        return
    waiting = (
        select(JobItem.job_id)
        .where(JobItem.kind == kind, JobItem.key.in_(outcomes), JobItem.state == "pending")
        .distinct()
    )
    # The rows are locked first, and in order: two workers that finish the last two items of one
    # job at the same moment would otherwise each see the other's as pending, and none would close.
    jobs = session.scalars(
        select(Job.id).where(Job.id.in_(waiting)).order_by(Job.id).with_for_update()
    ).all()
    if not jobs:
        return
    for outcome in set(outcomes.values()):
        keys = [key for key, found in outcomes.items() if found == outcome]
        session.execute(
            update(JobItem)
            .where(JobItem.kind == kind, JobItem.key.in_(keys), JobItem.state == "pending")
            .values(state=outcome.state, reason=outcome.reason)
            .execution_options(synchronize_session=False)
        )
    is_open = select(JobItem.id).where(JobItem.job_id == Job.id, JobItem.state == "pending")
    session.execute(
        update(Job)
        .where(Job.id.in_(jobs), ~is_open.exists())
        .values(state="done", finished_at=func.clock_timestamp())
        .execution_options(synchronize_session=False)
    )
    session.execute(
        update(Job)
        .where(Job.id.in_(jobs), Job.state == "queued")
        .values(state="running")
        .execution_options(synchronize_session=False)
    )


def read_job(session: Session, job_id: str, *, seller_id: str | None = None) -> JobOut:
    """Read a job, of one seller if given. Raises NotFound."""
    try:
        key = uuid.UUID(job_id)
    except ValueError:
        key = None
    job = session.get(Job, key) if key else None
    if job is None or (seller_id is not None and job.seller_id != seller_id):
        raise NotFound(f"There is no job {job_id[:80]!r}; finished jobs are kept for 30 days.")
    items = session.scalars(select(JobItem).where(JobItem.job_id == job.id).order_by(JobItem.id))
    return job_out(job, items)


def forget_jobs(session: Session, *, days: int = 30, limit: int = 5000) -> int:
    """Delete finished jobs older than `days`, at most `limit`; return how many."""
    age = text("make_interval(days => :days)").bindparams(days=days)
    old = select(Job.id).where(Job.finished_at < func.now() - age).limit(limit)
    forgotten = session.scalars(delete(Job).where(Job.id.in_(old)).returning(Job.id))
    return len(forgotten.all())
