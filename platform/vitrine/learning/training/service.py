"""From a recipe to a run that has its pictures."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from vitrine.embedding.preprocess import FittedPixels
from vitrine.embedding.specs import Preprocessing
from vitrine.errors import Invalid
from vitrine.learning.datasets import Example, read_examples
from vitrine.learning.evaluation.judge import own_rows
from vitrine.learning.evaluation.metrics import count_relevant
from vitrine.learning.evaluation.ranking import label_codes
from vitrine.learning.training.cache import cached_pixels
from vitrine.learning.training.held_out import Task
from vitrine.learning.training.network import specification
from vitrine.learning.training.pool import Source, source_side
from vitrine.learning.training.recipe import Dataset, HeldOut, Recipe
from vitrine.media.decode import Limits

Decoding = Callable[[str, int], Callable[[int], object]]
"""Told a title and how many pictures it stands for; gives whom to tell how many are done."""


class Pictures:
    """Reads the pictures of a recipe, decoded once into `cache`."""

    def __init__(self, recipe: Recipe, cache: Path, limits: Limits, decoding: Decoding) -> None:
        self._recipe = recipe
        self._cache = cache
        self._limits = limits
        self._decoding = decoding
        self._how = specification(recipe).preprocessing

    def check(self) -> None:
        """Refuse, before a picture is decoded, a run that would learn from what judges it.

        Raises Invalid, and NotFound for a listing, a split or a file that is not there.
        """
        learnt = {
            example.path.resolve() for one in self._recipe.datasets for example in self._of(one)
        }
        for held_out in self._recipe.held_out:
            for query in read_examples(self._recipe.data / held_out.folder, held_out.queries):
                if query.path.resolve() in learnt:
                    raise Invalid(
                        f"{query.path} is learnt from and cannot ask in {held_out.title}: take it "
                        "out of one of the two."
                    )

    def sources(self) -> list[Source]:
        """Read all data sets. Raises NotFound and Invalid for what is missing or broken."""
        return [self._source(str(at), one) for at, one in enumerate(self._recipe.datasets)]

    def tasks(self) -> list[Task]:
        """Read all held-out searches."""
        return [self._task(held_out) for held_out in self._recipe.held_out]

    def _source(self, key: str, dataset: Dataset) -> Source:
        examples = self._of(dataset)
        side = source_side(self._recipe)
        # Views are cut out of the whole picture.
        whole = replace(self._how, input_size=(3, side, side), crop_pct=1.0)
        pixels = self._pixels(examples, whole, dataset)
        if dataset.self_supervised:
            return Source(key, dataset, pixels, np.full(len(examples), -1), ())
        names = [example.label for example in examples]
        if not all(names):
            raise Invalid(
                f"{dataset.folder} has pictures without a label: say self_supervised = true in "
                "the recipe, or label them."
            )
        codes, _ = label_codes(names, names)
        return Source(key, dataset, pixels, codes, tuple(sorted(set(names))))

    def _of(self, dataset: Dataset) -> list[Example]:
        folder = self._recipe.data / dataset.folder
        return [example for split in dataset.splits for example in read_examples(folder, split)]

    def _task(self, held_out: HeldOut) -> Task:
        folder = self._recipe.data / held_out.folder
        catalogue = read_examples(folder, held_out.catalog)
        queries = read_examples(folder, held_out.queries)
        asked, there = label_codes([one.label for one in queries], [one.label for one in catalogue])
        own = own_rows([one.path for one in queries], [one.path for one in catalogue])
        if not count_relevant(asked, there, own).any():
            raise Invalid(f"{held_out.title}: no query shares a label with the catalogue.")
        return Task(
            held_out,
            own,
            (self._pixels(catalogue, self._how, held_out), there),
            (self._pixels(queries, self._how, held_out), asked),
        )

    def _pixels(
        self, examples: Sequence[Example], how: Preprocessing, of: Dataset | HeldOut
    ) -> FittedPixels:
        paths = [example.path for example in examples]
        return cached_pixels(
            paths, how, self._cache, self._limits, self._decoding(of.folder, len(paths))
        )
