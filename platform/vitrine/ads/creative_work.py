"""Creative work: the index rows of ads follow Postgres, and their pictures become searchable."""

from collections.abc import Collection, Sequence, Set
from dataclasses import replace

from sqlalchemy import ColumnElement, exists, select, update
from sqlalchemy.orm import Session

from vitrine import logs, work
from vitrine.ads.creative_rows import (
    creative_ids,
    owe_drawing,
    read_creative_rows,
    read_creative_scalars,
    stuck_creatives,
)
from vitrine.catalog.models import CREATIVE, EMBEDDED, FAILED, SEARCHABLE, CreativeImage
from vitrine.catalog.pictures import lock_uses
from vitrine.embedding.models import Embedding
from vitrine.index.client import VectorIndex
from vitrine.index.generations import hold_active
from vitrine.index.schema import CreativeScalars
from vitrine.ingest.beside import make_beside
from vitrine.ingest.drain import Handler
from vitrine.ingest.holdings import Beside
from vitrine.ingest.live import sync_kept, sync_live
from vitrine.ingest.parts import Parts

log = logs.get(__name__)

CREATIVES: Beside[CreativeScalars] = Beside(
    stage="creatives",
    collection=lambda generation: generation.creatives_collection,
    make=VectorIndex.create_creatives,
    ids=creative_ids,
    rows=read_creative_rows,
    wanted=read_creative_scalars,
    found=VectorIndex.creative_scalars,
    kind=work.CREATIVE,
    follow=owe_drawing,
    stuck=stuck_creatives,
)
"""The creatives, beside the pictures of products in every generation."""


def sync_creatives(parts: Parts, claims: Sequence[work.Claim]) -> None:
    """Sync the claimed rows, read them back and mark their pictures. Raises Unavailable."""
    ids = sorted(int(claim.key) for claim in claims)
    make_beside(parts)
    while not _sync_once(parts, claims, ids):
        log.info("creatives.again", rows=len(ids), reason="the generation in use changed meanwhile")


def _sync_once(parts: Parts, claims: Sequence[work.Claim], ids: Sequence[int]) -> bool:
    """Sync in every live generation; False if another one became active in between."""
    written = sync_live(parts, CREATIVES, ids)
    sync_kept(parts, CREATIVES, [id_ for id_ in ids if id_ not in written.present])
    with parts.sessions.begin() as session:
        # As with the pictures of products: it is said of the generation that answers.
        held = hold_active(session)
        if (held.id if held else None) != written.active:
            return False
        lock_uses(session, _own(ids), of=CreativeImage)
        settled = set(ids)
        if written.beside is None:
            # What was owed anew meanwhile may have got another picture: its next sync marks it.
            settled = {int(key) for key in work.finish(session, claims)}
        if held is not None:
            _mark_searchable(session, held.model, written.present & settled)
            _owe_lost_vectors(session, held.model, ids)
    if written.beside is not None:
        raise written.beside
    return True


def _mark_searchable(session: Session, model: str, ids: Set[int]) -> None:
    session.execute(
        update(CreativeImage)
        .where(_own(ids), CreativeImage.state == EMBEDDED, _has_vector(model))
        .values(state=SEARCHABLE, reason=None)
    )


def _owe_lost_vectors(session: Session, model: str, ids: Sequence[int]) -> None:
    """Owe the vectors of pictures that were embedded with the model before, just as it changed."""
    lost = select(CreativeImage.cid).where(
        _own(ids), CreativeImage.state == EMBEDDED, ~_has_vector(model)
    )
    work.owe(session, work.EMBED, session.scalars(lost))


def give_up_creatives(session: Session, claims: Sequence[work.Claim], reason: str) -> None:
    """Say of the pictures of creatives whose row could not be written that they failed."""
    buried = [int(key) for key in work.bury(session, claims, reason)]
    session.execute(
        update(CreativeImage)
        .where(_own(buried), CreativeImage.state == EMBEDDED)
        .values(state=FAILED, reason=reason)
    )


def with_creatives(handler: Handler) -> Handler:
    """Have a handler of work on products owe the creatives that draw on these, too."""

    def run(parts: Parts, claims: Sequence[work.Claim]) -> None:
        # First, since the handler ends the claims: who dies in between does it once more.
        with parts.sessions.begin() as session:
            owe_drawing(session, [int(claim.key) for claim in claims])
        handler.run(parts, claims)

    return replace(handler, run=run, follow_up=(*handler.follow_up, work.CREATIVE))


def _own(ids: Collection[int]) -> ColumnElement[bool]:
    return (CreativeImage.kind == CREATIVE) & CreativeImage.owner_id.in_(ids)


def _has_vector(model: str) -> ColumnElement[bool]:
    return exists().where(Embedding.cid == CreativeImage.cid, Embedding.model == model)


CREATIVE_HANDLER = Handler(sync_creatives, give_up_creatives, lambda parts: parts.bounds.sync_batch)
"""How the index row of a creative is made right."""
