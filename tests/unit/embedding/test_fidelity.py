"""What int8 costs is told from what nothing costs; with encoders whose vectors are known."""

from collections.abc import Sequence

import numpy as np
import pytest
from PIL import Image

from vitrine.embedding.fidelity import MOST_LOSS, Task, find_oneself, measure, recall_at_1
from vitrine.embedding.runtimes import Encoded
from vitrine.embedding.specs import ModelSpec, Preprocessing
from vitrine.embedding.vectors import normalise

HOW = Preprocessing((3, 8, 8), (0, 0, 0), (1, 1, 1), "bicubic", 1.0, "squash")


class Known:
    """Encodes a picture of one grey as the vector of that number, turned by `noise`."""

    spec = ModelSpec("known", "", False, 0, True, 64, (64, 1, 1), HOW)
    digest = "d"

    def __init__(self, noise: float) -> None:
        self._noise = noise

    def encode(self, images: Sequence[Image.Image]) -> Encoded:
        numbers = [int(np.asarray(image)[0, 0, 0]) for image in images]
        rows = [
            np.random.default_rng(number).normal(size=64)
            + self._noise * np.random.default_rng([number, 1]).normal(size=64)
            for number in numbers
        ]
        vectors = normalise(np.asarray(rows, np.float32))
        return Encoded(vectors, vectors[:, :, None, None])


def grey(number: int) -> Image.Image:
    return Image.new("RGB", (8, 8), (number, number, number))


def task(count: int = 100) -> Task:
    pictures = [lambda side, number=number: grey(number) for number in range(count)]
    labels = [str(number) for number in range(count)]
    return Task("greys", pictures, labels, pictures, labels)


def test_a_form_that_loses_nothing_is_served() -> None:
    found = measure(Known(0), Known(0.05), task())
    assert found["served"]
    assert found["loss"] == 0
    assert found["r@1"] == {"fp32": 1.0, "int8": 1.0, "int8 in fp32": 1.0}
    assert 0.99 < found["cosine_min"] < found["cosine_mean"] < 1


def test_a_form_that_loses_is_not_served() -> None:
    """Alone it finds everything; among vectors of fp32 it does not, and both can be."""
    found = measure(Known(0), Known(4), task())
    assert found["r@1"]["fp32"] == found["r@1"]["int8"] == 1
    assert found["r@1"]["int8 in fp32"] < 0.9
    assert found["loss"] == pytest.approx(1 - found["r@1"]["int8 in fp32"])
    assert found["loss"] > MOST_LOSS
    assert not found["served"]


@pytest.mark.parametrize("leave_one_out", [True, False])
def test_recall_by_a_naive_loop(leave_one_out: bool) -> None:
    random = np.random.default_rng(5)
    vectors = normalise(random.normal(size=(30, 3)).astype(np.float32))
    labels = [str(number) for number in random.integers(0, 4, 30)]
    one = Task("t", [], labels, [], labels, leave_one_out)
    hits = 0
    for query in range(30):
        best, score = -1, -2.0
        for other in range(30):
            if not (leave_one_out and other == query) and vectors[query] @ vectors[other] > score:
                best, score = other, float(vectors[query] @ vectors[other])
        hits += labels[best] == labels[query]
    assert recall_at_1(vectors, vectors, one) == pytest.approx(hits / 30)


def test_views_of_pictures_without_labels(pictures: list[Image.Image]) -> None:
    made = find_oneself("views", [lambda side, one=one: one for one in pictures])
    assert len(made.queries) == len(made.query_labels) >= 400
    assert made.query_labels[: len(pictures)] == made.catalog_labels
    seen = [np.asarray(made.queries[at](64).resize((8, 8))) for at in (0, 0, len(pictures))]
    assert (seen[0] == seen[1]).all(), "the same views in every build"
    assert (seen[0] != seen[2]).any(), "another view of the same picture"
