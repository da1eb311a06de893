"""Fill a generation beside the active one, and let it go live once it holds what the other does."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, exists, func, select, text, update
from sqlalchemy.orm import Session

from vitrine import logs, work
from vitrine.catalog.models import (
    EMBEDDED,
    FAILED,
    RECEIVED,
    SEARCHABLE,
    CreativeImage,
    ProductImage,
)
from vitrine.catalog.paging import id_pages
from vitrine.catalog.pictures import Use, owners
from vitrine.embedding.models import Embedding
from vitrine.errors import Unavailable
from vitrine.index.generations import activate, hold_switch
from vitrine.index.models import Generation
from vitrine.ingest.holdings import Holding
from vitrine.ingest.parts import Parts
from vitrine.ingest.verify import verify
from vitrine.work import Work

log = logs.get(__name__)

OWED_AT_ONCE = 2000
_USES: tuple[type[Use], ...] = (ProductImage, CreativeImage)
# What is listed while one is verified is in the next.
_VERIFICATIONS = 3
# How often a switch waits for what was listed a moment ago. Where listings never stop there always
# is some of it; it follows after the switch.
_LOOKS = 10

Progress = Callable[[str, int, int], object]
"""(stage, done, total), called now and then."""

Wait = Callable[[], object]
"""Called between looks at how far the workers are; may raise to give up."""


@dataclass(frozen=True, slots=True)
class Switched:
    """The generation that answers now, its model's digest, and how many pictures it holds."""

    generation: int
    model: str
    collection: str
    pictures: int


def embed_all(
    parts: Parts,
    model: str,
    *,
    ring: Callable[[tuple[str, ...]], object],
    wait: Wait,
    progress: Progress,
) -> None:
    """Have the workers make every vector that this model lacks."""
    _owe_filling(parts, model)
    ring((work.FILL,))
    while left := _left_to_fill(parts):
        total, why = count(parts, *_USES), _trouble(parts)
        progress(f"embed ({why})" if why else "embed", max(total - left, 0), total)
        wait()


def index_all(parts: Parts, generation: Generation, progress: Progress) -> None:
    """Write the rows of everything that has a vector: of pictures, and what stands beside them."""
    for holding in parts.holdings:
        _index(parts, holding, generation, progress)


def go_live(parts: Parts, generation: Generation, wait: Wait | None = None) -> Switched:
    """Verify a filled generation and make it the one that answers.

    With `wait`, what was listed a moment ago gets a little time to be in it. Raises Unavailable if
    it lacks too much.
    """
    _complete(parts, generation)
    for left in range(_LOOKS if wait else 0, -1, -1):
        with parts.sessions.begin() as session:
            # Nothing is marked searchable while this is held (see `sync_rows`).
            hold_switch(session)
            late = left > 0 and _is_late(parts, session)
            if not late:
                activate(session, generation.id)
        if not late:
            break
        assert wait is not None
        wait()
    # On its own, so that the lock above is held shortly. If this process dies here, housekeeping
    # owes the same.
    with parts.sessions.begin() as session:
        _go_on(session, generation.model)
    log.info("generation.active", generation=generation.id)
    return Switched(generation.id, generation.model, generation.images_collection, count(parts))


def _complete(parts: Parts, generation: Generation) -> None:
    """Let a generation hold what it should. Raises Unavailable if it lacks too much after all."""
    for left in range(_VERIFICATIONS - 1, -1, -1):
        for holding in parts.holdings:
            verify(parts, generation, holding)
        try:
            _refuse_if_incomplete(parts, generation)
        except Unavailable:
            if not left:
                raise
        else:
            return


def count(parts: Parts, *uses: type[Use]) -> int:
    """How many pictures ought to be found: of products, or in these `uses`."""
    with parts.sessions() as session:
        return sum(_count(session, use.state != FAILED) for use in uses or (ProductImage,))


def has_vector(use: type[Use], model: str) -> ColumnElement[bool]:
    """Whether a picture that is used has a vector of this model."""
    return exists().where(Embedding.cid == use.cid, Embedding.model == model)


def _count(session: Session, *which: ColumnElement[bool]) -> int:
    return session.scalar(select(func.count()).where(*which)) or 0


def _index(parts: Parts, holding: Holding[Any], generation: Generation, progress: Progress) -> None:
    total, done = count(parts), 0
    with parts.sessions() as session:
        for ids in holding.ids(session, page=parts.bounds.sync_batch):
            holding.sync(parts.sessions, parts.index, generation, ids)
            done += len(ids)
            progress(holding.stage, done, max(total, done))


def _is_late(parts: Parts, session: Session) -> bool:
    """Whether something is on its way into the new generation."""
    kinds = [work.FILL, work.SYNC, *(one.kind for one in parts.beside)]
    under_way = select(Work.key).where(Work.kind.in_(kinds), Work.due_at < text("'infinity'"))
    return session.scalar(under_way.limit(1)) is not None


def _go_on(session: Session, model: str) -> None:
    """Owe what this model has no vector of, and what waited for a first model."""
    work.forget(session, work.FILL)
    for use in _USES:
        unmade = select(use.cid).where(use.state != FAILED, ~has_vector(use, model))
        work.owe(session, work.EMBED, session.scalars(unmade))
        # What another model failed on, since its file is gone, can be found again by this one.
        session.execute(
            update(use)
            .where(use.state.in_((RECEIVED, FAILED)), has_vector(use, model))
            .values(state=EMBEDDED, reason=None)
            .execution_options(synchronize_session=False)
        )
    waiting = select(ProductImage.id).where(
        ProductImage.state == EMBEDDED, has_vector(ProductImage, model)
    )
    work.owe(session, work.SYNC, session.scalars(waiting))
    in_ads = (CreativeImage.state == EMBEDDED) & has_vector(CreativeImage, model)
    work.owe(session, work.CREATIVE, owners(session, in_ads))


def _refuse_if_incomplete(parts: Parts, generation: Generation) -> None:
    """Raise Unavailable unless the new index holds nearly every picture that is searchable now."""
    lacking = sum(
        verify(parts, generation, holding, repair=False).missing for holding in parts.holdings
    )
    with parts.sessions() as session:
        lacking += sum(_unmade(session, use, generation.model) for use in _USES)
    why, total = _trouble(parts), count(parts, *_USES)
    if lacking > total // 100:
        raise Unavailable(
            f"The new index would lack {lacking} of {total} pictures, so the one in use "
            "stays. " + (f"The workers say: {why}" if why else "Look at the workers and Milvus.")
        )


def _unmade(session: Session, use: type[Use], model: str) -> int:
    """How many that are found now lack a vector of this model that is not on its way."""
    on_its_way = exists().where(
        Work.kind == work.FILL, Work.key == use.cid, Work.due_at < text("'infinity'")
    )
    return _count(session, use.state == SEARCHABLE, ~has_vector(use, model), ~on_its_way)


def _owe_filling(parts: Parts, model: str) -> None:
    """Owe the vectors, in transactions of a bounded size."""
    with parts.sessions() as reading:
        for use in _USES:
            for ids in id_pages(reading, use.id, page=OWED_AT_ONCE):
                with parts.sessions.begin() as session:
                    cids = select(use.cid).where(
                        use.id.in_(ids), use.state != FAILED, ~has_vector(use, model)
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
