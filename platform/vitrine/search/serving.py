"""The generation of one request: read once, used for everything in it."""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from vitrine.db import Sessions
from vitrine.embedding.models import Model
from vitrine.errors import Conflict
from vitrine.index.generations import active_generation
from vitrine.index.models import Generation, images_collection
from vitrine.wire import ModelOut

# Every search asks this: of the table and not of the class, which takes twice as long.
_TABLE = Generation.__table__
_ACTIVE = select(_TABLE.c.id, _TABLE.c.model).where(_TABLE.c.state == "active")


@dataclass(frozen=True, slots=True)
class Serving:
    """One collection and the model that filled it."""

    generation: int
    collection: str
    model: ModelOut


class Generations:
    """Reads which generation answers."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions
        self._models: dict[str, ModelOut] = {}

    def current(self) -> Serving:
        """Read the active generation. Raises Unavailable while there is none."""
        with self._sessions() as session:
            found = session.execute(_ACTIVE).first() or active_generation(session)
            return Serving(
                generation=found.id,
                collection=images_collection(found.id),
                model=self._model(session, found.model),
            )

    def remembered(self, generation: int, model: str) -> Serving:
        """The generation that an earlier request read. Raises Conflict if it was dropped since."""
        with self._sessions() as session:
            if session.get(Generation, generation) is None:
                raise Conflict("The index was made anew since this search. Search again.")
            return Serving(generation, images_collection(generation), self._model(session, model))

    def _model(self, session: Session, digest: str) -> ModelOut:
        """Tell which model this is; a digest says the same for ever, so it is read once."""
        if digest not in self._models:
            model = session.get_one(Model, digest)
            trained = bool(model.spec.get("trained", True))
            self._models[digest] = ModelOut(name=model.name, digest=digest, trained=trained)
        return self._models[digest]
