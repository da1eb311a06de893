"""A bounded sample of the shop's own pictures, for what has to know how its catalogue looks."""

from functools import partial

from PIL.Image import Image
from sqlalchemy import select

from vitrine.catalog.models import FAILED, ProductImage
from vitrine.embedding.fidelity import Picture
from vitrine.errors import ImageRejected, NotFound
from vitrine.ingest.parts import Parts
from vitrine.media.decode import Limits, decode, probe


def sample_pictures(parts: Parts, count: int) -> list[Picture]:
    """Read up to `count` pictures of the shop; those that cannot be read are left out."""
    # Content ids begin with bits of a hash: the first of them are as good as drawn by lot, and
    # are the same ones every time.
    statement = (
        select(ProductImage.cid)
        .where(ProductImage.state != FAILED)
        .distinct()
        .order_by(ProductImage.cid)
        .limit(count)
    )
    with parts.sessions() as session:
        cids = session.scalars(statement).all()
    pictures: list[Picture] = []
    for cid in cids:
        try:
            data = parts.blobs.get(cid)
            probe(data, parts.limits)
        except (NotFound, ImageRejected):
            continue
        pictures.append(partial(_decode, data, parts.limits))
    return pictures


def _decode(data: bytes, limits: Limits, short_side: int) -> Image:
    return decode(data, limits, short_side=short_side)
