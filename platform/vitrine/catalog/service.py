"""What sellers do with listings, each in one transaction with the work that it owes."""

import json
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import flag_modified

from vitrine import work
from vitrine.catalog.jobs import Awaited, open_job, read_job
from vitrine.catalog.keys import ensure_seller
from vitrine.catalog.models import FAILED, SEARCHABLE, Image, Job, Product, ProductImage
from vitrine.catalog.pictures import Pictures, lock_uses, replace_pictures
from vitrine.catalog.views import image_out, product_out
from vitrine.db import Sessions, again_after_deadlock
from vitrine.doorbell import Doorbell
from vitrine.errors import Invalid, NotFound
from vitrine.media.store import BlobStore
from vitrine.wire import (
    Accepted,
    JobOut,
    ProductIn,
    ProductOut,
    ProductPage,
    ProductPatch,
    parse_product_id,
)

# Fields that the index holds or filters on: when only another one changes, no index row does.
INDEXED_FIELDS = frozenset({"brand", "category", "price", "availability"})


class Catalog:
    """The catalogue of one shop."""

    def __init__(
        self, sessions: Sessions, blobs: BlobStore, doorbell: Doorbell, *, currency: str
    ) -> None:
        self._sessions = sessions
        self._blobs = blobs
        self._doorbell = doorbell
        self._currency = currency

    @again_after_deadlock
    def put(
        self, seller: str, sku: str, wanted: ProductIn, images: Sequence[bytes] | None
    ) -> Accepted:
        """Create or replace a listing; without `images` its pictures stay.

        The same listing again changes nothing and owes nothing.
        """
        with self._begin() as session:
            product, created = _lock_or_create(session, seller, sku, wanted, bool(images))
            changed = _assign(product, wanted.model_dump())
            pictures = (
                replace_pictures(session, self._blobs, product.id, images)
                if images is not None
                else Pictures(kept=_uses(session, product.id))
            )
            _touch(product, created=created, changed=bool(changed) or pictures.changed)
            if changed & INDEXED_FIELDS:
                work.owe(session, work.SYNC, [use.id for use in pictures.kept])
            if created or changed:
                work.owe(session, work.TEXT, [product.id])
            if created or pictures.changed:
                work.owe(session, work.MENTIONS, [product.id])
            job = _job_for(session, "product.put", product, pictures)
            accepted = Accepted(product=self._view(session, product), job=job)
        self._doorbell.ring((work.EMBED, work.FILL, work.SYNC, work.TEXT, work.PURGE))
        return accepted

    @again_after_deadlock
    def patch(self, seller: str, sku: str, patch: ProductPatch) -> Accepted:
        """Change some fields; pictures and vectors stay as they are. Raises NotFound."""
        with self._begin() as session:
            product = _lock(session, seller, sku)
            changed = _assign(product, patch.changes())
            _touch(product, created=False, changed=bool(changed))
            uses = _uses(session, product.id)
            if changed & INDEXED_FIELDS:
                work.owe(session, work.SYNC, [use.id for use in uses])
            if changed:
                work.owe(session, work.TEXT, [product.id])
            job = _job_for(session, "product.patch", product, Pictures(kept=uses))
            accepted = Accepted(product=self._view(session, product), job=job)
        self._doorbell.ring((work.SYNC, work.TEXT))
        return accepted

    @again_after_deadlock
    def delete(self, seller: str, sku: str) -> JobOut:
        """Delete a listing; when the job is done it is gone everywhere. Raises NotFound."""
        with self._begin() as session:
            product = _lock(session, seller, sku)
            uses = _uses(session, product.id)
            session.execute(delete(Product).where(Product.id == product.id))
            work.owe(session, work.SYNC, [use.id for use in uses])
            work.owe(session, work.TEXT, [product.id])
            work.owe(session, work.PURGE, [use.cid for use in uses])
            job = open_job(
                session,
                "product.delete",
                seller_id=seller,
                product=f"{seller}:{sku}",
                awaited=[
                    *(Awaited(work.SYNC, str(use.id), use.cid) for use in uses),
                    Awaited(work.TEXT, str(product.id)),
                    *(Awaited(work.PURGE, use.cid, use.cid) for use in uses),
                ],
            )
            view = read_job(session, str(job.id))
        self._doorbell.ring((work.SYNC, work.TEXT, work.PURGE))
        return view

    def get(self, product_id: str) -> ProductOut:
        """Read one listing. Raises NotFound."""
        seller, sku = parse_product_id(product_id)
        with self._sessions() as session:
            product = session.scalar(_named(seller, sku))
            if product is None:
                raise _no_product(seller, sku)
            return self._view(session, product)

    def page(
        self, *, cursor: str | None = None, limit: int = 50, seller: str | None = None
    ) -> ProductPage:
        """Read listings, oldest first. `cursor` comes from the page before."""
        after = _read_cursor(cursor)
        statement = select(Product).where(Product.id > after).order_by(Product.id).limit(limit + 1)
        if seller is not None:
            statement = statement.where(Product.seller_id == seller)
        with self._sessions() as session:
            products = session.scalars(statement).all()
            shown = products[:limit]
            images = _images_of(session, [product.id for product in shown])
            return ProductPage(
                products=[
                    product_out(product, images.get(product.id, []), self._currency)
                    for product in shown
                ],
                next_cursor=str(shown[-1].id) if len(products) > limit else None,
            )

    def job(self, job_id: str, *, seller: str | None = None) -> JobOut:
        """Read a job, of one seller if given. Raises NotFound."""
        with self._sessions() as session:
            return read_job(session, job_id, seller_id=seller)

    def picture_in_use(self, cid: str) -> bool:
        """Whether any listing shows this picture."""
        with self._sessions() as session:
            used = select(ProductImage.id).where(ProductImage.cid == cid).limit(1)
            return session.scalar(used) is not None

    def _begin(self) -> AbstractContextManager[Session]:
        return self._sessions.begin()

    def _view(self, session: Session, product: Product) -> ProductOut:
        session.flush()
        session.refresh(product)
        images = _images_of(session, [product.id]).get(product.id, [])
        return product_out(product, images, self._currency)


def _named(seller: str, sku: str) -> Any:
    return select(Product).where(Product.seller_id == seller, Product.sku == sku)


def _no_product(seller: str, sku: str) -> NotFound:
    return NotFound(f"There is no product {seller}:{sku}.")


def _lock(session: Session, seller: str, sku: str) -> Product:
    product: Product | None = session.scalar(_named(seller, sku).with_for_update())
    if product is None:
        raise _no_product(seller, sku)
    lock_uses(session, ProductImage.product_id == product.id)
    return product


def _lock_or_create(
    session: Session, seller: str, sku: str, wanted: ProductIn, has_images: bool
) -> tuple[Product, bool]:
    """Lock the product, or insert it; two first PUTs at once meet at the unique constraint."""
    product: Product | None = session.scalar(_named(seller, sku).with_for_update())
    if product is not None:
        lock_uses(session, ProductImage.product_id == product.id)
        return product, False
    if not has_images:
        raise Invalid(
            f"{seller}:{sku} is new and needs at least one picture: send a multipart request with "
            "a `product` JSON part and 1 to 12 `images` parts.",
            errors=[{"pointer": "/images", "detail": "is required for a new product"}],
        )
    ensure_seller(session, seller)
    created = session.scalar(
        insert(Product)
        .values(seller_id=seller, sku=sku, **wanted.model_dump())
        .on_conflict_do_nothing(index_elements=["seller_id", "sku"])
        .returning(Product.id)
    )
    return _lock(session, seller, sku), created is not None


def _assign(product: Product, values: dict[str, Any]) -> set[str]:
    changed = {name for name, value in values.items() if _differs(getattr(product, name), value)}
    for name in changed:
        setattr(product, name, values[name])
        # SQLAlchemy compares as Python does, and would leave out what it takes for equal.
        flag_modified(product, name)
    return changed


def _differs(before: Any, after: Any) -> bool:
    """Compare as JSON does: to Python 1 and True are one value, to a filter they are two."""
    if isinstance(after, dict):
        return json.dumps(before, sort_keys=True) != json.dumps(after, sort_keys=True)
    return bool(before != after)


def _touch(product: Product, *, created: bool, changed: bool) -> None:
    if changed and not created:
        product.version += 1
        product.updated_at = func.now()


def _uses(session: Session, product_id: int) -> list[ProductImage]:
    statement = select(ProductImage).where(ProductImage.product_id == product_id)
    return list(session.scalars(statement.order_by(ProductImage.position, ProductImage.id)))


def _job_for(
    session: Session, kind: str, product: Product, pictures: Pictures[ProductImage]
) -> JobOut:
    """Open a job for every picture of the listing, for the index rows of those removed, and for its
    words if they are on their way."""
    session.flush()
    uses = [*pictures.kept, *pictures.added]
    for use in uses:
        session.refresh(use)
    owed = work.pending_keys(session, work.SYNC, [use.id for use in uses])
    awaited = []
    for use in uses:
        if use.state == FAILED or (use.state == SEARCHABLE and str(use.id) not in owed):
            awaited.append(Awaited(work.SYNC, str(use.id), use.cid, use.state, use.reason))
        else:
            awaited.append(Awaited(work.SYNC, str(use.id), use.cid))
    # A worker may finish one of these before this commits, and would not see the job that waits for
    # it. So each is owed once more: whatever happens meanwhile, one more sync comes after the job.
    work.owe(session, work.SYNC, [item.key for item in awaited if item.state == "pending"])
    awaited += [Awaited(work.SYNC, str(id_), cid) for id_, cid in pictures.removed]
    if work.pending_keys(session, work.TEXT, [product.id]):
        work.owe(session, work.TEXT, [product.id])
        awaited.append(Awaited(work.TEXT, str(product.id)))
    job: Job = open_job(
        session,
        kind,
        seller_id=product.seller_id,
        product=product.public_id,
        awaited=awaited,
    )
    session.refresh(job)
    return read_job(session, str(job.id))


def _images_of(session: Session, product_ids: Sequence[int]) -> dict[int, list[Any]]:
    rows = session.execute(
        select(ProductImage, Image)
        .join(Image, Image.cid == ProductImage.cid)
        .where(ProductImage.product_id.in_(product_ids))
        .order_by(ProductImage.product_id, ProductImage.position, ProductImage.id)
    )
    found: dict[int, list[Any]] = {}
    for use, image in rows:
        found.setdefault(use.product_id, []).append(image_out(use, image))
    return found


def _read_cursor(cursor: str | None) -> int:
    if cursor is None:
        return 0
    if not cursor.isascii() or not cursor.isdigit() or len(cursor) > 18:
        raise Invalid("This cursor was not made by this api; start again without one.")
    return int(cursor)
