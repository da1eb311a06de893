"""OpenVINO: the default on a CPU, and all that the api process needs to embed a query."""

import os
import queue
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from PIL.Image import Image

from vitrine.embedding.preprocess import Pixels, preprocess
from vitrine.embedding.registry import InstalledModel
from vitrine.embedding.runtimes import MAX_BATCH, Encoded, Hint
from vitrine.embedding.specs import ModelSpec
from vitrine.errors import Misconfigured


class OpenVinoEncoder:
    """Runs `model.xml` on the CPUs that this process may use, in float32."""

    def __init__(self, model: InstalledModel, *, hint: Hint = "latency") -> None:
        openvino = load_openvino()
        self._model = model
        core = openvino.Core()
        try:
            compiled = core.compile_model(
                core.read_model(model.path / "model.xml"), "CPU", _options(hint)
            )
        except RuntimeError as error:
            raise Misconfigured(
                f"OpenVINO cannot load {model.path}: {str(error).strip().splitlines()[-1]} "
                f"`vitrine models build {model.name} --force` makes it again."
            ) from error
        # As many as run side by side: who comes later waits here instead of slowing all down.
        count = max(1, int(compiled.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS")))
        self._idle: queue.LifoQueue[Any] = queue.LifoQueue()
        for _ in range(count):
            self._idle.put(compiled.create_infer_request())

    @property
    def spec(self) -> ModelSpec:
        return self._model.spec

    @property
    def digest(self) -> str:
        return self._model.digest

    def encode(self, images: Sequence[Image]) -> Encoded:
        """Embed pictures in batches of at most `MAX_BATCH`."""
        pieces = []
        for start in range(0, len(images), MAX_BATCH):
            pixels = preprocess(images[start : start + MAX_BATCH], self.spec.preprocessing)
            pieces.append(self._infer(pixels))
        return Encoded.join(self.spec, pieces)

    def _infer(self, pixels: Pixels) -> Encoded:
        with self._request() as request:
            results = request.infer({0: pixels}, share_inputs=True)
            # Copies: the request's own memory is written again by whoever takes it next.
            return Encoded(np.array(results["embedding"]), np.array(results["map"]))

    @contextmanager
    def _request(self) -> Iterator[Any]:
        request = self._idle.get()
        try:
            yield request
        finally:
            self._idle.put(request)


def load_openvino() -> Any:
    """Import OpenVINO without its reporting.

    `import openvino` alone sends an event to its maker's analytics, unasked. It brings a silent
    stand-in for the case that the reporting package is missing; here it always is.
    """
    if "openvino" not in sys.modules:
        sys.modules["openvino_telemetry"] = None  # type: ignore[assignment] # import's own idiom
    import openvino

    return openvino


def _options(hint: Hint) -> dict[str, Any]:
    cpus = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return {
        "PERFORMANCE_HINT": hint.upper(),
        "INFERENCE_NUM_THREADS": cpus,
        # api and workers share the machine: pinned to the same CPUs they would only disturb each
        # other.
        "ENABLE_CPU_PINNING": False,
        # Newer CPUs would take bfloat16, and their vectors would differ from everybody else's.
        "INFERENCE_PRECISION_HINT": "f32",
    }
