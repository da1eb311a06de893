"""What an answered page teaches, and what a late click adds to it."""

import numpy as np
import pytest

from vitrine.recommend.examples import (
    Answer,
    Example,
    Shown,
    first_examples,
    late_examples,
    read_features,
)
from vitrine.recommend.features import FEATURES, POSITION, position_value

PLACE = FEATURES.index(POSITION)
PAGE = Shown(
    np.random.default_rng(1).random((4, len(FEATURES))).astype(np.float32), [1.0, 0.9, 0.05, 0.9]
)


def told(examples: list[Example]) -> list[tuple[int, bool, float]]:
    """The slot of each (by a feature that nothing changes), its label and its weight."""
    slots = {float(row[1]): slot for slot, row in enumerate(PAGE.features)}
    return [(slots[float(one.features[1])], one.clicked, round(one.weight, 3)) for one in examples]


def answers(*said: tuple[int, str], learned: bool = False) -> list[Answer]:
    """What came back of slots, which tokens count from 1."""
    return [Answer(slot + 1, name, learned) for slot, name in said]


def test_without_impressions_every_slot_was_seen() -> None:
    examples = first_examples(PAGE, answers((1, "select_item")))
    assert told(examples) == [(0, False, 1), (1, True, 1.111), (2, False, 4), (3, False, 1.111)]
    assert [one.features[PLACE] for one in examples] == pytest.approx(
        position_value(range(4)).tolist()
    )
    assert PAGE.features[1, PLACE] != examples[1].features[PLACE]


def test_impressions_say_what_was_seen() -> None:
    said = answers((0, "view_item_list"), (1, "view_item_list"), (3, "select_item"))
    assert told(first_examples(PAGE, said)) == [
        (0, False, 1),
        (1, False, 1.111),
        (3, True, 1.111),
    ]


def test_a_purchase_counts_for_more_than_a_click_and_what_was_hidden_for_a_refusal() -> None:
    said = answers(
        (0, "select_item"), (0, "purchase"), (1, "select_item"), (1, "hide_item"), (9, "purchase")
    )
    assert told(first_examples(PAGE, said))[:2] == [(0, True, 3), (1, False, 3.333)]


@pytest.mark.parametrize("name", ["rate_item", "remove_from_cart", "refund"])
def test_what_says_nothing_of_a_click_is_none(name: str) -> None:
    assert not any(one.clicked for one in first_examples(PAGE, answers((0, name))))


def test_late_answers_teach_what_is_more_than_before() -> None:
    before = answers((0, "select_item"), (1, "view_item_list"), (2, "purchase"), learned=True)
    late = answers((0, "purchase"), (1, "view_item"), (2, "view_item"), (3, "view_item_list"))
    assert told(late_examples(PAGE, before + late)) == [(0, True, 2), (1, True, 1.111)]
    assert told(late_examples(PAGE, [*before, *answers((0, "hide_item"))])) == [(0, False, 3)]
    assert late_examples(PAGE, before) == []


def test_features_of_another_release_are_not_read() -> None:
    kept = PAGE.features.astype(np.float16).tobytes()
    read = read_features(kept, 4)
    assert read is not None
    assert np.abs(read - PAGE.features).max() < 1e-3
    assert read_features(kept, 3) is None
    assert read_features(None, 4) is None
    assert read_features(b"", 0) is None
    broken = PAGE.features.copy()
    broken[0, 0] = np.nan
    assert read_features(broken.astype(np.float16).tobytes(), 4) is None
