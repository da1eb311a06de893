"""Rocchio moves a question as its formula says."""

import numpy as np
import pytest

from vitrine.errors import Invalid
from vitrine.retrieval.relevance_feedback import rocchio

EAST, NORTH = np.array([1, 0], np.float32), np.array([0, 1], np.float32)


def test_it_is_the_weighted_sum_of_length_one() -> None:
    moved = rocchio(EAST, [NORTH, EAST], [-NORTH], weights=(1.0, 0.5, 0.25))
    wanted = EAST + 0.5 * (NORTH + EAST) / 2 - 0.25 * -NORTH
    assert moved == pytest.approx(wanted / np.linalg.norm(wanted), abs=1e-6)


def test_likes_alone_are_a_question() -> None:
    assert rocchio(None, [NORTH], [], weights=(1.0, 0.75, 0.25)) == pytest.approx(NORTH)


@pytest.mark.parametrize("more", [[], [-EAST]])
def test_nothing_left_is_said(more: list[np.ndarray]) -> None:
    with pytest.raises(Invalid, match="nothing to search"):
        rocchio(EAST if more else None, more, [], weights=(1.0, 1.0, 1.0))
