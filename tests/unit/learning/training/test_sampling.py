"""Batches hold the shares that a recipe asks for, and balance labels."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from vitrine.learning.training.sampling import Sampler, shares


@given(st.lists(st.floats(0.01, 10), min_size=1, max_size=6), st.integers(12, 200))
def test_shares_fill_the_batch_and_leave_nobody_out(weights: list[float], batch: int) -> None:
    counts = shares(weights, batch)
    assert sum(counts) == batch
    assert min(counts) >= 2
    if min(weights) / sum(weights) * batch >= 3:
        exact = np.array(weights) / sum(weights) * batch
        assert np.abs(exact - counts).max() <= 1


def drawn(labels: list[int], balance: float, *, per_label: int = 1) -> np.ndarray:
    sampler = Sampler(np.array(labels), balance=balance, per_label=per_label)
    random = np.random.default_rng(0)
    rows = np.concatenate([sampler.draw(8, random) for _ in range(400)])
    return np.bincount(np.array(labels)[rows]) / len(rows)


def test_balance_goes_from_the_pictures_to_the_labels() -> None:
    labels = [0] * 160 + [1] * 20 + [2] * 20 + [3] * 20 + [4] * 20
    labels += [5] * 20 + [6] * 20 + [7] * 20 + [8] * 20 + [9] * 20
    # 160 pictures of 340, or one label of ten, though a batch has room for nearly all labels.
    assert abs(drawn(labels, 0.0)[0] - 160 / 340) < 0.03
    assert abs(drawn(labels, 1.0)[0] - 1 / 10) < 0.02


def test_labels_come_in_groups() -> None:
    labels = np.repeat(np.arange(2000), 5)
    rows = Sampler(labels, balance=1, per_label=4).draw(16, np.random.default_rng(1))
    assert np.bincount(labels[rows])[np.unique(labels[rows])].tolist() == [4, 4, 4, 4]
    assert len(set(rows.tolist())) == 16


def test_few_labels_are_drawn_again_and_small_ones_repeat() -> None:
    rows = Sampler(np.array([0, 0, 1]), balance=1, per_label=2).draw(9, np.random.default_rng(2))
    assert len(rows) == 9
    assert {0, 1, 2} == set(rows.tolist())


def test_pictures_without_labels_are_drawn_without_doubles() -> None:
    rows = Sampler(np.full(50, -1), balance=0.5, per_label=2).draw(20, np.random.default_rng(1))
    assert len(set(rows.tolist())) == 20
