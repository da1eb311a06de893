"""What stands beside the pictures of the active generation: made again, and compared."""

from sqlalchemy import select

from vitrine.embedding.models import Model
from vitrine.index.models import Generation
from vitrine.ingest.parts import Parts
from vitrine.ingest.verify import verify


def make_beside(parts: Parts) -> None:
    """Make again what is lost; a shop from before there was any has none of it.

    `repair_beside` fills it, and work that is owed until then finds it there.
    """
    for generation, dim in _active(parts):
        for one in parts.beside:
            if not parts.index.exists(one.collection(generation)):
                one.create(parts.index, generation, dim)


def repair_beside(parts: Parts) -> int:
    """Make the collections whole and compare every row with Postgres; return how many were wrong.

    Vectors are not compared, so this is cheap enough to be done now and then.
    """
    repaired = 0
    for generation, dim in _active(parts):
        for one in parts.beside:
            # Also where it is there: who made it may have died before it had its index.
            one.create(parts.index, generation, dim)
            repaired += verify(parts, generation, one).repaired
    return repaired


def _active(parts: Parts) -> list[tuple[Generation, int]]:
    """Read the generation in use, if there is one, and how long its vectors are."""
    active = (
        select(Generation, Model.dim)
        .join(Model, Model.digest == Generation.model)
        .where(Generation.state == "active")
    )
    with parts.sessions() as session:
        return [(row[0], row[1]) for row in session.execute(active)]
