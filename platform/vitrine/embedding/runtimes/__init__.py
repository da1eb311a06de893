"""What computes embeddings: one small interface, two runtimes behind it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
import numpy.typing as npt
from PIL.Image import Image

from vitrine.embedding.specs import ModelSpec

Hint = Literal["latency", "throughput"]
MAX_BATCH = 16


@dataclass(frozen=True)
class Encoded:
    """Embeddings float32 [n, d] of length 1, and feature maps float32 [n, c, h, w]."""

    embedding: npt.NDArray[np.float32]
    map: npt.NDArray[np.float32]

    @classmethod
    def join(cls, spec: ModelSpec, pieces: Sequence["Encoded"]) -> "Encoded":
        """Put batches together; none give an empty result of the right shape."""
        if len(pieces) == 1:
            return pieces[0]
        nothing = cls(
            np.empty((0, spec.dim), np.float32), np.empty((0, *spec.map_shape), np.float32)
        )
        return cls(
            np.concatenate([nothing.embedding, *(piece.embedding for piece in pieces)]),
            np.concatenate([nothing.map, *(piece.map for piece in pieces)]),
        )


class Encoder(Protocol):
    """A loaded model. `encode` may be called from any number of threads at once."""

    @property
    def spec(self) -> ModelSpec: ...

    @property
    def digest(self) -> str: ...

    def encode(self, images: Sequence[Image]) -> Encoded: ...
