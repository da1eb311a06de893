"""Fill a new generation beside the active one and switch to it: a rebuild, or another model.

Writes go to both while it is filled, so nothing listed meanwhile is missed. The switch is one row.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import func, select, text
from sqlalchemy.dialects.postgresql import insert

from vitrine import logs, work
from vitrine.catalog.index_rows import product_image_ids, read_index_rows
from vitrine.catalog.models import FAILED, ProductImage
from vitrine.embedding.models import Embedding, Model
from vitrine.embedding.registry import InstalledModel
from vitrine.errors import Conflict, Unavailable
from vitrine.index.generations import activate, active_generation, begin_generation
from vitrine.index.models import Generation
from vitrine.index.sync import sync
from vitrine.ingest.parts import Parts
from vitrine.ingest.verify import verify

log = logs.get(__name__)

# Any number; held by the one process that fills a generation.
_FILL_LOCK = 7_283_004

Progress = Callable[[str, int, int], object]
"""(stage, done, total), called now and then."""


@dataclass(frozen=True, slots=True)
class Switched:
    """The generation that answers now, and how many pictures it holds."""

    generation: int
    collection: str
    pictures: int


def _silent(stage: str, done: int, total: int) -> None:
    return None


def rebuild(parts: Parts, *, progress: Progress = _silent) -> Switched:
    """Make a fresh collection of the vectors in Postgres and switch to it; no encoder is needed.

    Raises Conflict while another rebuild or switch is at it.
    """
    with _alone(parts):
        with parts.sessions() as session:
            before = active_generation(session)
            model = session.get_one(Model, before.model)
        # Workers write to the active collection meanwhile: if it was lost, it is there again.
        parts.index.create(before.images_collection, model.dim)
        generation = _begin(parts, model.digest, model.dim)
        return _fill_and_switch(parts, generation, progress)


def register_model(parts: Parts, model: InstalledModel) -> None:
    """Enter a built model into the registry table."""
    with parts.sessions.begin() as session:
        session.execute(
            insert(Model)
            .values(digest=model.digest, name=model.name, dim=model.dim, spec=model.spec.to_json())
            .on_conflict_do_nothing(index_elements=["digest"])
        )


def use_model(
    parts: Parts,
    model: InstalledModel,
    *,
    ring: Callable[[tuple[str, ...]], object],
    wait: Callable[[], object],
    progress: Progress = _silent,
) -> Switched:
    """Embed every picture with another model beside the active one, then switch to it.

    The workers embed; `wait` is called between looks at how far they are and may raise to give up.
    Raises Conflict while another rebuild or switch is at it.
    """
    register_model(parts, model)
    with _alone(parts):
        with parts.sessions() as session:
            active = session.scalar(select(Generation).where(Generation.state == "active"))
            if active is not None and active.model == model.digest:
                return Switched(active.id, active.images_collection, _count(parts))
        generation = _begin(parts, model.digest, model.dim)
        with parts.sessions.begin() as session:
            cids = session.scalars(select(ProductImage.cid).distinct()).all()
            work.owe(session, work.EMBED, cids)
        ring((work.EMBED,))
        while left := _unembedded(parts, model.digest):
            total = _count(parts)
            progress("embed", max(total - left, 0), total)
            wait()
        return _fill_and_switch(parts, generation, progress)


def _fill_and_switch(parts: Parts, generation: Generation, progress: Progress) -> Switched:
    total, done = _count(parts), 0
    with parts.sessions() as session:
        for ids in product_image_ids(session, page=parts.bounds.sync_batch):
            sync(parts.sessions, parts.index, generation, ids, read_index_rows)
            done += len(ids)
            progress("index", done, max(total, done))
    verify(parts, generation)
    again = verify(parts, generation, repair=False)
    if again.missing > again.compared // 100:
        raise Unavailable(
            f"The new index misses {again.missing} of {again.compared} rows, so the old one stays "
            "in use; look at the health of Milvus and run it again."
        )
    with parts.sessions.begin() as session:
        activate(session, generation.id)
    log.info("generation.active", generation=generation.id, pictures=again.compared)
    return Switched(generation.id, generation.images_collection, again.compared)


def _begin(parts: Parts, model: str, dim: int) -> Generation:
    """Clear away what an earlier attempt left, then begin a generation and its collection."""
    with parts.sessions.begin() as session:
        for stale in session.scalars(select(Generation).where(Generation.state == "building")):
            parts.index.drop(stale.images_collection)
            session.delete(stale)
        session.flush()
        generation = begin_generation(session, model)
        # Before the commit: from then on workers write to it.
        parts.index.create(generation.images_collection, dim)
    return generation


def _count(parts: Parts) -> int:
    with parts.sessions() as session:
        found = session.scalar(
            select(func.count()).select_from(ProductImage).where(ProductImage.state != FAILED)
        )
    return int(found or 0)


def _unembedded(parts: Parts, model: str) -> int:
    """Pictures that the model has no vector of and that are still worked on."""
    with parts.sessions() as session:
        found = session.scalar(
            select(func.count())
            .select_from(ProductImage)
            .join(
                Embedding,
                (Embedding.cid == ProductImage.cid) & (Embedding.model == model),
                isouter=True,
            )
            .where(ProductImage.state != FAILED, Embedding.cid.is_(None))
        )
    return int(found or 0)


@contextmanager
def _alone(parts: Parts) -> Iterator[None]:
    """Hold the lock of the one process that fills a generation; a dead holder frees it."""
    with parts.sessions() as session, session.connection() as connection:
        held = connection.scalar(text("select pg_try_advisory_lock(:id)"), {"id": _FILL_LOCK})
        if not held:
            raise Conflict("Another rebuild or model switch is running; wait until it is done.")
        connection.commit()
        try:
            yield
        finally:
            connection.execute(text("select pg_advisory_unlock(:id)"), {"id": _FILL_LOCK})
            connection.commit()
