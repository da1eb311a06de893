"""Reconcile: owe again whatever should be on its way and is not.

In a sound installation this finds nothing; it is the net under restored backups, work that an
operator deleted, and mistakes of ours.
"""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import ColumnElement, exists, false, or_, select, union
from sqlalchemy.orm import Session

from vitrine import work
from vitrine.catalog.models import (
    EMBEDDED,
    FAILED,
    RECEIVED,
    CreativeImage,
    Image,
    JobItem,
    Product,
    ProductImage,
    ProductText,
)
from vitrine.catalog.pictures import Use
from vitrine.embedding.models import Embedding
from vitrine.index.models import Generation
from vitrine.ingest.holdings import Beside
from vitrine.work import Work


def reconcile(
    session: Session, *, beside: Iterable[Beside[Any]] = (), limit: int = 1000
) -> dict[str, int]:
    """Owe what nothing is owed for; return how much, by kind. At most `limit` rows a kind."""
    owed = {work.EMBED: _owe_vectors(session, limit)}
    as_text = ProductImage.id.cast(Work.key.type)
    stuck = session.scalars(
        select(ProductImage.id)
        .where(ProductImage.state == EMBEDDED, _nothing_owed(work.SYNC, as_text))
        .limit(limit)
    ).all()
    work.owe(session, work.SYNC, stuck)
    owed[work.SYNC] = len(stuck)
    # A job that waits for a row nothing is owed for: one more sync tells it what became of that.
    awaited = session.scalars(
        select(JobItem.key)
        .where(
            JobItem.state == "pending",
            JobItem.kind == work.SYNC,
            _nothing_owed(work.SYNC, JobItem.key),
            _nothing_owed(work.EMBED, JobItem.cid),
        )
        .distinct()
        .limit(limit)
    ).all()
    work.owe(session, work.SYNC, awaited)
    owed[work.SYNC] += len(awaited)
    owed[work.TEXT] = _owe_texts(session, limit)
    unused = session.scalars(
        select(Image.cid)
        .where(
            ~exists().where(ProductImage.cid == Image.cid),
            ~exists().where(CreativeImage.cid == Image.cid),
            _nothing_owed(work.PURGE, Image.cid),
        )
        .limit(limit)
    ).all()
    work.owe(session, work.PURGE, unused)
    owed[work.PURGE] = len(unused)
    for one in beside:
        rows = list(one.stuck(session, limit))
        work.owe(session, one.kind, rows)
        owed[one.kind] = len(rows)
    return owed


def _owe_texts(session: Session, limit: int) -> int:
    """Owe products without words, words without a product, and what a job waits for."""
    lacking: tuple[tuple[Any, ColumnElement[bool]], ...] = (
        (
            Product.id.cast(Work.key.type),
            ~exists().where(ProductText.product_id == Product.id),
        ),
        (
            ProductText.product_id.cast(Work.key.type),
            ~exists().where(Product.id == ProductText.product_id),
        ),
        (JobItem.key, (JobItem.state == "pending") & (JobItem.kind == work.TEXT)),
    )
    owed: set[str] = set()
    for key, wrong in lacking:
        unowed = _nothing_owed(work.TEXT, key)
        owed.update(session.scalars(select(key).where(wrong, unowed).distinct().limit(limit)))
    work.owe(session, work.TEXT, owed)
    return len(owed)


def _owe_vectors(session: Session, limit: int) -> int:
    """Owe pictures that wait for a vector, or have none of the model in use.

    A switch may have died right after it.
    """
    model = session.scalar(select(Generation.model).where(Generation.state == "active"))
    unmade = [
        select(use.cid).where(
            or_(use.state == RECEIVED, (use.state != FAILED) & _lacks_a_vector(use, model)),
            _nothing_owed(work.EMBED, use.cid),
        )
        for use in (ProductImage, CreativeImage)
    ]
    stuck = session.scalars(union(*unmade).limit(limit)).all()
    work.owe(session, work.EMBED, stuck)
    return len(stuck)


def _lacks_a_vector(use: type[Use], model: str | None) -> ColumnElement[bool]:
    if model is None:
        return false()
    return ~exists().where(Embedding.cid == use.cid, Embedding.model == model)


def _nothing_owed(kind: str, key: Any) -> ColumnElement[bool]:
    return ~exists().where(Work.kind == kind, Work.key == key)
