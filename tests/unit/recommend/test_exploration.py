"""Exploration: the logged propensities are those of the draws, and the guard holds."""

import numpy as np
import pytest

from vitrine.recommend.exploration import Guard, explore

SCORES = np.linspace(0.9, 0.05, 18).astype(np.float32)


@pytest.mark.parametrize(
    ("epsilon", "share"), [(0.1, 0.2), (0.5, 0.5), (1.0, 0.3), (0.05, 0.0), (0.3, 1.0)]
)
def test_propensities_are_how_often_each_slot_shows_each_candidate(
    epsilon: float, share: float
) -> None:
    rng = np.random.default_rng(7)
    order = [int(one) for one in np.random.default_rng(1).permutation(12)]
    scores = np.full(12, 0.4, np.float32)
    draws = 20_000
    shown = np.zeros((6, 12))
    said: dict[tuple[int, int], float] = {}
    for _ in range(draws):
        page = explore(
            order, scores, rng, slots=6, epsilon=epsilon, guard=Guard(share, 0.5, pool=3)
        )
        for slot, (one, propensity) in enumerate(zip(page.order, page.propensities, strict=True)):
            shown[slot, one] += 1
            # The same candidate in the same slot always comes with the same propensity.
            assert said.setdefault((slot, one), propensity) == propensity
    for (slot, one), propensity in said.items():
        spread = np.sqrt(propensity * (1 - propensity) / draws)
        assert shown[slot, one] / draws == pytest.approx(propensity, abs=5 * spread + 1e-12)


def test_never_more_than_the_share_and_never_the_first_slot() -> None:
    rng = np.random.default_rng(3)
    pages = [
        explore(range(18), SCORES, rng, slots=11, epsilon=0.9, guard=Guard(share=0.2, floor=0.0))
        for _ in range(300)
    ]
    assert {sum(page.explored) for page in pages} == {2}
    assert all(page.order[0] == 0 and page.propensities[0] == 1.0 for page in pages)
    for page in pages:
        assert len(set(page.order)) == 11
        assert [one >= 11 for one in page.order] == [bool(flag) for flag in page.explored]


def test_what_is_far_worse_or_not_eligible_is_never_drawn() -> None:
    rng = np.random.default_rng(3)
    scores = np.array([0.5, 0.4, 0.4, 0.3, 0.3, 0.1, 0.1], np.float32)
    eligible = np.array([1, 1, 1, 0, 1, 1, 1], bool)
    drawn = {
        one
        for _ in range(200)
        for one in explore(
            range(7), scores, rng, slots=3, epsilon=1.0, eligible=eligible, guard=Guard(0.5, 0.5)
        ).order
    }
    assert drawn == {0, 1, 2, 4}


@pytest.mark.parametrize(("slots", "epsilon"), [(5, 0.0), (18, 0.5), (1, 0.5), (30, 0.5)])
def test_nothing_is_left_to_chance_without_epsilon_or_without_a_pool(
    slots: int, epsilon: float
) -> None:
    page = explore(range(18), SCORES, np.random.default_rng(1), slots=slots, epsilon=epsilon)
    assert page.order == list(range(18))[:slots]
    assert set(page.propensities) == {1.0}
    assert not any(page.explored)


def test_an_empty_ranking_is_an_empty_page() -> None:
    page = explore([], SCORES[:0], np.random.default_rng(1), slots=5, epsilon=0.5)
    assert (page.order, page.propensities, page.explored) == ([], [], [])
