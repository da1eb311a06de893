"""Queries that come together share a batch; one that comes alone does not wait for others.

While a batch is computed, who comes in the meantime waits. When it is done, the first of them
takes all that wait and computes them as the next batch, in its own thread. So there is no thread
to start or to stop, nothing to carry over a fork, and the batches are as large as the load is.
"""

import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from PIL.Image import Image

from vitrine.embedding.runtimes import Encoded, Encoder
from vitrine.embedding.specs import ModelSpec
from vitrine.errors import Unavailable

# More at once saves next to nothing, and everybody in a batch waits for all of it.
MOST_TOGETHER = 8
# A caller that waited so long in vain is told to come back: others are before it.
DEADLINE_SECONDS = 20.0


@dataclass(eq=False, slots=True)
class _Call:
    """One caller's pictures; `turn` is set when they are done, or when it is to compute."""

    images: Sequence[Image]
    turn: threading.Event = field(default_factory=threading.Event)
    computes: bool = False
    encoded: Encoded | None = None
    error: Exception | None = None


class SharedBatches:
    """An encoder whose callers share batches; `encode` may be called from any number of threads."""

    def __init__(
        self,
        encoder: Encoder,
        *,
        most: int = MOST_TOGETHER,
        deadline_seconds: float = DEADLINE_SECONDS,
    ) -> None:
        self._encoder = encoder
        self._most = most
        self._deadline_seconds = deadline_seconds
        self._lock = threading.Lock()
        self._waiting: deque[_Call] = deque()
        self._busy = False

    @property
    def spec(self) -> ModelSpec:
        return self._encoder.spec

    @property
    def digest(self) -> str:
        return self._encoder.digest

    def encode(self, images: Sequence[Image]) -> Encoded:
        """Embed pictures, with those of other callers if there are.

        What goes wrong with a batch is tried again for each caller alone, so that everybody gets
        their own error. Raises Unavailable if it is not their turn within the deadline.
        """
        call = _Call(images)
        with self._lock:
            if self._busy:
                self._waiting.append(call)
            else:
                self._busy = call.computes = True
        if not call.computes:
            self._wait(call)
        if call.computes:
            self._compute(call)
        if call.error is not None:
            raise call.error
        if call.encoded is None:
            raise Unavailable("The process that computed this is ending; try again.")
        return call.encoded

    def _wait(self, call: _Call) -> None:
        if call.turn.wait(self._deadline_seconds):
            return
        with self._lock:
            # Its turn may have come this very moment. Then it computes, or is being computed.
            if call in self._waiting:
                self._waiting.remove(call)
                raise Unavailable("Too many pictures are being searched for at once; try again.")
        call.turn.wait()

    def _compute(self, first: _Call) -> None:
        """Compute the batch of `first`, then let the next caller in line compute."""
        batch = [first]
        try:
            with self._lock:
                room = self._most - len(first.images)
                while self._waiting and len(self._waiting[0].images) <= room:
                    batch.append(self._waiting.popleft())
                    room -= len(batch[-1].images)
            self._fill(batch)
        finally:
            with self._lock:
                following = self._waiting.popleft() if self._waiting else None
                self._busy = following is not None
            if following is not None:
                following.computes = True
                following.turn.set()
            for call in batch:
                call.turn.set()

    def _fill(self, batch: Sequence[_Call]) -> None:
        """Give every call its answer or its error."""
        try:
            encoded = self._encoder.encode([image for call in batch for image in call.images])
        except Exception as error:  # noqa: BLE001 - each caller raises what is its own
            if len(batch) == 1:
                batch[0].error = error
                return
            for call in batch:
                self._fill([call])
            return
        start = 0
        for call in batch:
            end = start + len(call.images)
            call.encoded = Encoded(encoded.embedding[start:end], encoded.map[start:end])
            start = end
