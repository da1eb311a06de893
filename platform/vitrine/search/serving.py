"""The generation of one request: read once, used for everything in it."""

from dataclasses import dataclass

from sqlalchemy.orm import Session

from vitrine.db import Sessions
from vitrine.embedding.models import Model
from vitrine.index.generations import active_generation
from vitrine.wire import ModelOut


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
            generation = active_generation(session)
            return Serving(
                generation=generation.id,
                collection=generation.images_collection,
                model=self._model(session, generation.model),
            )

    def remembered(self, collection: str, model: str) -> Serving:
        """The generation that an earlier request read; its model may have been replaced since."""
        with self._sessions() as session:
            return Serving(0, collection, self._model(session, model))

    def _model(self, session: Session, digest: str) -> ModelOut:
        """Tell which model this is; a digest says the same for ever, so it is read once."""
        if digest not in self._models:
            model = session.get_one(Model, digest)
            trained = bool(model.spec.get("trained", True))
            self._models[digest] = ModelOut(name=model.name, digest=digest, trained=trained)
        return self._models[digest]
