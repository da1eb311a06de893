"""What int8 costs: how near its vectors are, and how much of a search it loses."""

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageEnhance

from vitrine.embedding.runtimes import Encoder

MOST_LOSS = 0.01
"""Recall at 1 that int8 may lose; a build that loses more keeps serving fp32."""

_ENCODED_AT_ONCE = 64
_FEWEST_QUERIES = 400

Picture = Callable[[int], Image.Image]
"""Gives a picture when it is wanted, told how many pixels its short side needs."""

Vectors = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Task:
    """A search with known answers: a query is to find a picture with its own label first.

    With `leave_one_out` queries and catalogue are the same pictures, and none finds itself.
    """

    name: str
    catalog: Sequence[Picture]
    catalog_labels: Sequence[str]
    queries: Sequence[Picture]
    query_labels: Sequence[str]
    leave_one_out: bool = False


@dataclass(frozen=True)
class Calibration:
    """Pictures that look like the catalogue, and a search of other ones to judge int8 by."""

    name: str
    pictures: Sequence[Picture]
    task: Task


def find_oneself(name: str, pictures: Sequence[Picture]) -> Task:
    """Make a search of pictures without labels: a cut-out in another light finds its picture.

    Few pictures are each looked for several times, or one of them would weigh a point of recall.
    """
    labels = [str(at) for at in range(len(pictures))]
    times = max(1, -(-_FEWEST_QUERIES // len(pictures)))
    views = [_view_of(picture, seed) for seed, picture in enumerate([*pictures] * times)]
    return Task(name, pictures, labels, views, labels * times)


def measure(fp32: Encoder, int8: Encoder, task: Task) -> dict[str, Any]:
    """Compare the two forms of a model on a search; what a manifest keeps of it.

    Three searches: fp32 alone, int8 alone, and int8 queries in an fp32 catalogue, as an api and a
    worker with a GPU would run it. The loss is that of the worse of the last two.
    """
    catalog, catalog8 = (_encode(one, task.catalog) for one in (fp32, int8))
    queries, queries8 = (
        (catalog, catalog8)
        if task.leave_one_out
        else (_encode(fp32, task.queries), _encode(int8, task.queries))
    )
    cosines = np.concatenate([(catalog * catalog8).sum(1), (queries * queries8).sum(1)])
    recall = {
        "fp32": recall_at_1(queries, catalog, task),
        "int8": recall_at_1(queries8, catalog8, task),
        "int8 in fp32": recall_at_1(queries8, catalog, task),
    }
    loss = recall["fp32"] - min(recall.values())
    return {
        "measured_on": task.name,
        "queries": len(task.queries),
        "catalog": len(task.catalog),
        "cosine_mean": round(float(cosines.mean()), 5),
        "cosine_min": round(float(cosines.min()), 5),
        "r@1": {form: round(value, 5) for form, value in recall.items()},
        "loss": round(loss, 5),
        "served": loss <= MOST_LOSS,
    }


def recall_at_1(queries: Vectors, catalog: Vectors, task: Task) -> float:
    """Share of queries [n, d] whose nearest picture in the catalogue [m, d] has their label."""
    cosines = queries @ catalog.T
    if task.leave_one_out:
        np.fill_diagonal(cosines, -np.inf)
    nearest = cosines.argmax(1)
    hits = [
        task.catalog_labels[at] == label
        for at, label in zip(nearest, task.query_labels, strict=True)
    ]
    return float(np.mean(hits))


def _encode(encoder: Encoder, pictures: Sequence[Picture]) -> Vectors:
    side = encoder.spec.preprocessing.short_side
    return np.concatenate(
        [encoder.encode([one(side) for one in some]).embedding for some in _chunks(pictures)]
    )


def _chunks(pictures: Sequence[Picture]) -> Iterator[Sequence[Picture]]:
    for start in range(0, len(pictures), _ENCODED_AT_ONCE):
        yield pictures[start : start + _ENCODED_AT_ONCE]


def _view_of(picture: Picture, seed: int) -> Picture:
    def view(short_side: int) -> Image.Image:
        # A cut-out of a picture has to be read larger to have as many pixels.
        return _view(picture(short_side * 3 // 2), random.Random(seed))  # noqa: S311

    return view


def _view(image: Image.Image, dice: random.Random) -> Image.Image:
    """Cut out 50 to 80 % of each side, lean it a little, and change light and colour."""
    image = image.convert("RGB").rotate(dice.uniform(-8, 8), Image.Resampling.BILINEAR)
    width, height = (side * dice.uniform(0.5, 0.8) for side in image.size)
    left, top = dice.uniform(0, image.width - width), dice.uniform(0, image.height - height)
    image = image.crop((int(left), int(top), int(left + width), int(top + height)))
    for change in (ImageEnhance.Brightness, ImageEnhance.Contrast, ImageEnhance.Color):
        image = change(image).enhance(dice.uniform(0.7, 1.3))
    return image
