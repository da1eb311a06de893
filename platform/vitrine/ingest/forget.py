"""Forget the vectors of a model that is not in use: what it takes in Postgres and in Milvus."""

from sqlalchemy import delete, select

from vitrine.embedding.models import Embedding
from vitrine.errors import Conflict
from vitrine.index.models import Generation
from vitrine.ingest.parts import Parts
from vitrine.ingest.switch import alone

_AT_ONCE = 5000


def forget_vectors(parts: Parts, model: str) -> int:
    """Delete the vectors of a model, by its digest, and what was kept to go back to it.

    Returns how many vectors there were. Raises Conflict for the model in use, and while a rebuild
    or a switch is running.
    """
    with alone(parts):
        with parts.sessions.begin() as session:
            generations = session.scalars(select(Generation).filter_by(model=model)).all()
            if any(one.state == "active" for one in generations):
                raise Conflict(
                    "This model is in use; switch to another one first: `vitrine models use NAME`."
                )
            for one in generations:
                # Before its row: of collections without one nobody would know any more.
                for holding in parts.holdings:
                    holding.drop(parts.index, one)
                session.delete(one)
        forgotten = 0
        while some := _delete_some(parts, model):
            forgotten += some
        return forgotten


def _delete_some(parts: Parts, model: str) -> int:
    """Delete in transactions of a bounded size."""
    with parts.sessions.begin() as session:
        some = select(Embedding.cid).where(Embedding.model == model).limit(_AT_ONCE)
        gone = session.scalars(
            delete(Embedding)
            .where(Embedding.model == model, Embedding.cid.in_(some))
            .returning(Embedding.cid)
            .execution_options(synchronize_session=False)
        )
        return len(gone.all())
