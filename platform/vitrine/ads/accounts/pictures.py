"""The pictures of creatives and the examples of campaigns, kept as those of products are."""

from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from vitrine.catalog import pictures
from vitrine.catalog.models import CREATIVE, EXAMPLE, FAILED, CreativeImage
from vitrine.catalog.views import image_url
from vitrine.media.store import BlobStore
from vitrine.wire.campaigns import AdImage

__all__ = ["CREATIVE", "EXAMPLE", "picture_out", "pictures_of", "replace"]


def pictures_of(
    session: Session, kind: str, owners: Iterable[int]
) -> Mapping[int, list[CreativeImage]]:
    """Read the pictures of each owner, in order; owners without any have an empty list."""
    found: dict[int, list[CreativeImage]] = {owner: [] for owner in owners}
    uses = select(CreativeImage).where(
        CreativeImage.kind == kind, CreativeImage.owner_id.in_(found)
    )
    for use in session.scalars(uses.order_by(CreativeImage.position, CreativeImage.id)):
        found[use.owner_id].append(use)
    return found


def replace(
    session: Session, blobs: BlobStore, kind: str, owner: int, files: Sequence[bytes]
) -> bool:
    """Make `files`, in order, the owner's pictures; tells whether anything of them changed.

    What failed and is sent again is tried again, and counts as a change.
    """
    before = [(use.cid, use.state == FAILED) for use in pictures_of(session, kind, [owner])[owner]]
    after = pictures.add_creative_images(session, blobs, kind, owner, files)
    return before != [(use.cid, False) for use in after]


def picture_out(use: CreativeImage) -> AdImage:
    """One picture; an example is nobody's to fetch."""
    shown = use.kind == CREATIVE and use.state != FAILED
    return AdImage(
        id=use.cid, url=image_url(use.cid) if shown else None, state=use.state, reason=use.reason
    )
