"""From picture files to vectors, the way that the api and the workers go."""

import hashlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from vitrine.embedding.cores import usable_cores
from vitrine.embedding.lanes import in_lanes, lanes_for
from vitrine.embedding.runtimes import Encoder
from vitrine.errors import ImageRejected, Invalid
from vitrine.learning.datasets import Example
from vitrine.learning.evaluation.ranking import Vectors
from vitrine.media.decode import Limits, decode


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


@dataclass(frozen=True)
class _Piece:
    """What one lane made of a few files."""

    tried: int
    read: list[Path]
    contents: list[str]
    vectors: Vectors
    skipped: list[Skipped]


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
    pieces = []
    work = partial(_embed, encoder, limits)
    for piece in in_lanes(work, wanted, lanes=lanes_for(usable_cores())):
        pieces.append(piece)
        progress(piece.tried)
    seconds = time.perf_counter() - began
    read = [path for piece in pieces for path in piece.read]
    skipped = [one for piece in pieces for one in piece.skipped]
    if not read:
        raise Invalid(
            f"None of the {len(wanted)} pictures can be used, beginning with {skipped[0].path}: "
            f"{skipped[0].reason}"
            if skipped
            else "There is no picture to embed: name a split that has some."
        )
    return Embedded(
        rows={path: row for row, path in enumerate(read)},
        vectors=np.concatenate([piece.vectors for piece in pieces]),
        contents=[content for piece in pieces for content in piece.contents],
        skipped=skipped,
        seconds=seconds,
    )


def _embed(encoder: Encoder, limits: Limits, paths: Sequence[Path]) -> _Piece:
    pictures, read, contents, skipped = [], [], [], []
    for path in paths:
        try:
            data = path.read_bytes()
            short_side = encoder.spec.preprocessing.short_side
            pictures.append(decode(data, limits, short_side=short_side))
        except (ImageRejected, OSError) as error:
            skipped.append(Skipped(path, str(error)))
        else:
            read.append(path)
            contents.append(hashlib.sha256(data).hexdigest())
    return _Piece(len(paths), read, contents, encoder.encode(pictures).embedding, skipped)
