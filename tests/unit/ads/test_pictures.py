"""Which pictures are nearest, against a loop that looks at all of them."""

import numpy as np
import pytest

from vitrine.ads.pictures import Pictures


def drawn(count: int, seed: int = 3) -> np.ndarray:
    vectors = np.random.default_rng(seed).standard_normal((count, 16)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def hung(vectors: np.ndarray) -> Pictures:
    ids = np.arange(len(vectors), dtype=np.int64) * 7 + 5
    return Pictures("m", ids, vectors, {int(id_): 1 for id_ in ids}, {})


@pytest.mark.parametrize("depth", [1, 10, 49, 50, 51, 500])
def test_the_nearest_are_those_of_a_loop(depth: int) -> None:
    vectors, probes = drawn(50), drawn(3, seed=4)
    found = hung(vectors).nearest(probes, depth)
    for probe, best in zip(probes, found, strict=True):
        naive = sorted(range(50), key=lambda at: -float(np.dot(vectors[at], probe)))
        assert best == [at * 7 + 5 for at in naive[:depth]]


def test_equally_near_ones_come_by_their_id() -> None:
    same = np.repeat(drawn(1), 6, axis=0)
    assert hung(same).nearest(same[:1], 6) == [[5, 12, 19, 26, 33, 40]]


def test_where_nothing_hangs_nothing_is_near() -> None:
    assert Pictures.none("m").nearest(drawn(2), 5) == [[], []]


def test_what_was_looked_for_and_has_no_picture_is_absent() -> None:
    one = Pictures("m", np.array([4]), drawn(1), {4: 1, 9: 2}, {4: "cid"})
    assert one.absent == {9}
    assert one.rows == {4: 0}
