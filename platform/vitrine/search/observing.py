"""Ask the index for photos of its own products, made to look like a shopper's.

No photo may find its own product.
"""

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from PIL.Image import Image
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session

from vitrine.catalog.models import SEARCHABLE, Product, ProductImage
from vitrine.embedding.models import Embedding
from vitrine.embedding.vectors import unpack
from vitrine.errors import ImageRejected, NotFound
from vitrine.index.capabilities import MAX_RESULTS
from vitrine.index.models import Generation
from vitrine.index.schema import IndexHit, Vectors
from vitrine.ingest.parts import Parts
from vitrine.media.decode import decode
from vitrine.retrieval.grouping import best_per_product
from vitrine.search.category import NEIGHBOURS, Neighbour
from vitrine.search.fitting import Observed
from vitrine.search.shopper_photos import as_shopper

PHOTOS = 500
# A small shop's pictures are taken several times, each time another way.
VIEWS = 4
_AT_ONCE = 16
_FETCHED = 4 * NEIGHBOURS
_SEED = 28

Progress = Callable[[int, int], object]


@dataclass(frozen=True, slots=True)
class _Asked:
    """A picture to be asked for, and the product that it must not find."""

    product_id: int
    cid: str
    category: str


@dataclass(frozen=True, slots=True)
class Pair:
    """What one picture found: as a shopper would have taken it, and as it is."""

    product_id: int
    shopper: Observed
    plain: Observed


def observe(
    parts: Parts, generation: Generation, *, progress: Progress = lambda done, total: None
) -> Iterator[Pair]:
    """Ask the index for photos of its own products; memory holds a few of them."""
    with parts.sessions() as session:
        asked = _sample(session)
    encoder = parts.encoders.get(generation.model)
    short_side = encoder.spec.preprocessing.short_side * 3 // 2
    dice = random.Random(_SEED)  # noqa: S311
    for start in range(0, len(asked), _AT_ONCE):
        some = asked[start : start + _AT_ONCE]
        stored = _stored(parts, generation, [one.cid for one in some])
        read = [
            (one, photo)
            for one in some
            if one.cid in stored and (photo := _read(parts, one.cid, short_side))
        ]
        if read:
            photos = [
                # The views of one product stand side by side; the other picture is of another.
                as_shopper(photo, read[(at + len(read) // 2) % len(read)][1], dice)
                for at, (_, photo) in enumerate(read)
            ]
            plain = np.stack([stored[one.cid] for one, _ in read])
            vectors = np.concatenate([encoder.encode(photos).embedding, plain])
            found = _search(parts, generation, 2 * [one for one, _ in read], vectors)
            for (one, _), *both in zip(read, found[: len(read)], found[len(read) :], strict=True):
                yield Pair(one.product_id, *(Observed(one.category, near) for near in both))
        progress(start + len(some), len(asked))


def _sample(session: Session) -> list[_Asked]:
    """Choose a picture a product; content ids begin with bits of a hash, which is as a lot."""
    one_each = (
        select(ProductImage.product_id, ProductImage.cid, Product.category)
        .join(Product, Product.id == ProductImage.product_id)
        .where(ProductImage.state == SEARCHABLE)
        .ext(distinct_on(ProductImage.product_id))
        .order_by(ProductImage.product_id, ProductImage.cid)
        .subquery()
    )
    rows = session.execute(select(one_each).order_by(one_each.c.cid).limit(PHOTOS)).all()
    views = min(VIEWS, -(-PHOTOS // max(len(rows), 1)))
    return [_Asked(row.product_id, row.cid, row.category) for row in rows for _ in range(views)]


def _read(parts: Parts, cid: str, short_side: int) -> Image | None:
    try:
        return decode(parts.blobs.get(cid), parts.limits, short_side=short_side)
    except (NotFound, ImageRejected):
        return None


def _stored(parts: Parts, generation: Generation, cids: Sequence[str]) -> dict[str, Vectors]:
    statement = select(Embedding.cid, Embedding.vector).where(
        Embedding.cid.in_(cids), Embedding.model == generation.model
    )
    with parts.sessions() as session:
        return {row.cid: unpack(row.vector) for row in session.execute(statement)}


def _search(
    parts: Parts, generation: Generation, asked: Sequence[_Asked], vectors: Vectors
) -> list[list[Neighbour]]:
    fetched = _FETCHED
    while True:
        answers = parts.index.search(generation.images_collection, vectors, limit=fetched)
        found = [
            best_per_product(answer, exclude_products={one.product_id})[:NEIGHBOURS]
            for one, answer in zip(asked, answers, strict=True)
        ]
        if fetched == MAX_RESULTS or _enough(found, answers, fetched):
            break
        fetched = min(2 * fetched, MAX_RESULTS)
    named = {one.product_id for near in found for one in near}
    with parts.sessions() as session:
        statement = select(Product.id, Product.category).where(Product.id.in_(named))
        categories = {row.id: row.category for row in session.execute(statement)}
    return [
        [
            Neighbour(hit.product_id, categories[hit.product_id], hit.score)
            for hit in near
            if hit.product_id in categories
        ]
        for near in found
    ]


def _enough(
    found: Sequence[Sequence[object]], answers: Sequence[Sequence[IndexHit]], fetched: int
) -> bool:
    """Whether every photo has all its neighbours, or there are no more."""
    return all(
        len(near) >= NEIGHBOURS or len(answer) < fetched
        for near, answer in zip(found, answers, strict=True)
    )
