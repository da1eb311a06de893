"""OpenVINO: the default on a CPU, and all that the api process needs to embed a query."""

import math
import queue
import sys
import threading
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

import numpy as np
from PIL.Image import Image

from vitrine.embedding.cores import usable_cores
from vitrine.embedding.memory import BatchSize, within_memory
from vitrine.embedding.preprocess import Pixels, preprocess
from vitrine.embedding.registry import InstalledModel, Precision
from vitrine.embedding.runtimes import MAX_BATCH, Encoded, Hint
from vitrine.embedding.specs import ModelSpec
from vitrine.errors import Invalid, Misconfigured

_FIRST = threading.Lock()


class OpenVinoEncoder:
    """Runs one form of a model on the CPUs that this process may use; what is not int8 is float32.

    With `side` it takes pictures of another size than the model was made for, in pixels, as a
    convolutional network can; `threads` is its share of the cores, all of them unless it is given.
    Raises NotFound, naming the fix, for a form that is not built, and Invalid for a `side` that the
    model cannot take.
    """

    def __init__(
        self,
        model: InstalledModel,
        *,
        hint: Hint = "latency",
        precision: Precision | None = None,
        side: int | None = None,
        threads: int | None = None,
    ) -> None:
        openvino = load_openvino()
        self._model, self._spec = model, model.spec
        core = openvino.Core()
        try:
            network = core.read_model(model.ir(precision))
            if side is not None:
                self._spec = _resize(network, model.spec, side)
            compiled = core.compile_model(network, "CPU", _options(hint, threads or usable_cores()))
        except RuntimeError as error:
            raise Misconfigured(
                f"OpenVINO cannot load {model.path}: {str(error).strip().splitlines()[-1]} "
                f"`vitrine models build {model.name} --force` makes it again."
            ) from error
        # As many as run side by side: who comes later waits here instead of slowing all down.
        self._streams = max(1, int(compiled.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS")))
        self._idle: queue.LifoQueue[Any] = queue.LifoQueue()
        for _ in range(self._streams):
            self._idle.put(compiled.create_infer_request())
        with _FIRST:
            self._infer_first()
        self._fits = BatchSize(MAX_BATCH)

    @property
    def spec(self) -> ModelSpec:
        return self._spec

    @property
    def digest(self) -> str:
        return self._model.digest

    def encode(self, images: Sequence[Image]) -> Encoded:
        """Embed pictures in batches, spread over the streams that are free.

        The next batch is prepared while the one before is computed. Raises OutOfMemory when there
        is none for a single picture; batches that do not fit are halved.
        """
        wanted = min(MAX_BATCH, max(1, math.ceil(len(images) / self._streams)))
        pieces: list[Encoded] = []
        within_memory(self._fits, wanted, lambda size: self._compute(images, size, pieces))
        return Encoded.join(self.spec, pieces)

    def _infer_first(self) -> None:
        """Let one thread be the first.

        OpenVINO makes what turns arrays into tensors at the first call, in a C++ static that lets
        go of the GIL meanwhile. A second thread that comes just then waits for the static with the
        GIL in its hand, and the whole process stands still for ever.
        """
        pixels = np.zeros((1, *self._spec.preprocessing.input_size), np.float32)
        running = deque([(self._idle.get(), pixels)])
        running[0][0].start_async({0: pixels}, share_inputs=True)
        self._idle.put(_finish(running, []))

    def _compute(self, images: Sequence[Image], size: int, pieces: list[Encoded]) -> None:
        """Add the batches that `pieces` lack, in order."""
        running: deque[tuple[Any, Pixels]] = deque()
        done = sum(len(piece.embedding) for piece in pieces)
        try:
            for start in range(done, len(images), size):
                pixels = preprocess(images[start : start + size], self.spec.preprocessing)
                request = self._take(running, pieces)
                # The pixels are shared, not copied: they have to live as long as the request runs.
                running.append((request, pixels))
                request.start_async({0: pixels}, share_inputs=True)
            while running:
                self._idle.put(_finish(running, pieces))
        finally:
            for request, _ in running:
                request.cancel()
                # Until it has ended, nobody else may have it.
                with suppress(RuntimeError):
                    request.wait()
                self._idle.put(request)

    def _take(self, running: deque[tuple[Any, Pixels]], pieces: list[Encoded]) -> Any:
        """Get a free request. Waits for others' only while holding none: so nobody deadlocks."""
        if not running:
            return self._idle.get()
        try:
            return self._idle.get_nowait()
        except queue.Empty:
            return _finish(running, pieces)


def _finish(running: deque[tuple[Any, Pixels]], pieces: list[Encoded]) -> Any:
    """Wait for the oldest request, keep what it found, and return it for the next."""
    request, _ = running[0]
    request.wait()
    # Copies: the request's own memory is written again by whoever takes it next.
    embedding, features = (request.get_tensor(name).data for name in ("embedding", "map"))
    pieces.append(Encoded(np.array(embedding), np.array(features)))
    running.popleft()
    return request


def _resize(network: Any, spec: ModelSpec, side: int) -> ModelSpec:
    """Give the network another input size; return what it is then."""
    try:
        network.reshape([-1, 3, side, side])
        shape = network.output("map").partial_shape
    except RuntimeError as error:
        raise Invalid(
            f"{spec.name} cannot take pictures of {side} pixels: transformers are made for one "
            f"size, which is {spec.preprocessing.input_size[1]} here."
        ) from error
    channels, height, width = (shape[at].get_length() for at in (1, 2, 3))
    preprocessing = replace(spec.preprocessing, input_size=(3, side, side))
    return replace(spec, map_shape=(channels, height, width), preprocessing=preprocessing)


def load_openvino() -> Any:
    """Import OpenVINO without its reporting.

    `import openvino` alone sends an event to its maker's analytics, unasked. It brings a silent
    stand-in for the case that the reporting package is missing; here it always is.
    """
    if "openvino" not in sys.modules:
        sys.modules["openvino_telemetry"] = None  # type: ignore[assignment] # import's own idiom
    import openvino

    return openvino


def _options(hint: Hint, threads: int) -> dict[str, Any]:
    return {
        "PERFORMANCE_HINT": hint.upper(),
        "INFERENCE_NUM_THREADS": threads,
        # api and workers share the machine: pinned to the same CPUs they would only disturb each
        # other.
        "ENABLE_CPU_PINNING": False,
        # Newer CPUs would take bfloat16, and their vectors would differ from everybody else's.
        "INFERENCE_PRECISION_HINT": "f32",
    }
