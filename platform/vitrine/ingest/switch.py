"""Switch to a generation that is filled beside the active one: another model, the one before, or
the same one rebuilt.

Writes go to both while it is filled, so nothing listed meanwhile is missed. The switch is one row.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sqlalchemy import select, text

from vitrine import work
from vitrine.embedding import records
from vitrine.embedding.models import Model
from vitrine.embedding.registry import InstalledModel
from vitrine.errors import Conflict
from vitrine.index.generations import (
    active_generation,
    begin_generation,
    leave_generation,
    previous_generation,
    resume_generation,
)
from vitrine.index.models import Generation
from vitrine.ingest.filling import (
    Progress,
    Switched,
    Wait,
    count,
    embed_all,
    go_live,
    index_all,
)
from vitrine.ingest.parts import Parts
from vitrine.ingest.text_work import ensure_text_index, fill_texts

# Any number; held by the one process that fills a generation.
_FILL_LOCK = 7_283_004

Ring = Callable[[tuple[str, ...]], object]


def _silent(stage: str, done: int, total: int) -> None:
    return None


def rebuild(parts: Parts, *, progress: Progress = _silent) -> Switched:
    """Make fresh collections of the vectors in Postgres and switch to them; no encoder is needed.

    The text index is filled again too.

    Raises Conflict while another rebuild or switch is at it.
    """
    with alone(parts):
        with parts.sessions() as session:
            before = active_generation(session)
            model = session.get_one(Model, before.model)
        # Workers write to the active collections meanwhile: if one was lost, it is there again.
        for one in parts.holdings:
            one.create(parts.index, before, model.dim)
        with _building(parts, model.digest, model.dim) as generation:
            index_all(parts, generation, progress)
            switched = go_live(parts, generation)
        # There is one for all generations, so it is filled in its place.
        fill_texts(parts, lambda done: progress("words", done, max(done, switched.pictures)))
        return switched


def use_model(
    parts: Parts,
    model: InstalledModel,
    *,
    ring: Ring,
    wait: Wait,
    progress: Progress = _silent,
) -> Switched:
    """Embed every picture with another model beside the active one, then switch to it.

    The workers embed; `wait` is called between looks at how far they are and may raise to give up.
    Raises Conflict while another rebuild or switch is at it.
    """
    with parts.sessions.begin() as session:
        records.register(session, model)
    ensure_text_index(parts)
    with alone(parts):
        with parts.sessions() as session:
            active = session.scalar(select(Generation).where(Generation.state == "active"))
        if active is not None and active.model == model.digest:
            return Switched(active.id, active.model, active.images_collection, count(parts))
        with _building(parts, model.digest, model.dim) as generation:
            embed_all(parts, model.digest, ring=ring, wait=wait, progress=progress)
            index_all(parts, generation, progress)
            return go_live(parts, generation, wait)


def roll_back(
    parts: Parts,
    find: Callable[[str], object],
    *,
    ring: Ring,
    wait: Wait,
    progress: Progress = _silent,
) -> Switched:
    """Switch back to the generation before, which was kept, after bringing it up to date.

    What was listed since is embedded with its model, and its index is compared with Postgres row by
    row: what was changed is changed in it, what was deleted is gone. `find` is asked for the model
    by its digest, and raises NotFound if its files are not here. Raises Conflict if nothing is
    kept, or while another rebuild or switch is at it.
    """
    with alone(parts):
        with parts.sessions() as session:
            before = previous_generation(session)
            if before is None:
                raise Conflict(
                    "There is no model to go back to: none was in use before this one, or its "
                    "vectors were forgotten. `vitrine models use NAME` switches to any model."
                )
            dim = session.get_one(Model, before.model).dim
        find(before.model)
        with _resuming(parts, before, dim) as generation:
            embed_all(parts, before.model, ring=ring, wait=wait, progress=progress)
            progress("compare", 0, count(parts))
            return go_live(parts, generation, wait)


def clear_stale_builds(parts: Parts) -> int:
    """Leave generations that nobody builds any more, because who did died; return how many.

    Raises Conflict while somebody does.
    """
    with alone(parts):
        return _leave_building(parts)


@contextmanager
def _building(parts: Parts, model: str, dim: int) -> Iterator[Generation]:
    """Begin a generation and its collections; if it does not become active, nothing of it stays."""
    _leave_building(parts)
    with parts.sessions.begin() as session:
        generation = begin_generation(session, model)
        # Before the commit: from then on workers write to them.
        for one in parts.holdings:
            one.create(parts.index, generation, dim)
    try:
        yield generation
    finally:
        _leave_building(parts)


@contextmanager
def _resuming(parts: Parts, kept: Generation, dim: int) -> Iterator[Generation]:
    """Let writes go to a kept generation again; if it does not become active, it stays kept."""
    _leave_building(parts)
    # Where a collection was lost, comparing fills it again.
    for one in parts.holdings:
        one.create(parts.index, kept, dim)
    with parts.sessions.begin() as session:
        generation = resume_generation(session, kept.id)
    try:
        yield generation
    finally:
        _leave_building(parts)


def _leave_building(parts: Parts) -> int:
    with parts.sessions.begin() as session:
        stale = session.scalars(select(Generation).where(Generation.state == "building")).all()
        for generation in stale:
            if leave_generation(session, generation):
                # Before its row: of collections without one nobody would know any more.
                for one in parts.holdings:
                    one.drop(parts.index, generation)
        if stale:
            work.forget(session, work.FILL)
    return len(stale)


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
