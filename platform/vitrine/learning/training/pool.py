"""The pictures of a run, decoded and on the device, and batches drawn from them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from vitrine.embedding.preprocess import FittedPixels
from vitrine.learning.training.recipe import Dataset, Recipe
from vitrine.learning.training.sampling import Rows, Sampler, shares

# A view is cut out of a picture that has some pixels to spare.
SPARE = 1.25
_AT_ONCE = 256


@dataclass(frozen=True)
class Source:
    """One data set: pictures uint8 [n, side, side, 3], label codes [n] (-1: none).

    `key` names its classifier: its place in the recipe; `names` are the labels, by their code.
    """

    key: str
    dataset: Dataset
    pixels: FittedPixels
    labels: Rows
    names: tuple[str, ...]

    @property
    def label_count(self) -> int:
        return len(self.names)


@dataclass(frozen=True)
class Part:
    """What one data set gives to a batch, on the device."""

    source: Source
    pictures: Any
    labels: Any


def source_side(recipe: Recipe) -> int:
    """Pixels that pictures are kept at for the largest stage."""
    return round(max(stage.side for stage in recipe.stages) * SPARE)


class Pool:
    """Pictures of all data sets at the size of one stage; a step's batch follows from its number.

    So a run that is resumed sees what it would have seen.
    """

    def __init__(
        self,
        sources: Sequence[Source],
        recipe: Recipe,
        side: int,
        device: str,
        progress: Callable[[str], object],
    ) -> None:
        self._recipe = recipe
        self._device = device
        self._sources = sources
        self._samplers = [
            Sampler(one.labels, balance=recipe.balance, per_label=recipe.pictures_per_label)
            for one in sources
        ]
        self._shares = [one.dataset.share for one in sources]
        wanted = min(round(side * SPARE), source_side(recipe))
        self._pictures = []
        for one in sources:
            progress(f"scaling {one.dataset.folder} to {wanted} pixels")
            self._pictures.append(_scaled(one.pixels, wanted, device))

    def batch(self, step: int, size: int) -> list[Part]:
        """Draw the batch of a step, one part a data set."""
        random = np.random.default_rng([self._recipe.seed, step])
        parts = []
        for source, sampler, pictures, count in zip(
            self._sources,
            self._samplers,
            self._pictures,
            shares(self._shares, size),
            strict=True,
        ):
            rows = sampler.draw(count, random)
            at = torch.from_numpy(rows).to(self._device)
            labels = torch.from_numpy(source.labels[rows]).to(self._device)
            parts.append(Part(source, pictures[at], labels))
        return parts


def _scaled(pixels: FittedPixels, side: int, device: str) -> Any:
    """Put pictures on the device at [side, side]; uint8, since floats would take four times."""
    scaled = torch.empty((len(pixels), side, side, 3), dtype=torch.uint8, device=device)
    for start in range(0, len(pixels), _AT_ONCE):
        some = torch.from_numpy(np.array(pixels[start : start + _AT_ONCE])).to(device)
        if some.shape[1] != side:
            planes = some.permute(0, 3, 1, 2).float()
            planes = functional.interpolate(planes, (side, side), mode="bilinear", antialias=True)
            some = planes.round().clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1)
        scaled[start : start + _AT_ONCE] = some
    return scaled
