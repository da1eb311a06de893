"""From picture files to vectors, the way that the api and the workers go."""

import hashlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vitrine.embedding.runtimes import Encoder
from vitrine.errors import ImageRejected, Invalid
from vitrine.learning.datasets import Example
from vitrine.learning.evaluation.ranking import Vectors
from vitrine.media.decode import Limits, decode

# Pictures decoded at once: enough for the batches of every stream, little beside the model.
_AT_ONCE = 64


@dataclass(frozen=True)
class Skipped:
    """A file that is no usable picture, and why."""

    path: Path
    reason: str


@dataclass(frozen=True)
class Pictures:
    """Examples and their vectors float32 [n, d] of length 1, row by row.

    `contents` are digests of the files, to tell copies; empty where nobody asks.
    """

    examples: Sequence[Example]
    vectors: Vectors
    contents: Sequence[str] = ()


@dataclass(frozen=True)
class Embedded:
    """What became of some files; `seconds` is reading, decoding and embedding."""

    rows: dict[Path, int]
    vectors: Vectors
    contents: Sequence[str]
    skipped: Sequence[Skipped]
    seconds: float

    def of(self, examples: Sequence[Example]) -> Pictures:
        """Those of the examples that could be embedded, in their order."""
        read = [example for example in examples if example.path in self.rows]
        rows = [self.rows[example.path] for example in read]
        return Pictures(read, self.vectors[rows], [self.contents[row] for row in rows])

    @property
    def images_per_second(self) -> float:
        return len(self.rows) / self.seconds if self.seconds else 0.0


def embed(
    paths: Sequence[Path],
    encoder: Encoder,
    limits: Limits,
    *,
    progress: Callable[[int], object] = lambda count: None,
) -> Embedded:
    """Embed picture files, each once; `progress` is told how many more are done.

    What cannot be decoded is left out and named. Raises Invalid where that is all of them.
    """
    wanted = list(dict.fromkeys(paths))
    began = time.perf_counter()
    read: list[Path] = []
    vectors = [np.empty((0, encoder.spec.dim), np.float32)]
    contents: list[str] = []
    skipped: list[Skipped] = []
    for start in range(0, len(wanted), _AT_ONCE):
        pictures = []
        for path in wanted[start : start + _AT_ONCE]:
            try:
                data = path.read_bytes()
                short_side = encoder.spec.preprocessing.short_side
                pictures.append(decode(data, limits, short_side=short_side))
            except (ImageRejected, OSError) as error:
                skipped.append(Skipped(path, str(error)))
            else:
                read.append(path)
                contents.append(hashlib.sha256(data).hexdigest())
        vectors.append(encoder.encode(pictures).embedding)
        progress(len(wanted[start : start + _AT_ONCE]))
    if not read:
        raise Invalid(
            f"None of the {len(wanted)} pictures can be used, beginning with {skipped[0].path}: "
            f"{skipped[0].reason}"
            if skipped
            else "There is no picture to embed: name a split that has some."
        )
    rows = {path: row for row, path in enumerate(read)}
    seconds = time.perf_counter() - began
    return Embedded(rows, np.concatenate(vectors), contents, skipped, seconds)
