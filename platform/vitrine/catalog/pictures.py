"""Pictures of a product or an ad: which stay, which are new, which go, and what each owes."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from vitrine import work
from vitrine.catalog.models import (
    CREATIVE,
    EMBEDDED,
    FAILED,
    RECEIVED,
    CreativeImage,
    Image,
    ProductImage,
)
from vitrine.embedding.models import Embedding
from vitrine.index.models import Generation
from vitrine.media.cid import content_id
from vitrine.media.store import BlobStore

Use = ProductImage | CreativeImage
U = TypeVar("U", ProductImage, CreativeImage)


@dataclass(slots=True)
class Pictures(Generic[U]):
    """What a replacement did. `added` and `kept` are uses that stand, `removed` ones are gone.

    `ready` are those of them that have their vector already.
    """

    added: list[U] = field(default_factory=list)
    kept: list[U] = field(default_factory=list)
    removed: list[tuple[int, str]] = field(default_factory=list)
    retried: list[U] = field(default_factory=list)
    ready: list[U] = field(default_factory=list)
    reordered: bool = False

    @property
    def changed(self) -> bool:
        return bool(self.added or self.removed or self.reordered)


def lock_uses(
    session: Session, which: ColumnElement[bool], *, of: type[Use] = ProductImage
) -> None:
    """Lock these uses until the transaction ends, before anything is owed for them.

    Sellers and workers do so first and in the order of the ids, so that none waits for another who
    waits for it. Who locks uses in products and in ads takes those in products first.
    """
    session.execute(select(of.id).where(which).order_by(of.id).with_for_update())


def replace_pictures(
    session: Session, blobs: BlobStore, product_id: int, files: Sequence[bytes]
) -> Pictures[ProductImage]:
    """Make `files`, in order, the product's pictures; owe the work of what changed.

    A picture that stays keeps its row, its vector and its place in the index. One that had failed
    is tried again, since the seller sent it again.
    """
    current = session.scalars(select(ProductImage).where(ProductImage.product_id == product_id))
    result = _replace(
        session,
        blobs,
        current,
        files,
        lambda cid, position: ProductImage(
            product_id=product_id, cid=cid, position=position, state=RECEIVED
        ),
    )
    work.owe(session, work.SYNC, [use.id for use in result.ready])
    work.owe(session, work.SYNC, [id_ for id_, _ in result.removed])
    return result


def add_creative_images(
    session: Session, blobs: BlobStore, kind: str, owner_id: int, files: Sequence[bytes]
) -> list[CreativeImage]:
    """Make `files`, in order, the pictures of this creative or campaign, as those of a product are.

    `kind` says whose they are, CREATIVE or EXAMPLE. The caller holds the owner's row. Returns all
    of them in order.
    """
    mine = (CreativeImage.kind == kind) & (CreativeImage.owner_id == owner_id)
    lock_uses(session, mine, of=CreativeImage)
    result = _replace(
        session,
        blobs,
        session.scalars(select(CreativeImage).where(mine)),
        files,
        lambda cid, position: CreativeImage(
            kind=kind, owner_id=owner_id, cid=cid, position=position, state=RECEIVED
        ),
    )
    # One without a vector follows when it has got it.
    if kind == CREATIVE and (result.ready or result.removed or result.reordered):
        work.owe(session, work.CREATIVE, [owner_id])
    return sorted([*result.added, *result.kept], key=lambda use: use.position)


def owners(session: Session, which: ColumnElement[bool]) -> set[int]:
    """Find the creatives that have these pictures for their own."""
    mine = select(CreativeImage.owner_id).where(CreativeImage.kind == CREATIVE, which)
    return set(session.scalars(mine))


def keep_files(session: Session, blobs: BlobStore, files: dict[str, bytes]) -> None:
    """Store pictures under their content ids.

    The row is locked before the file is written: a purge of the same picture holds that lock until
    its file is gone, so it can never delete a file that was just written again.
    """
    for cid in sorted(files):
        statement = insert(Image).values(cid=cid, bytes=len(files[cid]))
        session.execute(
            statement.on_conflict_do_update(
                index_elements=["cid"], set_={"bytes": statement.excluded.bytes}
            )
        )
        blobs.put(files[cid])


def owe_vectors(session: Session, uses: Sequence[U]) -> list[U]:
    """Owe a vector for every picture that lacks one; return those that have it, marked embedded."""
    if not uses:
        return []
    live = session.scalars(select(Generation).where(Generation.state != "retired")).all()
    active = next((one.model for one in live if one.state == "active"), None)
    building = next((one.model for one in live if one.state == "building"), None)
    cids = [use.cid for use in uses]
    known = set(
        session.execute(select(Embedding.cid, Embedding.model).where(Embedding.cid.in_(cids))).all()
    )
    ready = [use for use in uses if (use.cid, active) in known]
    work.owe(session, work.EMBED, [use.cid for use in uses if use not in ready])
    if building is not None:
        unfilled = [use.cid for use in uses if (use.cid, building) not in known]
        work.owe(session, work.FILL, unfilled)
    if ready:
        kind = type(ready[0])
        session.execute(
            update(kind).where(kind.id.in_([use.id for use in ready])).values(state=EMBEDDED)
        )
    return ready


def _replace(
    session: Session,
    blobs: BlobStore,
    current: Iterable[U],
    files: Sequence[bytes],
    make: Callable[[str, int], U],
) -> Pictures[U]:
    """Replace an owner's uses, and owe what hangs on a picture, whoever uses it."""
    wanted = {content_id(data): data for data in files}
    known = {use.cid: use for use in current}
    result: Pictures[U] = Pictures()
    new = {cid: data for cid, data in wanted.items() if cid not in known}
    keep_files(session, blobs, new)
    for cid, use in known.items():
        if cid not in wanted:
            result.removed.append((use.id, cid))
            session.delete(use)
    for position, cid in enumerate(wanted):
        kept = known.get(cid)
        if kept is None:
            added = make(cid, position)
            session.add(added)
            result.added.append(added)
            continue
        result.kept.append(kept)
        if kept.position != position:
            kept.position = position
            result.reordered = True
        if kept.state == FAILED:
            kept.state, kept.reason = RECEIVED, None
            result.retried.append(kept)
    session.flush()
    result.ready = owe_vectors(session, result.added + result.retried)
    work.owe(session, work.PURGE, [cid for _, cid in result.removed])
    return result
