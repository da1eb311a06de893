"""Fusion against a loop that says the same in plain words."""

from hypothesis import given
from hypothesis import strategies as st

from vitrine.retrieval.fusion import RRF_K, Ranking, ranks, reciprocal_ranks, weighted_scores

SCORES = st.dictionaries(st.integers(1, 30), st.integers(-5, 5).map(float), max_size=12)


@given(SCORES)
def test_a_rank_is_one_more_than_those_that_are_better(scores: dict[int, float]) -> None:
    found = ranks(scores)
    for product, score in scores.items():
        assert found[product] == 1 + sum(other > score for other in scores.values())


@given(SCORES, SCORES, st.floats(0, 3), st.floats(0, 3))
def test_reciprocal_ranks_add_up(
    one: dict[int, float], other: dict[int, float], first: float, second: float
) -> None:
    fused = reciprocal_ranks([Ranking("image", one, first), Ranking("text", other, second)])
    assert set(fused) == set(one) | set(other)
    for product, parts in fused.items():
        wanted = {}
        if product in one:
            wanted["image"] = first / (RRF_K + ranks(one)[product])
        if product in other:
            wanted["text"] = second / (RRF_K + ranks(other)[product])
        assert parts == wanted


@given(SCORES, SCORES)
def test_weighted_scores_lie_between_zero_and_one(
    one: dict[int, float], other: dict[int, float]
) -> None:
    for parts in weighted_scores([Ranking("a", one, 3), Ranking("b", other, 1)]).values():
        assert 0 <= sum(parts.values()) <= 1 + 1e-9
        assert parts.get("a", 0) <= 0.75 + 1e-9


def test_scores_that_end_at_nothing_are_measured_from_there() -> None:
    fused = weighted_scores([Ranking("text", {1: 8.0, 2: 6.0}, nothing=0.0)])
    assert fused == {1: {"text": 1.0}, 2: {"text": 0.75}}
    among_themselves = weighted_scores([Ranking("image", {1: 0.8, 2: 0.6})])
    assert among_themselves == {1: {"image": 1.0}, 2: {"image": 0.0}}


def test_who_is_in_both_beats_who_is_first_in_one() -> None:
    fused = reciprocal_ranks(
        [Ranking("image", {1: 0.9, 2: 0.8, 3: 0.7}), Ranking("text", {3: 8.0, 4: 9.0})]
    )
    totals = {product: sum(parts.values()) for product, parts in fused.items()}
    assert max(totals, key=lambda product: totals[product]) == 3
