"""Splits let nothing of the future through, files are read or refused, and methods do as named."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

from vitrine.decisions.history import Interaction
from vitrine.errors import Invalid
from vitrine.recommend.evaluation.log import read_file
from vitrine.recommend.evaluation.methods import Catalogue, Past
from vitrine.recommend.evaluation.replay import Terms, known_to, make_methods, measure, rank
from vitrine.recommend.evaluation.splits import split_by_time, split_last
from vitrine.recommend.profile import Known
from vitrine.recommend.ranker import PRIOR
from vitrine.recommend.weights import EventWeights

DAY = timedelta(days=1)
START = datetime(2026, 1, 1, tzinfo=UTC)
KINDS, EACH = 4, 10


def deed(day: float, product: int, name: str = "view_item") -> Interaction:
    event = f"{day}/{product}/{name}".encode()
    return Interaction(
        START + day * DAY, event, 0, name, product, None, None, None, None, None, None
    )


def catalogue() -> Catalogue:
    """Four kinds of ten products; those of one kind look alike."""
    rng = np.random.default_rng(3)
    centres = rng.normal(size=(KINDS, 16))
    vectors = np.repeat(centres, EACH, axis=0) + 0.3 * rng.normal(size=(KINDS * EACH, 16))
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    ids = list(range(100, 100 + KINDS * EACH))
    known = {
        id_: Known(f"kind-{row // EACH}", None, Decimal(10), id_, vectors[row])
        for row, id_ in enumerate(ids)
    }
    return Catalogue(ids, known, dict.fromkeys(ids, START - 100 * DAY), vectors, "m")


def log(people: int = 40) -> dict[str, list[Interaction]]:
    """People who like one kind each, and look at seven products of it, one a day."""
    rng = np.random.default_rng(4)
    return {
        f"p{person}": [
            deed(day + person / 1000, 100 + EACH * (person % KINDS) + int(at))
            for day, at in enumerate(rng.permutation(EACH)[:7])
        ]
        for person in range(people)
    }


def test_a_cut_in_time_hides_all_that_came_later() -> None:
    parted = split_by_time(log(), share=0.6, repeats=False)
    cut = parted.cases[0].at
    assert all(one.at < cut for history in parted.past.values() for one in history)
    assert len(parted.past) == 40
    whole = log()
    before = sum(len(some) for some in parted.past.values())
    assert before / sum(map(len, whole.values())) == pytest.approx(0.6, abs=0.01)
    for case in parted.cases:
        later = {one.product_id for one in whole[case.person] if one.at >= cut}
        assert case.wanted == later - case.had


def test_what_somebody_had_counts_only_if_asked_for() -> None:
    events = {"p": [deed(1, 100), deed(2, 101), deed(3, 100), deed(4, 102)]}
    assert split_by_time(events, share=0.5, repeats=False).cases[0].wanted == {102}
    assert split_by_time(events, share=0.5, repeats=True).cases[0].wanted == {100, 102}
    only_again = {"p": [deed(1, 100), deed(2, 101), deed(3, 100)]}
    with pytest.raises(Invalid, match="too little"):
        split_by_time(only_again, share=0.7, repeats=False)
    with pytest.raises(Invalid, match="nothing to foretell"):
        split_by_time({"p": [deed(1, 100, "hide_item")]}, share=0.5, repeats=False)


def test_the_last_product_is_left_out_with_all_that_was_done_with_it() -> None:
    events = {
        "p": [deed(1, 100), deed(2, 101), deed(3, 100, "add_to_cart"), deed(4, 101, "hide_item")]
    }
    (case,) = split_last(events, repeats=False).cases
    assert case.wanted == {100}
    assert [one.product_id for one in case.history] == [101]
    (case,) = split_last(events, repeats=True).cases
    assert [one.product_id for one in case.history] == [100, 101]


def test_people_who_keep_to_a_kind_are_foretold_by_all_but_popularity_and_chance() -> None:
    shop, parted = catalogue(), split_by_time(log(), share=0.6, repeats=False)
    methods = make_methods(shop, parted, EventWeights(), PRIOR)
    shares = known_to(Past(parted.past, shop))
    found = {one.name: measure(one, parted.cases, shop, shares, Terms(k=6)) for one in methods}
    for name in ("recommendations", "co-occurrence", "visual similarity"):
        assert found[name].recall.value > 0.8, name
        assert found[name].mrr.low > found["popularity"].mrr.high, name
    assert found["recommendations"].ndcg.value > 0.7
    assert found["random"].recall.value < 0.35
    assert found["random"].coverage == 1
    assert found["popularity"].coverage < 0.6
    assert found["visual similarity"].diversity.value < found["random"].diversity.value
    assert found["popularity"].novelty.value < found["random"].novelty.value


def test_nobody_is_shown_what_they_had_unless_repeats_count() -> None:
    scores = np.array([3.0, 2.0, 1.0, -np.inf])
    rng = np.random.default_rng(1)
    assert rank(scores, [], rng) == [0, 1, 2]
    assert rank(scores, [0], rng) == [1, 2]
    assert scores[0] == 3.0
    orders = {tuple(rank(np.zeros(3), [], rng)) for _ in range(60)}
    assert len(orders) == 6


def test_a_file_holds_events_or_batches_of_them(tmp_path: Path) -> None:
    micros = int(START.timestamp() * 1_000_000)
    event = {
        "name": "view_item",
        "event_id": "e1",
        "timestamp_micros": micros,
        "params": {"items": [{"item_id": "s:a"}, {"item_id": "s:gone"}]},
    }
    lines = [
        {"user_id": "u1", "events": [event, {**event, "name": "scroll"}]},
        {**event, "client_id": "c1", "event_id": "e0", "timestamp_micros": micros - 1},
        {"client_id": "c1", "timestamp_micros": micros + 9, "events": [
            {key: value for key, value in event.items() if key != "timestamp_micros"}]},
    ]  # fmt: skip
    path = tmp_path / "events.jsonl"
    path.write_text("\n\n".join(map(json.dumps, lines)))
    found, unknown = read_file(path, {"s:a": 7})
    assert unknown == 3
    assert {who: [one.product_id for one in some] for who, some in found.items()} == {
        "c1": [7, 7],
        "u1": [7],
    }
    assert found["u1"][0].at == START
    assert found["c1"][0].at < found["c1"][1].at


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("{", "line 2, is not JSON"),
        ("[1]", "line 2, must be an object"),
        ('{"name": "view_item", "user_id": "u", "params": {"items": [{}]}}', "line 2: `params/"),
        ('{"name": "view_item", "user_id": "u"}', "line 2: "),
        ('{"user_id": "u"}', "line 2: `name`"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_by_line(
    tmp_path: Path, line: str, says: str
) -> None:
    path = tmp_path / "events.jsonl"
    path.write_text(f"\n{line}\n")
    with pytest.raises(Invalid, match=says):
        read_file(path, {})
