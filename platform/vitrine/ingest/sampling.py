"""A bounded sample of the shop's own pictures, for what has to know how its catalogue looks."""

from functools import partial

from PIL.Image import Image
from sqlalchemy import select

from vitrine.catalog.models import EMBEDDED, SEARCHABLE, ProductImage
from vitrine.embedding.fidelity import Picture
from vitrine.errors import ImageRejected, NotFound, Unavailable
from vitrine.ingest.parts import Parts
from vitrine.media.decode import decode

# Small enough to be read fast, and read to the end: a header says nothing of what is behind it.
LOOK_SIDE = 32


def sample_pictures(parts: Parts, count: int) -> list[Picture]:
    """Choose up to `count` pictures of the shop; those that cannot be read are left out.

    Each is read again whenever it is wanted: held, they could be of any size. Raises Unavailable
    while their store is down.
    """
    # Content ids begin with bits of a hash: the first of them are as good as drawn by lot, and
    # are the same ones every time.
    statement = (
        select(ProductImage.cid)
        .where(ProductImage.state.in_((EMBEDDED, SEARCHABLE)))
        .distinct()
        .order_by(ProductImage.cid)
        .limit(count)
    )
    with parts.sessions() as session:
        cids = session.scalars(statement).all()
    return [partial(_read, parts, cid) for cid in cids if _can_be_read(parts, cid)]


def _can_be_read(parts: Parts, cid: str) -> bool:
    try:
        _read(parts, cid, LOOK_SIDE)
    except (NotFound, ImageRejected):
        return False
    except Unavailable:
        if parts.blobs.ping() is not None:
            raise
        return False
    return True


def _read(parts: Parts, cid: str, short_side: int) -> Image:
    return decode(parts.blobs.get(cid), parts.limits, short_side=short_side)
