"""The generation of one request: read once, used for everything in it."""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from vitrine.db import Readers, Sessions
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

    def __init__(self, readers: Readers, sessions: Sessions) -> None:
        self._readers = readers
        self._sessions = sessions
        self._models: dict[str, ModelOut] = {}

    def current(self) -> Serving:
        """Read the active generation. Raises Unavailable while there is none."""
        with self._readers() as connection:
            found = connection.execute(_ACTIVE).first()
        if found is None or found.model not in self._models:
            with self._sessions() as session:
                generation = active_generation(session)
                return self._serving(generation.id, self._model(session, generation.model))
        return self._serving(found.id, self._models[found.model])

    def remembered(self, generation: int, model: str) -> Serving:
        """The generation that an earlier request read. Raises Conflict if it was dropped since."""
        with self._sessions() as session:
            if session.get(Generation, generation) is None:
                raise Conflict("The index was made anew since this search. Search again.")
            return self._serving(generation, self._model(session, model))

    @staticmethod
    def _serving(generation: int, model: ModelOut) -> Serving:
        return Serving(generation, images_collection(generation), model)

    def _model(self, session: Session, digest: str) -> ModelOut:
        """Tell which model this is; a digest says the same for ever, so it is read once."""
        if digest not in self._models:
            model = session.get_one(Model, digest)
            trained = bool(model.spec.get("trained", True))
            self._models[digest] = ModelOut(name=model.name, digest=digest, trained=trained)
        return self._models[digest]
