"""Which version of a model serves: the newest that is neither withdrawn nor held."""

import threading
import time

from sqlalchemy import bindparam, func, select

from vitrine.db import Readers
from vitrine.recommend.linear import Weights, from_state
from vitrine.recommend.models import ModelVersion

REMEMBERED_SECONDS = 2.0


class Serving:
    """Reads the newest version that serves; safe in threads. A new one is in force in seconds."""

    def __init__(
        self,
        readers: Readers,
        versions: type[ModelVersion],
        prior: Weights,
        *,
        seconds: float = REMEMBERED_SECONDS,
    ) -> None:
        self._readers = readers
        self._prior = prior
        self._seconds = seconds
        self._known = prior
        self._until = 0.0
        self._lock = threading.Lock()
        self._newest = (
            select(versions.version)
            .where(~versions.withdrawn, ~versions.held)
            .order_by(versions.version.desc())
            .limit(1)
        )
        # The whole state holds more than the weights, and nobody who predicts needs it.
        parts = ("weights", "intercept", "calibration")
        named = (one for name in parts for one in (name, versions.state[name]))
        self._state = select(func.jsonb_build_object(*named)).where(
            versions.version == bindparam("wanted")
        )

    def current(self) -> Weights:
        """Return the weights to predict with; the prior while no version serves."""
        with self._lock:
            if time.monotonic() < self._until:
                return self._known
            # Who comes meanwhile predicts with what was known: nobody waits for the reader.
            self._until = time.monotonic() + self._seconds
            known = self._known
        found = self._read(known)
        with self._lock:
            self._known = found
        return found

    def _read(self, known: Weights) -> Weights:
        with self._readers() as connection:
            version = connection.execute(self._newest).scalar()
            if version is None:
                return self._prior
            if version == known.version:
                return known
            state = connection.execute(self._state, {"wanted": version}).scalar()
        # Between the two questions it may have been removed as one too old.
        return known if state is None else from_state(version, state, self._prior)
