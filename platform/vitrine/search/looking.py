"""What a photo shows at first sight: the regions that the model in use finds in it."""

from PIL import Image

from vitrine.db import Sessions
from vitrine.embedding.encoders import Encoders
from vitrine.embedding.models import Model
from vitrine.embedding.preprocess import seen_part
from vitrine.embedding.regions import find_regions
from vitrine.embedding.runtimes import Encoder
from vitrine.errors import NotFound, Unavailable
from vitrine.index.generations import active_generation
from vitrine.wire import BoxOut, ModelOut, Region


class Looking:
    """Finds regions with the model of the generation in use."""

    def __init__(self, sessions: Sessions, encoders: Encoders) -> None:
        self._sessions = sessions
        self._encoders = encoders

    def regions(self, photo: Image.Image) -> tuple[list[Region], ModelOut]:
        """Find the main object and up to five more, and tell by which model.

        Raises Unavailable where that model is not, or no shop was begun.
        """
        with self._sessions() as session:
            model = session.get_one(Model, active_generation(session).model)
            trained = bool(model.spec.get("trained", True))
            told = ModelOut(name=model.name, digest=model.digest, trained=trained)
        encoder = encoder_in_use(self._encoders, told.digest)
        features = encoder.encode([photo]).map[0]
        seen = seen_part(photo.size, encoder.spec.preprocessing)
        return [as_region(one.box, one.score) for one in find_regions(features, seen)], told


def encoder_in_use(encoders: Encoders, digest: str) -> Encoder:
    """Get the encoder of a model that the shop uses; raises Unavailable where it is not."""
    try:
        return encoders.get(digest)
    except NotFound as error:
        raise Unavailable(f"This api has not got the model in use: {error}") from error


def as_region(box: tuple[float, float, float, float], score: float) -> Region:
    """Write a region as the api sends it."""
    x, y, width, height = box
    return Region(box=BoxOut(x=x, y=y, width=width, height=height), score=score)
