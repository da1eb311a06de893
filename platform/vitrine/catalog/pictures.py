"""A product's pictures: which stay, which are new, which go, and the work that each owes."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import ColumnElement, delete, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from vitrine import work
from vitrine.catalog.models import EMBEDDED, FAILED, RECEIVED, Image, ProductImage
from vitrine.embedding.models import Embedding
from vitrine.index.models import Generation
from vitrine.media.cid import content_id
from vitrine.media.store import BlobStore


@dataclass(slots=True)
class Pictures:
    """What a replacement did. `added` and `kept` are uses that stand, `removed` ones are gone."""

    added: list[ProductImage] = field(default_factory=list)
    kept: list[ProductImage] = field(default_factory=list)
    removed: list[tuple[int, str]] = field(default_factory=list)
    retried: list[ProductImage] = field(default_factory=list)
    reordered: bool = False

    @property
    def changed(self) -> bool:
        return bool(self.added or self.removed or self.reordered)


def lock_uses(session: Session, which: ColumnElement[bool]) -> None:
    """Lock these uses until the transaction ends, before anything is owed for them.

    Sellers and workers do so first and in the order of the ids, so that none waits for another who
    waits for it.
    """
    statement = select(ProductImage.id).where(which).order_by(ProductImage.id)
    session.execute(statement.with_for_update())


def replace_pictures(
    session: Session, blobs: BlobStore, product_id: int, files: Sequence[bytes]
) -> Pictures:
    """Make `files`, in order, the product's pictures; owe the work of what changed.

    A picture that stays keeps its row, its vector and its place in the index. One that had failed
    is tried again, since the seller sent it again.
    """
    wanted = {content_id(data): data for data in files}
    current = {
        use.cid: use
        for use in session.scalars(
            select(ProductImage).where(ProductImage.product_id == product_id)
        )
    }
    result = Pictures()
    result.removed = [(use.id, cid) for cid, use in current.items() if cid not in wanted]
    new = {cid: data for cid, data in wanted.items() if cid not in current}
    keep_files(session, blobs, new)
    if result.removed:
        session.execute(
            delete(ProductImage).where(ProductImage.id.in_([id_ for id_, _ in result.removed]))
        )
    for position, cid in enumerate(wanted):
        use = current.get(cid)
        if use is None:
            use = ProductImage(product_id=product_id, cid=cid, position=position, state=RECEIVED)
            session.add(use)
            result.added.append(use)
            continue
        result.kept.append(use)
        if use.position != position:
            use.position = position
            result.reordered = True
        if use.state == FAILED:
            use.state, use.reason = RECEIVED, None
            result.retried.append(use)
    session.flush()
    owe_vectors(session, [*result.added, *result.retried])
    work.owe(session, work.SYNC, [id_ for id_, _ in result.removed])
    work.owe(session, work.PURGE, [cid for _, cid in result.removed])
    return result


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


def owe_vectors(session: Session, uses: Sequence[ProductImage]) -> None:
    """Owe a vector for every picture that lacks one, and index rows where the vector is there."""
    if not uses:
        return
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
        session.execute(
            update(ProductImage)
            .where(ProductImage.id.in_([use.id for use in ready]))
            .values(state=EMBEDDED)
        )
        work.owe(session, work.SYNC, [use.id for use in ready])
