"""The contact sheet: the pictures are there, and right and wrong can be told apart."""

from pathlib import Path

import numpy as np
from PIL import Image
from tests.pictures import picture

from vitrine.learning.datasets import Example
from vitrine.learning.evaluation import sheet
from vitrine.learning.evaluation.judge import Evaluation, evaluate
from vitrine.learning.evaluation.pictures import Pictures
from vitrine.learning.evaluation.sheet import ContactSheet, misses_of, sample_of
from vitrine.media.decode import Limits

LIMITS = Limits(max_bytes=10_000_000, max_pixels=10_000_000)


def evaluation(folder: Path, angles: dict[str, float], labels: dict[str, str]) -> Evaluation:
    examples = []
    for seed, name in enumerate(angles):
        picture(seed).save(folder / f"{name}.png")
        examples.append(Example(folder / f"{name}.png", labels[name], ""))
    turned = np.array(list(angles.values()))
    vectors = np.stack([np.cos(turned), np.sin(turned)], axis=1).astype(np.float32)
    some = Pictures(examples, vectors)
    return evaluate(some, some)


def test_what_was_found_is_shown_with_its_marks(tmp_path: Path) -> None:
    # Each of the two finds the other first, and then what is wrong.
    found = evaluation(
        tmp_path, {"a": 0.0, "b": 0.1, "c": 1.0}, {"a": "x", "b": "x", "c": "y" * 90}
    )
    ContactSheet(found, LIMITS).write(tmp_path / "sheet.png", "a title")
    with Image.open(tmp_path / "sheet.png") as image:
        drawn = np.asarray(image.convert("RGB"))
    left = sheet._MARGIN + sheet._WIDTH + sheet._MARGIN
    top = sheet._HEAD

    def mark(place: int) -> np.ndarray:
        x = left + sheet._APART + (place + 1) * sheet._CELL
        return drawn[top : top + 28, x : x + 28]

    def has(area: np.ndarray, colour: tuple[int, int, int]) -> bool:
        return bool((area == colour).all(axis=-1).sum() > 100)

    assert has(mark(0), sheet._RIGHT)
    assert not has(mark(0), sheet._WRONG)
    assert has(mark(1), sheet._WRONG)
    assert not has(mark(1), sheet._RIGHT)
    # Not by colour alone: the forms differ too.
    right, wrong = ((mark(at) == sheet._PAPER).all(axis=-1) for at in (0, 1))
    assert (right != wrong).sum() > 50
    # There were two to find and no third.
    assert not has(mark(2), sheet._WRONG)


def test_misses_come_one_a_label_and_the_worst_first(tmp_path: Path) -> None:
    names = "abcdefgh"
    labels = dict(zip(names, "xyxyzzzz", strict=True))
    angles = {name: at if at < 4 else 20 + at for at, name in enumerate(names)}
    found = evaluation(tmp_path, {name: 0.1 * at for name, at in angles.items()}, labels)
    misses = misses_of(found, 3)
    shown = [found.queries.examples[at].label for at in misses]
    assert shown == ["x", "y", "x"]
    assert not found.right[misses, 0].any()
    assert len(misses_of(found, 100)) == int((~found.right[:, 0]).sum())


def test_the_sample_is_the_same_every_time_and_no_larger_than_there_are(tmp_path: Path) -> None:
    found = evaluation(
        tmp_path, {name: 0.1 * at for at, name in enumerate("abcd")}, dict.fromkeys("abcd", "x")
    )
    assert sample_of(found, 2) == sample_of(found, 2)
    assert sample_of(found, 100) == [0, 1, 2, 3]
