"""What becomes of the uses of pictures that were embedded, or failed, and what they owe then."""

from collections.abc import Mapping, Set

from sqlalchemy import exists, select, tuple_, update
from sqlalchemy.orm import Session, aliased

from vitrine import logs, work
from vitrine.catalog.jobs import Outcome, resolve
from vitrine.catalog.models import EMBEDDED, FAILED, RECEIVED, CreativeImage, ProductImage
from vitrine.catalog.pictures import owners
from vitrine.embedding.models import Embedding

log = logs.get(__name__)


def mark_embedded(session: Session, cids: Set[str]) -> None:
    """Say of all uses of these pictures that they have a vector of the model in use."""
    for use in (ProductImage, CreativeImage):
        session.execute(
            update(use)
            .where(use.cid.in_(cids), use.state.in_((RECEIVED, FAILED)))
            .values(state=EMBEDDED, reason=None)
        )


def mark_failed(session: Session, reasons: Mapping[str, str]) -> None:
    """Say of all uses of these pictures, by content id, that they failed, and why."""
    failed: dict[int, str] = {}
    for cid, reason in sorted(reasons.items()):
        ids = session.scalars(
            update(ProductImage)
            .where(ProductImage.cid == cid)
            .values(state=FAILED, reason=reason)
            .returning(ProductImage.id)
        )
        failed.update(dict.fromkeys(ids, reason))
        session.execute(
            update(CreativeImage)
            .where(CreativeImage.cid == cid)
            .values(state=FAILED, reason=reason)
        )
        log.info("image.failed", cid=cid, reason=reason)
    outcomes = {str(id_): Outcome("failed", reason) for id_, reason in failed.items()}
    resolve(session, work.SYNC, outcomes)
    work.owe(session, work.SYNC, failed)
    work.owe(session, work.CREATIVE, owners(session, CreativeImage.cid.in_(list(reasons))))


def owe_rows(session: Session, cids: Set[str]) -> None:
    """Owe the index rows that are made of these pictures."""
    uses = session.scalars(select(ProductImage.id).where(ProductImage.cid.in_(cids))).all()
    work.owe(session, work.SYNC, uses)
    work.owe(session, work.CREATIVE, owners(session, CreativeImage.cid.in_(cids)))


def shown_by(session: Session, model: str, made: set[str]) -> set[int]:
    """Find the products that a picture stands for just now that got its vector of this model.

    That is the first of theirs that has one: by it a product is part of an interest.
    """
    if not made:
        return set()
    before = aliased(ProductImage)
    earlier = (
        exists()
        .where(Embedding.cid == before.cid, Embedding.model == model)
        .where(before.product_id == ProductImage.product_id, before.state != FAILED)
        .where(tuple_(before.position, before.id) < tuple_(ProductImage.position, ProductImage.id))
    )
    return set(
        session.scalars(select(ProductImage.product_id).where(ProductImage.cid.in_(made), ~earlier))
    )
