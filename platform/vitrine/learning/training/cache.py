"""Pictures decoded once, so that no epoch waits for a decoder.

One uint8 array [n, side, side, 3] per list of pictures, in a file that is read by memory map. It is
named by what it is made from, so that a changed picture, list or side makes another.
"""

import hashlib
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path

import numpy as np
import numpy.typing as npt

from vitrine.embedding.preprocess import fit
from vitrine.embedding.specs import Preprocessing
from vitrine.errors import ImageRejected, Invalid
from vitrine.media.decode import Limits, decode

Pixels = npt.NDArray[np.uint8]
_AT_ONCE = 64


def cached_pixels(
    paths: Sequence[Path],
    how: Preprocessing,
    folder: Path,
    limits: Limits,
    progress: Callable[[int], object],
) -> Pixels:
    """Decode and fit pictures to [n, height, width, 3], or map them if that was done before.

    Raises Invalid, naming the picture, when one cannot be decoded.
    """
    _, height, width = how.input_size
    target = folder / f"{_name(paths, how)}.npy"
    if not target.exists():
        folder.mkdir(parents=True, exist_ok=True)
        building = folder / f".{target.name}.{os.getpid()}"
        try:
            pixels = np.lib.format.open_memmap(
                building, "w+", np.uint8, (len(paths), height, width, 3)
            )
            _fill(pixels, paths, how, limits, progress)
            pixels.flush()
            building.rename(target)
        finally:
            building.unlink(missing_ok=True)
    found: Pixels = np.load(target, mmap_mode="r")
    return found


def _fill(
    pixels: Pixels,
    paths: Sequence[Path],
    how: Preprocessing,
    limits: Limits,
    progress: Callable[[int], object],
) -> None:
    def read(path: Path) -> Pixels:
        try:
            picture = decode(path.read_bytes(), limits, short_side=how.short_side)
            fitted: Pixels = fit([picture], how)[0]
        except ImageRejected as error:
            raise Invalid(f"{path} cannot be learnt from: {error}") from error
        return fitted

    todo = iter(enumerate(paths))
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        while some := list(islice(todo, _AT_ONCE)):
            for (at, _), picture in zip(
                some, threads.map(read, [path for _, path in some]), strict=True
            ):
                pixels[at] = picture
            progress(len(some))


def _name(paths: Sequence[Path], how: Preprocessing) -> str:
    digest = hashlib.sha256(
        f"{how.input_size} {how.interpolation} {how.crop_mode} {how.crop_pct}".encode()
    )
    for path in paths:
        about = path.stat()
        digest.update(f"{path.resolve()}\0{about.st_size}\0{about.st_mtime_ns}\n".encode())
    return digest.hexdigest()[:24]
