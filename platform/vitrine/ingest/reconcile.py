"""Reconcile: owe again whatever should be on its way and is not.

In a sound installation this finds nothing; it is the net under restored backups, work that an
operator deleted, and mistakes of ours.
"""

from typing import Any

from sqlalchemy import ColumnElement, exists, false, or_, select
from sqlalchemy.orm import Session

from vitrine import work
from vitrine.catalog.models import (
    EMBEDDED,
    FAILED,
    RECEIVED,
    Image,
    JobItem,
    Product,
    ProductImage,
    ProductText,
)
from vitrine.embedding.models import Embedding
from vitrine.index.models import Generation
from vitrine.work import Work


def reconcile(session: Session, *, limit: int = 1000) -> dict[str, int]:
    """Owe what nothing is owed for; return how much, by kind. At most `limit` rows a kind."""
    from_product_image = {
        # Without a vector of the model in use: a switch may have died right after it.
        work.EMBED: (
            ProductImage.cid,
            or_(
                ProductImage.state == RECEIVED,
                (ProductImage.state != FAILED) & _lacks_a_vector(session),
            ),
        ),
        work.SYNC: (ProductImage.id, ProductImage.state == EMBEDDED),
    }
    owed: dict[str, int] = {}
    for kind, (key, unfinished) in from_product_image.items():
        as_text = key.cast(Work.key.type)
        stuck = session.scalars(
            select(key)
            .where(
                unfinished,
                ~exists().where(Work.kind == kind, Work.key == as_text),
            )
            .distinct()
            .limit(limit)
        ).all()
        work.owe(session, kind, stuck)
        owed[kind] = len(stuck)
    # A job that waits for a row nothing is owed for: one more sync tells it what became of that.
    awaited = session.scalars(
        select(JobItem.key)
        .where(
            JobItem.state == "pending",
            JobItem.kind == work.SYNC,
            ~exists().where(Work.kind == work.SYNC, Work.key == JobItem.key),
            ~exists().where(Work.kind == work.EMBED, Work.key == JobItem.cid),
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
            ~exists().where(Work.kind == work.PURGE, Work.key == Image.cid),
        )
        .limit(limit)
    ).all()
    work.owe(session, work.PURGE, unused)
    owed[work.PURGE] = len(unused)
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
        unowed = ~exists().where(Work.kind == work.TEXT, Work.key == key)
        owed.update(session.scalars(select(key).where(wrong, unowed).distinct().limit(limit)))
    work.owe(session, work.TEXT, owed)
    return len(owed)


def _lacks_a_vector(session: Session) -> ColumnElement[bool]:
    model = session.scalar(select(Generation.model).where(Generation.state == "active"))
    if model is None:
        return false()
    return ~exists().where(Embedding.cid == ProductImage.cid, Embedding.model == model)
