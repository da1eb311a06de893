"""Fill a new generation beside the active one and switch to it: a rebuild, or another model.

Writes go to both while it is filled, so nothing listed meanwhile is missed. The switch is one row.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import ColumnElement, func, or_, select, text, update
from sqlalchemy.dialects.postgresql import insert

from vitrine import logs, work
from vitrine.catalog.index_rows import product_image_ids, read_index_rows
from vitrine.catalog.models import EMBEDDED, FAILED, RECEIVED, SEARCHABLE, ProductImage
from vitrine.embedding.models import Embedding, Model
from vitrine.embedding.registry import InstalledModel
from vitrine.errors import Conflict, Unavailable
from vitrine.index.generations import activate, active_generation, begin_generation
from vitrine.index.models import Generation
from vitrine.index.sync import sync
from vitrine.ingest.parts import Parts
from vitrine.ingest.verify import verify
from vitrine.work import Work

log = logs.get(__name__)

# Any number; held by the one process that fills a generation.
_FILL_LOCK = 7_283_004

OWED_AT_ONCE = 2000

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
    with alone(parts):
        with parts.sessions() as session:
            before = active_generation(session)
            model = session.get_one(Model, before.model)
        # Workers write to the active collection meanwhile: if it was lost, it is there again.
        parts.index.create(before.images_collection, model.dim)
        with _building(parts, model.digest, model.dim) as generation:
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
    with alone(parts):
        with parts.sessions() as session:
            active = session.scalar(select(Generation).where(Generation.state == "active"))
        if active is not None and active.model == model.digest:
            return Switched(active.id, active.images_collection, _count(parts))
        with _building(parts, model.digest, model.dim) as generation:
            _owe_filling(parts)
            ring((work.FILL,))
            while left := _left_to_fill(parts):
                total, trouble = _count(parts), _trouble(parts)
                stage = f"embed ({trouble})" if trouble else "embed"
                progress(stage, max(total - left, 0), total)
                wait()
            return _fill_and_switch(parts, generation, progress)


def clear_stale_builds(parts: Parts) -> int:
    """Drop generations that nobody builds any more, because who did died; return how many.

    Raises Conflict while somebody does.
    """
    with alone(parts):
        return _drop_building(parts)


def _fill_and_switch(parts: Parts, generation: Generation, progress: Progress) -> Switched:
    total, done = _count(parts), 0
    with parts.sessions() as session:
        for ids in product_image_ids(session, page=parts.bounds.sync_batch):
            sync(parts.sessions, parts.index, generation, ids, read_index_rows)
            done += len(ids)
            progress("index", done, max(total, done))
    verify(parts, generation)
    _refuse_if_incomplete(parts, generation)
    with parts.sessions.begin() as session:
        activate(session, generation.id)
        # What this model has no vector of, and what waited for a first model, goes on from here.
        work.forget(session, work.FILL)
        unmade = select(ProductImage.cid).where(
            ProductImage.state != FAILED, ~_has_vector(generation.model)
        )
        work.owe(session, work.EMBED, session.scalars(unmade))
        waiting = select(ProductImage.id).where(
            or_(ProductImage.state == EMBEDDED, ProductImage.state == RECEIVED),
            _has_vector(generation.model),
        )
        session.execute(
            update(ProductImage)
            .where(ProductImage.state == RECEIVED, _has_vector(generation.model))
            .values(state=EMBEDDED)
            .execution_options(synchronize_session=False)
        )
        work.owe(session, work.SYNC, session.scalars(waiting))
    log.info("generation.active", generation=generation.id)
    return Switched(generation.id, generation.images_collection, _count(parts))


def _refuse_if_incomplete(parts: Parts, generation: Generation) -> None:
    """Raise Unavailable unless the new index holds nearly every picture that is searchable now."""
    missing = verify(parts, generation, repair=False).missing
    with parts.sessions() as session:
        unmade = session.scalar(
            select(func.count())
            .select_from(ProductImage)
            .where(
                ProductImage.state == SEARCHABLE,
                ~_has_vector(generation.model),
                # What was listed a moment ago is on its way.
                ~select(Work.key)
                .where(
                    Work.kind == work.FILL,
                    Work.key == ProductImage.cid,
                    Work.due_at < text("'infinity'"),
                )
                .exists(),
            )
        )
    why = _trouble(parts)
    lacking = missing + int(unmade or 0)
    if lacking > _count(parts) // 100:
        raise Unavailable(
            f"The new index would lack {lacking} of {_count(parts)} pictures, so the one in use "
            "stays. " + (f"The workers say: {why}" if why else "Look at the workers and Milvus.")
        )


@contextmanager
def _building(parts: Parts, model: str, dim: int) -> Iterator[Generation]:
    """Begin a generation and its collection; if it does not become active, nothing of it stays."""
    _drop_building(parts)
    with parts.sessions.begin() as session:
        generation = begin_generation(session, model)
        # Before the commit: from then on workers write to it.
        parts.index.create(generation.images_collection, dim)
    try:
        yield generation
    finally:
        _drop_building(parts)


def _drop_building(parts: Parts) -> int:
    with parts.sessions.begin() as session:
        stale = session.scalars(select(Generation).where(Generation.state == "building")).all()
        for generation in stale:
            session.delete(generation)
        if stale:
            work.forget(session, work.FILL)
    for generation in stale:
        parts.index.drop(generation.images_collection)
    return len(stale)


def _owe_filling(parts: Parts) -> None:
    """Owe the vectors, in transactions of a bounded size."""
    with parts.sessions() as reading:
        for ids in product_image_ids(reading, page=OWED_AT_ONCE):
            with parts.sessions.begin() as session:
                cids = select(ProductImage.cid).where(
                    ProductImage.id.in_(ids), ProductImage.state != FAILED
                )
                work.owe(session, work.FILL, session.scalars(cids))


def _left_to_fill(parts: Parts) -> int:
    with parts.sessions() as session:
        return work.backlog(session).get(work.FILL, (0, 0))[0]


def _trouble(parts: Parts) -> str | None:
    """What the workers say of the filling that does not go on."""
    with parts.sessions() as session:
        error = select(Work.error).where(Work.kind == work.FILL, Work.error.is_not(None))
        return session.scalar(error.limit(1))


def _has_vector(model: str) -> ColumnElement[bool]:
    return (
        select(Embedding.cid)
        .where(Embedding.cid == ProductImage.cid, Embedding.model == model)
        .exists()
    )


def _count(parts: Parts) -> int:
    with parts.sessions() as session:
        found = session.scalar(
            select(func.count()).select_from(ProductImage).where(ProductImage.state != FAILED)
        )
    return int(found or 0)


@contextmanager
def alone(parts: Parts) -> Iterator[None]:
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
