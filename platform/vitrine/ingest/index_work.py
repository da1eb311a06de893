"""Sync: index rows follow Postgres in every live generation, and jobs learn what came of it."""

from collections.abc import Sequence

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from vitrine import work
from vitrine.catalog.index_rows import read_index_rows
from vitrine.catalog.jobs import Outcome, resolve
from vitrine.catalog.models import EMBEDDED, FAILED, SEARCHABLE, ProductImage
from vitrine.errors import Unavailable
from vitrine.index.generations import live_generations
from vitrine.index.sync import sync
from vitrine.ingest.parts import Parts


def sync_rows(parts: Parts, claims: Sequence[work.Claim]) -> None:
    """Sync the claimed rows, read them back and mark them. Raises Unavailable."""
    ids = sorted(int(claim.key) for claim in claims)
    with parts.sessions() as session:
        generations = live_generations(session)
    if not generations:
        raise Unavailable("No embedding model is in use yet; `vitrine models use NAME`.")
    present: frozenset[int] = frozenset()
    for generation in generations:
        synced = sync(parts.sessions, parts.index, generation, ids, read_index_rows)
        if generation.state == "active":
            present = synced.present
    with parts.sessions.begin() as session:
        session.execute(
            update(ProductImage)
            .where(ProductImage.id.in_(present), ProductImage.state == EMBEDDED)
            .values(state=SEARCHABLE, reason=None)
        )
        # Only what nothing newer is owed for is told to the jobs.
        settled = {int(key) for key in work.finish(session, claims)}
        resolve(session, work.SYNC, _outcomes(session, settled))


def give_up_syncing(session: Session, claims: Sequence[work.Claim], reason: str) -> None:
    """Say of pictures whose index row could not be written that they failed."""
    buried = [int(key) for key in work.bury(session, claims, reason)]
    session.execute(
        update(ProductImage)
        .where(ProductImage.id.in_(buried), ProductImage.state == EMBEDDED)
        .values(state=FAILED, reason=reason)
    )
    resolve(session, work.SYNC, {str(id_): Outcome("failed", reason) for id_ in buried})


def _outcomes(session: Session, ids: set[int]) -> dict[str, Outcome]:
    """What became of these rows; a picture that has no vector yet is left pending."""
    found = {
        row.id: row
        for row in session.execute(
            select(ProductImage.id, ProductImage.state, ProductImage.reason).where(
                ProductImage.id.in_(ids)
            )
        )
    }
    outcomes = {}
    for id_ in ids:
        row = found.get(id_)
        if row is None:
            outcomes[str(id_)] = Outcome("removed")
        elif row.state in (SEARCHABLE, FAILED):
            outcomes[str(id_)] = Outcome(row.state, row.reason)
    return outcomes
