"""`vitrine evaluate-ads` on a log that the test writes, and on the real one where there is one."""

import csv
import json
import os
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

from vitrine.ads.evaluation.choices import rewards, value
from vitrine.ads.evaluation.encoding import make_encoding, rates_after, rates_so_far
from vitrine.ads.evaluation.open_bandit import find_campaigns, read_log
from vitrine.ads.evaluation.trial import run_trial
from vitrine.cli import main

ITEMS, ROWS = 4, 2000
BEST = 2
"""The item that is clicked three times as often as any other."""
REAL = "OPEN_BANDIT"


def write_log(
    folder: Path, *, rows: int = ROWS, seed: int = 0, drawn: bool = True, rate: float = 0.05
) -> None:
    """Write a campaign in which one item, and one kind of shoppers, click far more."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(seed)
    kinds = {f"item_feature_{at}": "k" for at in range(1, 4)}
    items = [{"item_id": at, "item_feature_0": at / 4, **kinds} for at in range(ITEMS)]
    write_csv(folder / "item_context.csv", items)
    chances = np.full(ITEMS, 1 / ITEMS) if drawn else np.array([0.4, 0.3, 0.2, 0.1])
    begin = datetime(2019, 11, 24, tzinfo=UTC)
    logged = []
    for at in range(rows):
        item, eager = int(rng.choice(ITEMS, p=chances)), bool(rng.random() < 0.5)
        chance = rate * (3 if item == BEST else 1) * (2 if eager else 0.2)
        logged.append(
            {
                "timestamp": (begin + timedelta(seconds=60 * at)).isoformat(sep=" "),
                "item_id": item,
                "position": int(rng.integers(1, 4)),
                "click": int(rng.random() < chance),
                "propensity_score": chances[item],
                "user_feature_0": "eager" if eager else "idle",
                **{f"user_feature_{place}": "x" for place in range(1, 4)},
                **{f"user-item_affinity_{one}": 0.0 for one in range(ITEMS)},
            }
        )
    write_csv(folder / f"{folder.name}.csv", logged)


def write_csv(path: Path, rows: list[Mapping[str, Any]]) -> None:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("open-bandit")
    write_log(made / "random" / "caps")
    write_log(made / "bts" / "caps", seed=1, drawn=False)
    return made


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["evaluate-ads", *arguments])


def test_what_there_is_to_learn_is_learnt_and_told(directory: Path, tmp_path: Path) -> None:
    file = tmp_path / "report.json"
    said = run(str(directory), "--json", str(file))
    assert said.exit_code == 0, said.output
    found = json.loads(file.read_text())
    assert found["campaigns"]["caps"]["predicted"] == 2 * ROWS - int(2 * ROWS * 0.7)
    assert list(found["predicted"]) == ["caps"]
    methods = found["predicted"]["caps"]
    for name in ("click model", "click model, learning on"):
        assert methods[name]["difference"]["high"] < 0, name
        assert methods[name]["predicted_per_real"]["value"] == pytest.approx(1, abs=0.25)
    assert "predicts better than the base rate, and the interval leaves out 0" in said.output
    assert "So few tell little" in said.output
    best = found["had_the_model_chosen"]["the best item"]
    assert best["difference"]["low"] > 0
    assert best["snips"]["value"] == pytest.approx(0.15 * 1.1, abs=0.06)
    assert best["ips"]["value"] == pytest.approx(best["snips"]["value"], rel=0.3)


def test_nothing_is_learnt_from_what_comes_later(directory: Path) -> None:
    log = read_log(directory, "caps")
    assert (np.diff(log.at) >= 0).all()
    rates = rates_so_far(log)
    assert rates[0] == 0
    log.clicked[2000:] = True
    assert rates_so_far(log)[:2001].tolist() == rates[:2001].tolist()
    after = rates_after(log, 2000)
    assert rates[2000] == pytest.approx(after[log.item[2000]])
    naive = [log.clicked[:2000][log.item[:2000] == one].mean() for one in range(ITEMS)]
    assert np.argmax(after) == np.argmax(naive) == BEST
    assert make_encoding(log, 2000).names == make_encoding(log, 3000).names


def test_what_chance_shows_alike_is_worth_what_it_was(directory: Path) -> None:
    trial = run_trial(read_log(directory, "caps"), 0.7)
    drawn = value(rewards(trial, share=1.0))
    shown = trial.log.drawn[trial.first :].sum()
    assert drawn.shown == shown
    assert drawn.ips.value == drawn.snips.value == pytest.approx(drawn.chance.value)
    assert drawn.difference.value == pytest.approx(0)


def test_a_folder_that_is_no_log_is_told(directory: Path, tmp_path: Path) -> None:
    assert "random/men/men.csv" in run(str(tmp_path)).output
    assert run(str(tmp_path / "none")).exit_code == 2
    write_log(tmp_path / "random" / "caps", rows=10)
    items = tmp_path / "random" / "caps" / "item_context.csv"
    kept = items.read_text()
    for spoilt, said in (
        (kept.replace("item_feature_2", "colour"), "no column 'item_feature_2'"),
        (kept.partition("\n")[0] + "\n", "has no rows"),
        (kept.replace("0.5", "half"), "cannot be read"),
        ("\n".join(kept.splitlines()[:2]) + "\n", "which item_context.csv does not have"),
    ):
        items.write_text(spoilt)
        told = run(str(tmp_path))
        assert (told.exit_code, said in told.output) == (1, True), told.output
    items.write_text(kept)
    write_log(tmp_path / "random" / "hats", rows=10, rate=0)
    assert "nothing was clicked before the cut" in run(str(tmp_path)).output


def test_the_real_log_can_be_read() -> None:
    if not os.environ.get(REAL):
        pytest.skip(f"{REAL} names no folder with the Open Bandit log")
    directory = Path(os.environ[REAL])
    for campaign in find_campaigns(directory):
        log = read_log(directory, campaign)
        assert 0 < log.clicked.mean() < 0.05
        assert log.propensity[log.drawn] == pytest.approx(1 / len(log.items))
        encoding = make_encoding(log, len(log) // 2)
        rows = encoding.rows(log, np.arange(len(log)), log.item, rates_so_far(log))
        assert rows.shape == (len(log), len(encoding.names))
        assert np.isfinite(rows).all()
        assert (np.abs(rows) <= 1).all()
