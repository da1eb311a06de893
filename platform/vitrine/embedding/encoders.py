"""Loaded models, by digest: what a request or a batch of work is given to embed with."""

import threading
from collections import OrderedDict
from typing import Literal

from vitrine.embedding.batching import SharedBatches
from vitrine.embedding.cores import usable_cores
from vitrine.embedding.registry import InstalledModel, ModelStore, Precision
from vitrine.embedding.runtimes import Encoder, Hint

Runtime = Literal["auto", "openvino", "torch"]
# The active model, and the one that a switch is filling beside it.
KEPT = 2


class Encoders:
    """Loads a model when it is first asked for and keeps the last `KEPT`; safe in threads.

    `precision` asks OpenVINO for one form of every model; None takes what `InstalledModel.ir` does.
    `threads` is this process' share of the cores; None takes all of them. With the hint `latency`
    concurrent callers share batches.
    """

    def __init__(
        self,
        store: ModelStore,
        runtime: Runtime = "auto",
        *,
        hint: Hint = "latency",
        precision: Precision | None = None,
        threads: int | None = None,
    ) -> None:
        self._store = store
        self._runtime = runtime
        self._precision: Precision | None = precision
        self._hint: Hint = hint
        self.threads = threads or usable_cores()
        self._loaded: OrderedDict[str, Encoder] = OrderedDict()
        self._lock = threading.Lock()
        self._loading = threading.Lock()

    def find(self, digest: str) -> InstalledModel:
        """Find the model that `get` would load, and the form that it would load of it.

        Raises NotFound, naming the fix, where one of the two is not here.
        """
        model = self._store.find_digest(digest)
        if self._runtime != "torch":
            model.form(self._precision)
        return model

    def get(self, digest: str) -> Encoder:
        """Return the encoder of a model. Raises NotFound, naming the fix, when it is not built."""
        found = self._known(digest)
        if found is not None:
            return found
        # One loads, others wait for it; what is loaded already is not held up.
        with self._loading:
            found = self._known(digest)
            if found is None:
                found = self._load(digest)
                with self._lock:
                    self._loaded[digest] = found
                    while len(self._loaded) > KEPT:
                        self._loaded.popitem(last=False)
        return found

    def _known(self, digest: str) -> Encoder | None:
        with self._lock:
            if digest in self._loaded:
                self._loaded.move_to_end(digest)
            return self._loaded.get(digest)

    def _load(self, digest: str) -> Encoder:
        encoder = self._runtime_of(digest)
        return SharedBatches(encoder) if self._hint == "latency" else encoder

    def _runtime_of(self, digest: str) -> Encoder:
        model = self._store.find_digest(digest)
        if self._runtime == "torch":
            from vitrine.embedding.runtimes.torch import TorchEncoder

            return TorchEncoder(model, threads=self.threads)
        from vitrine.embedding.runtimes.openvino import OpenVinoEncoder

        return OpenVinoEncoder(
            model, hint=self._hint, precision=self._precision, threads=self.threads
        )
