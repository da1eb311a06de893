"""Purge: a picture that nothing uses any more loses its file, its vectors and its row."""

from collections.abc import Sequence

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from vitrine import work
from vitrine.catalog.jobs import Outcome, resolve
from vitrine.catalog.models import CreativeImage, Image, ProductImage
from vitrine.ingest.parts import Parts


def purge(parts: Parts, claims: Sequence[work.Claim]) -> None:
    """Remove the claimed pictures unless a listing or an ad uses them. Raises Unavailable."""
    with parts.sessions.begin() as session:
        cids = sorted(claim.key for claim in claims)
        # Whoever lists the same picture again waits for this lock, and then writes its file anew.
        session.scalars(
            select(Image.cid).where(Image.cid.in_(cids)).order_by(Image.cid).with_for_update()
        ).all()
        used = {
            cid
            for use in (ProductImage, CreativeImage)
            for cid in session.scalars(select(use.cid).where(use.cid.in_(cids)))
        }
        unused = [cid for cid in cids if cid not in used]
        for cid in unused:
            parts.blobs.delete(cid)
        session.execute(delete(Image).where(Image.cid.in_(unused)))
        settled = work.finish(session, claims)
        resolve(session, work.PURGE, dict.fromkeys(settled, Outcome("removed")))


def give_up_purging(session: Session, claims: Sequence[work.Claim], reason: str) -> None:
    """Leave the files behind, and say so in the job; `vitrine index verify` owes them again."""
    buried = work.bury(session, claims, reason)
    resolve(session, work.PURGE, dict.fromkeys(buried, Outcome("failed", reason)))
