"""Which pictures an int8 form is made and judged by: the shop's, a directory's, or drawn ones."""

import random
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from PIL import Image
from sqlalchemy.exc import SQLAlchemyError

from vitrine.assembly import Platform
from vitrine.embedding.fidelity import Calibration, Picture, Task, find_oneself
from vitrine.errors import ImageRejected, Invalid, Unavailable
from vitrine.ingest.sampling import LOOK_SIDE, sample_pictures
from vitrine.learning.datasets import Example, read_examples
from vitrine.media.decode import Limits, decode

# So many calibrate, and as many others judge.
_PICTURES = 512
# The fewest that say how a catalogue looks.
_LEAST = 64
# Drawing takes half a second a picture.
_DRAWN = 160
_SEED = 20
_FILES = {".jpg", ".jpeg", ".png", ".webp", ".heic", ".avif", ".gif", ".tif", ".tiff", ".bmp"}

Say = Callable[[str], object]


def calibration(
    platform: Platform, folder: Path | None, task: Task | None, say: Say
) -> Calibration:
    """Choose pictures: of `folder` if given, else the shop's own, else drawn ones.

    Without a `task` those that did not calibrate are searched for by views of themselves.
    """
    if folder is not None:
        name, pictures = folder.name, _in_folder(folder, platform.limits)
    else:
        name, pictures = "the shop's own pictures", _of_the_shop(platform)
        if len(pictures) < _LEAST:
            name, pictures = "drawn pictures", _drawn(platform.limits, say)
    random.Random(_SEED).shuffle(pictures)  # noqa: S311
    half = min(_PICTURES, len(pictures) // 2)
    judged = task or find_oneself(f"views of {name}", pictures[half : 2 * half])
    # Who brings a search of their own leaves all pictures to calibrate by.
    return Calibration(name, pictures[: _PICTURES if task else half], judged)


def labelled_task(folder: Path, catalog: str, queries: str, limits: Limits) -> Task:
    """Make a search of two splits of an `images.csv` directory; of one split, leave one out."""
    there, asked = (read_examples(folder, split) for split in (catalog, queries))
    for example in (*there, *asked):
        if not example.label:
            raise Invalid(f"{example.path} has no label; a search needs one to know what is right.")
    return Task(
        f"{folder.name} {catalog}→{queries}",
        _files(there, limits),
        [example.label for example in there],
        _files(asked, limits),
        [example.label for example in asked],
        leave_one_out=catalog == queries,
    )


def _of_the_shop(platform: Platform) -> list[Picture]:
    try:
        return sample_pictures(platform.ingest, 2 * _PICTURES)
    except (SQLAlchemyError, Unavailable):
        return []  # nothing runs here; a model can be built all the same


def _in_folder(folder: Path, limits: Limits) -> list[Picture]:
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in _FILES)
    random.Random(_SEED).shuffle(paths)  # noqa: S311
    pictures: list[Picture] = []
    for path in paths:
        try:
            decode(path.read_bytes(), limits, short_side=LOOK_SIDE)
        except (ImageRejected, OSError):
            continue
        pictures.append(partial(_read, path, limits))
        if len(pictures) == 2 * _PICTURES:
            break
    if len(pictures) < _LEAST:
        raise Invalid(
            f"{folder} holds {len(pictures)} pictures; int8 needs at least {_LEAST} that look like "
            "the catalogue. Name another directory, or leave --calibrate out: pictures are drawn."
        )
    return pictures


def _drawn(limits: Limits, say: Say) -> list[Picture]:
    """Draw products as `vitrine demo` does, one photo each."""
    from vitrine.demo.photos import photo
    from vitrine.demo.products import catalogue

    say(f"drawing {_DRAWN} pictures to calibrate int8 by, because the shop has few of its own")
    return [
        partial(_decode, photo(_SEED, product, 0), limits) for product in catalogue(_SEED, _DRAWN)
    ]


def _files(examples: Sequence[Example], limits: Limits) -> list[Picture]:
    return [partial(_read, example.path, limits) for example in examples]


def _read(path: Path, limits: Limits, short_side: int) -> Image.Image:
    return decode(path.read_bytes(), limits, short_side=short_side)


def _decode(data: bytes, limits: Limits, short_side: int) -> Image.Image:
    return decode(data, limits, short_side=short_side)
