"""Cosines of candidates, against a naive loop; pictures that are the same are shown once."""

from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vitrine.recommend.comparing import References, compare, references, without_copies
from vitrine.recommend.profile import Interest
from vitrine.recommend.proposals import Candidate
from vitrine.retrieval.stored import StoredPictures

RNG = np.random.default_rng(5)
NOW = datetime(2026, 11, 24, tzinfo=UTC)


def vectors(count: int) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    drawn = RNG.normal(size=(count, 16)).astype(np.float32)
    return drawn / np.linalg.norm(drawn, axis=1, keepdims=True)


def test_a_picture_that_is_gone_speaks_no_more() -> None:
    stored = {1: StoredPictures([10, 11], vectors(2))}
    candidates = [Candidate(1, image_id=11), Candidate(1, image_id=12), Candidate(2, image_id=20)]
    to = References(vectors(0), [], vectors(0), vectors(0))
    own = compare(candidates, stored, to)
    assert [one.image_id for one in candidates] == [11, None, None]
    assert np.array_equal(own[0], stored[1].vectors[1])
    assert np.array_equal(own[1], stored[1].vectors[0])


def test_by_the_best_picture_of_each() -> None:
    stored = {
        product: StoredPictures(list(range(product * 10, product * 10 + n)), vectors(n))
        for product, n in ((1, 1), (2, 3), (3, 2))
    }
    to = References(vectors(2), [0, 3], vectors(1), vectors(4))
    candidates = [Candidate(1), Candidate(9), Candidate(2, image_id=21), Candidate(3)]
    own = compare(candidates, stored, to)
    for at, one in enumerate(candidates):
        if one.product_id == 9:
            assert (one.affinity, one.aversion, one.likeness, one.interest) == (0, 0, 0, None)
            assert not own[at].any()
            continue
        pictures = stored[one.product_id].vectors
        scores = [max(float(p @ q) for p in pictures) for q in to.interests]
        assert one.affinity == pytest.approx(max(scores), abs=1e-5)
        assert one.interest == to.which[int(np.argmax(scores))]
        assert one.aversion == pytest.approx(max(float(p @ to.dislikes[0]) for p in pictures))
        assert one.likeness == pytest.approx(
            max(float(p @ q) for p in pictures for q in to.page), abs=1e-5
        )
    assert np.array_equal(own[2], stored[2].vectors[1])


def test_without_anything_to_compare_with_nothing_is_known() -> None:
    candidates = [Candidate(1)]
    compare(candidates, {1: StoredPictures([1], vectors(1))}, references([], [], [], {}))
    assert (candidates[0].affinity, candidates[0].aversion, candidates[0].likeness) == (0, 0, 0)
    assert compare([Candidate(1)], {}, references([], [], [], {})).shape[0] == 1


def test_a_medoid_that_is_gone_is_no_reference() -> None:
    interests = [Interest(0.5, product, product * 10, [product], NOW) for product in (1, 2)]
    known = {2: StoredPictures([19, 20], vectors(2))}
    found = references(interests, [], [1, 2], known)
    assert found.which == [1]
    assert np.array_equal(found.interests[0], known[2].vectors[1])
    assert len(found.page) == 2


def test_one_picture_is_shown_once_and_none_of_the_page() -> None:
    some = vectors(4)
    shown = np.stack([some[0], some[1], some[0], some[2], np.zeros(16, np.float32)])
    assert without_copies([2, 1, 0, 3, 4], shown, some[3:]) == [2, 1, 3, 4]
    assert without_copies([0, 1, 3, 4], shown, some[1:2]) == [0, 3, 4]
    assert without_copies([], shown, some) == []


@given(st.lists(st.integers(0, 6), max_size=30), st.integers(1, 12))
def test_in_steps_as_at_once(pictures: list[int], most: int) -> None:
    some = vectors(7)
    shown, order = some[pictures].reshape(-1, 16), list(range(len(pictures)))
    naive: list[int] = []
    for at in order:
        if pictures[at] != 6 and all(pictures[at] != pictures[one] for one in naive):
            naive.append(at)
    assert without_copies(order, shown, some[6:]) == naive
    assert without_copies(order, shown, some[6:], most=most) == naive[:most]
