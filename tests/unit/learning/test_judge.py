"""Judging a search by labels: what counts, what is left out, and what is listed as worst."""

import json
from pathlib import Path

import numpy as np
import pytest

from vitrine.errors import Invalid, Misconfigured
from vitrine.learning.datasets import Example
from vitrine.learning.evaluation.bootstrap import Estimate
from vitrine.learning.evaluation.judge import Confusion, LabelFigure, evaluate
from vitrine.learning.evaluation.pictures import Pictures
from vitrine.learning.evaluation.report import check_writable, figures, write_json


def pictures(*rows: tuple[str, str, str, float], contents: bool = False) -> Pictures:
    """Rows of name, label, coarse label and an angle, which stands for the vector."""
    angles = np.array([angle for *_, angle in rows])
    return Pictures(
        [Example(Path(name), label, coarse) for name, label, coarse, _ in rows],
        np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32),
        [label for _, label, *_ in rows] if contents else (),
    )


CATALOGUE = pictures(
    ("a1", "apple", "fruit", 0.0),
    ("p1", "pear", "fruit", 0.5),
    ("m1", "milk", "drink", 1.0),
    ("x", "", "", 1.5),
)


def test_figures_are_by_label_and_by_coarse_label() -> None:
    queries = pictures(
        ("q1", "apple", "fruit", 0.1),  # finds apple
        ("q2", "apple", "fruit", 0.4),  # finds pear, then apple: right fruit
        ("q3", "milk", "drink", 1.4),  # finds what has no label, then milk
        ("q4", "cheese", "food", 0.0),  # nobody could answer it
    )
    found = evaluate(queries, CATALOGUE)
    assert found.label["r@1"].value == pytest.approx(1 / 3)
    assert found.label["r@5"].value == 1
    assert found.label["mrr"].value == pytest.approx((1 + 1 / 2 + 1 / 2) / 3)
    assert found.label["r@1"].queries == 3
    assert found.unanswerable == 1
    assert set(found.label) == {"r@1", "r@5", "r@10", "mrr", "map@10", "ndcg@10"}
    assert set(found.coarse_label) == {"r@1", "map@10"}
    assert found.coarse_label["r@1"].value == pytest.approx(2 / 3)


def test_worst_labels_and_confusions() -> None:
    queries = pictures(
        *[(f"a{at}", "apple", "", 0.5) for at in range(3)],
        ("a3", "apple", "", 0.9),
        ("a4", "apple", "", 0.0),
        ("p", "pear", "", 0.5),
        ("m", "milk", "", 1.5),
    )
    # Its own row is known by its path: these are others.
    found = evaluate(queries, pictures(*[(f"c{r[0]}", *r[1:]) for r in rows_of(CATALOGUE)]))
    assert found.labels() == [
        LabelFigure("milk", 1, 0.0),
        LabelFigure("apple", 5, 0.2),
        LabelFigure("pear", 1, 1.0),
    ]
    assert found.confusions() == [
        Confusion("apple", "pear", 3, 5),
        Confusion("milk", "", 1, 1),
    ]


def rows_of(some: Pictures) -> list[tuple[str, str, str, float]]:
    angles = np.arctan2(some.vectors[:, 1], some.vectors[:, 0])
    return [
        (str(one.path), one.label, one.coarse_label, float(angle))
        for one, angle in zip(some.examples, angles, strict=True)
    ]


def test_a_picture_never_finds_itself() -> None:
    some = pictures(
        ("1", "a", "", 0.0), ("2", "b", "", 0.1), ("3", "a", "", 0.2), ("4", "c", "", 0.3)
    )
    found = evaluate(some, some)
    assert not (found.ranking.found == np.arange(4)[:, None]).any()
    # b and c have nobody but themselves.
    assert found.unanswerable == 2
    assert found.label["r@1"].value == 0


def test_a_query_that_is_in_the_other_split_too_does_not_find_itself() -> None:
    found = evaluate(
        pictures(("p1", "pear", "", 0.5)),
        pictures(("a", "apple", "", 0.4), ("p1", "pear", "", 0.5), ("p2", "pear", "", 0.9)),
    )
    assert found.label["mrr"].value == 0.5


def test_copies_of_a_query_under_another_name_are_counted() -> None:
    some = pictures(("1", "a", "", 0.0), ("2", "a", "", 0.1), ("3", "b", "", 0.2), contents=True)
    assert evaluate(some, some).copies == 2
    others = pictures(("4", "a", "", 0.0), ("5", "c", "", 0.1), contents=True)
    assert evaluate(others, some).copies == 1


def test_what_has_no_answer_at_all_says_why() -> None:
    unlabelled = pictures(("1", "", "", 0.0), ("2", "", "", 0.1))
    with pytest.raises(Invalid, match="No picture of the queries has a label"):
        evaluate(unlabelled, CATALOGUE)
    with pytest.raises(Invalid, match="No picture of the catalogue has a label"):
        evaluate(CATALOGUE, unlabelled)
    with pytest.raises(Invalid, match="share labels"):
        evaluate(pictures(("1", "brick", "", 0.0)), CATALOGUE)


def test_a_figure_that_does_not_exist_is_null() -> None:
    shown = figures({"r@1": Estimate(np.nan, np.nan, np.nan, 0)})
    assert shown == {"r@1": {"value": None, "low": None, "high": None, "queries": 0}}


def test_a_report_replaces_the_old_one_as_a_whole(tmp_path: Path) -> None:
    file = tmp_path / "report.json"
    write_json(file, {"label": "Äpfel"})
    with pytest.raises(ValueError, match="JSON"):
        write_json(file, {"label": float("nan")})
    assert json.loads(file.read_text("utf-8")) == {"label": "Äpfel"}
    assert [one.name for one in tmp_path.iterdir()] == ["report.json"]
    with pytest.raises(Misconfigured, match="name another file"):
        check_writable(tmp_path / "nowhere" / "report.json")
