"""Proposals become one candidate a product; each interest gets its share of them."""

import pytest

from vitrine.recommend.merging import merge, sources_of
from vitrine.recommend.nearest import quotas
from vitrine.recommend.proposals import (
    BOUGHT_TOGETHER,
    FOR_YOU,
    NEW,
    SIMILAR,
    TRENDING,
    Proposal,
)


def test_one_candidate_a_product_with_what_every_source_says() -> None:
    found = merge(
        [
            Proposal(7, FOR_YOU, 0.6, image_id=70, because=1, interest=0),
            Proposal(8, TRENDING, 3.0),
            Proposal(7, FOR_YOU, 0.9, image_id=71, because=2, interest=1),
            Proposal(7, SIMILAR, 0.7, image_id=72, because=3),
            Proposal(7, FOR_YOU, 0.5, image_id=73, because=4, interest=2),
        ]
    )
    assert [one.product_id for one in found] == [7, 8]
    first, second = found
    assert first.scores == {FOR_YOU: 0.9, SIMILAR: 0.7}
    assert first.because == {FOR_YOU: 2, SIMILAR: 3}
    assert (first.image_id, first.interest) == (71, 1)
    assert (second.image_id, second.interest, second.because) == (None, None, {})


def test_of_ages_the_younger_stands() -> None:
    (found,) = merge([Proposal(7, NEW, 3.0), Proposal(7, NEW, 1.0), Proposal(7, NEW, 2.0)])
    assert found.scores == {NEW: 1.0}


def test_the_strongest_source_comes_first() -> None:
    (found,) = merge([Proposal(7, NEW, 1.0), Proposal(7, TRENDING, 2.0), Proposal(7, FOR_YOU, 0.5)])
    assert sources_of(found) == [FOR_YOU, TRENDING, NEW]
    (paired,) = merge([Proposal(7, SIMILAR, 0.5), Proposal(7, BOUGHT_TOGETHER, 12.0)])
    assert sources_of(paired) == [BOUGHT_TOGETHER, SIMILAR]


@pytest.mark.parametrize(
    ("weights", "pool", "expected"),
    [
        ([0.5, 0.3, 0.2], 100, [50, 30, 20]),
        ([0.9, 0.05, 0.05], 60, [54, 8, 8]),
        ([2.0, 2.0], 40, [20, 20]),
        ([0.0, 0.0], 40, [8, 8]),
        ([], 40, []),
    ],
)
def test_shares_go_by_weight_with_some_for_each(
    weights: list[float], pool: int, expected: list[int]
) -> None:
    assert quotas(weights, pool, least=8) == expected
