"""Ranking and metrics, held against loops that do the same the slow and obvious way."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vitrine.learning.evaluation import metrics, ranking
from vitrine.learning.evaluation.bootstrap import estimate
from vitrine.learning.evaluation.ranking import NONE, label_codes, rank

LABELS = st.sampled_from(["a", "b", "c", ""])
# Few different numbers make many equal scores, which is where orders go wrong.
NUMBERS = st.sampled_from([-1.0, 0.0, 0.5, 1.0])


@st.composite
def searches(draw: st.DrawFn) -> dict[str, object]:
    queries, catalogue = draw(st.integers(1, 6)), draw(st.integers(0, 14))

    def matrix(rows: int) -> np.ndarray:
        numbers = draw(st.lists(NUMBERS, min_size=rows * 2, max_size=rows * 2))
        return np.array(numbers, np.float32).reshape(rows, 2)

    own = st.integers(0, catalogue - 1) if catalogue else st.just(NONE)
    return {
        "queries": matrix(queries),
        "catalogue": matrix(catalogue),
        "query_labels": draw(st.lists(LABELS, min_size=queries, max_size=queries)),
        "labels": draw(st.lists(LABELS, min_size=catalogue, max_size=catalogue)),
        "own": draw(st.lists(own | st.just(NONE), min_size=queries, max_size=queries)),
        "k": draw(st.integers(1, 12)),
    }


def naive(search: dict[str, object], at: int) -> dict[str, object]:
    """One query, all by loops: its order and its figures."""
    query, wanted, own = (search[key][at] for key in ("queries", "query_labels", "own"))
    catalogue, labels, k = search["catalogue"], search["labels"], search["k"]
    scored = []
    for row, vector in enumerate(catalogue):
        if row != own:
            scored.append((-float(query[0] * vector[0] + query[1] * vector[1]), row))
    order = [row for _, row in sorted(scored)]
    right = [bool(wanted) and labels[row] == wanted for row in order]
    relevant = sum(right)
    found = {"order": order[:k], "relevant": relevant}
    if not relevant:
        return found | dict.fromkeys(("recall", "rr", "ap", "ndcg"), math.nan)
    precisions, gain = 0.0, 0.0
    for place, hit in enumerate(right[:k], start=1):
        if hit:
            precisions += sum(right[:place]) / place
            gain += 1 / math.log2(place + 1)
    best = sum(1 / math.log2(place + 1) for place in range(1, min(k, relevant) + 1))
    return found | {
        "recall": float(any(right[:k])),
        "rr": 1 / (right.index(True) + 1),
        "ap": precisions / min(k, relevant),
        "ndcg": gain / best,
    }


@settings(max_examples=300, deadline=None)
@given(searches())
def test_everything_is_what_the_naive_loop_finds(search: dict[str, object]) -> None:
    k, own = search["k"], np.array(search["own"], np.int64)
    codes = label_codes(search["query_labels"], search["labels"])
    ranked = rank(search["queries"], search["catalogue"], codes, depth=k, own=own)
    right = metrics.is_right(ranked.found, *codes)
    relevant = metrics.count_relevant(*codes, own)
    figures = {
        "recall": metrics.recall_at(right, relevant, k),
        "rr": metrics.reciprocal_rank(ranked.first, relevant),
        "ap": metrics.average_precision_at(right, relevant, k),
        "ndcg": metrics.ndcg_at(right, relevant, k),
    }
    for at in range(len(own)):
        slow = naive(search, at)
        order = slow["order"]
        assert ranked.found[at].tolist() == order + [NONE] * (k - len(order))
        assert np.isnan(ranked.scores[at]).tolist() == [False] * len(order) + [True] * (
            k - len(order)
        )
        assert relevant[at] == slow["relevant"]
        for name, values in figures.items():
            assert values[at] == pytest.approx(slow[name], nan_ok=True), name


def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(1)
    queries = random.normal(size=(50, 8)).astype(np.float32)
    catalogue = random.normal(size=(70, 8)).astype(np.float32)
    codes = random.integers(-1, 5, 50), random.integers(-1, 5, 70)
    whole = rank(queries, catalogue, codes, depth=10)
    monkeypatch.setattr(ranking, "_BLOCK_NUMBERS", 200)
    pieces = rank(queries, catalogue, codes, depth=10)
    assert (whole.found == pieces.found).all()
    assert (whole.first == pieces.first).all()


def test_scores_that_only_rounding_tells_apart_are_equal() -> None:
    query = np.array([[1.0, 0.0]], np.float32)
    catalogue = np.array([[0.5, 0.0], [0.5 + 1e-7, 0.0]], np.float32)
    codes = np.array([0]), np.array([0, 0])
    assert rank(query, catalogue, codes, depth=2).found.tolist() == [[0, 1]]


def test_the_example_of_a_textbook() -> None:
    # Right at 1, 3 and 6 of six, three relevant: AP = (1/1 + 2/3 + 3/6) / 3.
    right = np.array([[True, False, True, False, False, True]])
    relevant = np.array([3])
    assert metrics.average_precision_at(right, relevant, 10)[0] == pytest.approx(0.7222, abs=1e-4)
    dcg = 1 + 1 / math.log2(4) + 1 / math.log2(7)
    ideal = 1 + 1 / math.log2(3) + 1 / math.log2(4)
    assert metrics.ndcg_at(right, relevant, 10)[0] == pytest.approx(dcg / ideal)


def test_an_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    random = np.random.default_rng(0)
    covered = 0
    for trial in range(200):
        found = estimate((random.random(150) < 0.4).astype(float), resamples=400, seed=trial)
        covered += found.low <= 0.4 <= found.high
    assert 0.90 <= covered / 200 <= 0.99


def test_an_interval_is_the_naive_bootstrap() -> None:
    values = np.array([0.0, 1.0, 1.0, np.nan, 0.5])
    known = [0.0, 1.0, 1.0, 0.5]
    random = np.random.default_rng(7)
    means = []
    for picks in random.integers(0, 4, (300, 4)):
        means.append(sum(known[pick] for pick in picks) / 4)
    found = estimate(values, resamples=300, seed=7)
    assert (found.value, found.queries) == (0.625, 4)
    assert found.low == pytest.approx(np.percentile(means, 2.5))
    assert found.high == pytest.approx(np.percentile(means, 97.5))


def test_blocks_of_resamples_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.random.default_rng(3).random(40)
    whole = estimate(values, resamples=90)
    monkeypatch.setattr("vitrine.learning.evaluation.bootstrap._BLOCK_NUMBERS", 300)
    assert estimate(values, resamples=90) == whole


def test_no_query_that_could_be_answered_gives_no_figure() -> None:
    found = estimate(np.array([np.nan, np.nan]))
    assert found.queries == 0
    assert math.isnan(found.value)
