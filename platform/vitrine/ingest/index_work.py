"""Sync: index rows follow Postgres in every live generation, and jobs learn what came of it."""

from collections.abc import Iterable, Sequence

from sqlalchemy import exists, select, update
from sqlalchemy.orm import Session

from vitrine import logs, work
from vitrine.catalog.jobs import Outcome, resolve
from vitrine.catalog.models import EMBEDDED, FAILED, SEARCHABLE, ProductImage
from vitrine.catalog.pictures import lock_uses
from vitrine.embedding.models import Embedding
from vitrine.index.generations import hold_active
from vitrine.ingest.holdings import PICTURES
from vitrine.ingest.live import sync_kept, sync_live
from vitrine.ingest.parts import Parts

log = logs.get(__name__)


def sync_rows(parts: Parts, claims: Sequence[work.Claim]) -> None:
    """Sync the claimed rows, read them back and mark them. Raises Unavailable."""
    ids = sorted(int(claim.key) for claim in claims)
    while not _sync_once(parts, claims, ids):
        log.info("sync.again", rows=len(ids), reason="the generation in use changed meanwhile")


def _sync_once(parts: Parts, claims: Sequence[work.Claim], ids: Sequence[int]) -> bool:
    """Sync in every live generation; False if another one became active in between."""
    written = sync_live(parts, PICTURES, ids)
    _forget_deleted(parts, ids)
    with parts.sessions.begin() as session:
        # "Searchable" has to be said of the generation that answers when it is said.
        held = hold_active(session)
        if (held.id if held else None) != written.active:
            return False
        # An update takes rows as they lie on disk, and what is finished below is owed by sellers
        # who hold these first.
        lock_uses(session, ProductImage.id.in_(ids))
        session.execute(
            update(ProductImage)
            .where(ProductImage.id.in_(written.present), ProductImage.state == EMBEDDED)
            .values(state=SEARCHABLE, reason=None)
        )
        if held is not None:
            _owe_lost_vectors(session, held.model, set(ids) - written.present)
        if written.beside is None:
            # Only what nothing newer is owed for is told to the jobs.
            settled = {int(key) for key in work.finish(session, claims)}
            resolve(session, work.SYNC, _outcomes(session, settled))
    if written.beside is not None:
        # What is found already can be found; the generation that is built still needs the rows.
        raise written.beside
    return True


def _owe_lost_vectors(session: Session, model: str, ids: Iterable[int]) -> None:
    """Owe the vectors of pictures that were embedded with the model before, just as it changed."""
    made = exists().where(Embedding.cid == ProductImage.cid, Embedding.model == model)
    lost = select(ProductImage.cid).where(
        ProductImage.id.in_(ids), ProductImage.state == EMBEDDED, ~made
    )
    work.owe(session, work.EMBED, session.scalars(lost))


def _forget_deleted(parts: Parts, ids: Sequence[int]) -> None:
    """Take deleted pictures out of the generation that is kept to go back to."""
    with parts.sessions() as session:
        there = set(session.scalars(select(ProductImage.id).where(ProductImage.id.in_(ids))))
    sync_kept(parts, PICTURES, [id_ for id_ in ids if id_ not in there])


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
