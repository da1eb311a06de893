"""`vitrine doctor` and `vitrine up` where nothing runs: they tell and change nothing."""

import os
import subprocess
import sys
from pathlib import Path

from vitrine.cli import phrases
from vitrine.index.capabilities import detect


def vitrine(*arguments: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    servers = {
        "VITRINE_DATABASE_URL": "postgresql+psycopg2://nobody@127.0.0.1:1/nowhere",
        "VITRINE_REDIS_URL": "redis://127.0.0.1:1/0",
        "VITRINE_MILVUS_URI": "http://127.0.0.1:1",
        "VITRINE_DEPENDENCY_TIMEOUT_SECONDS": "1",
        "COLUMNS": "200",
    }
    return subprocess.run(
        [sys.executable, "-m", "vitrine.cli", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **servers, **variables},
    )


def test_the_doctor_makes_nothing(tmp_path: Path) -> None:
    nowhere = tmp_path / "shop"
    for _ in range(2):
        done = vitrine("doctor", VITRINE_DATA_DIR=str(nowhere), VITRINE_PROT="1")
        assert done.returncode == 1
        assert f"{nowhere} does not exist yet" in done.stdout
        assert not nowhere.exists()
    assert "VITRINE_PROT" in done.stdout
    assert "did you mean VITRINE_PORT?" in done.stdout


def test_up_names_a_misspelt_variable(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = vitrine("up", VITRINE_DATA_DIR=str(tmp_path / "file"), VITRINE_DATADIR="x")
    assert done.returncode == 1
    assert "VITRINE_DATADIR is no setting and has no effect; did you mean VITRINE_DATA_DIR?" in (
        done.stderr
    )


def test_milvus_lite_is_called_so() -> None:
    assert phrases.milvus(detect("milvus_lite-3.2.2")) == "Milvus Lite 3.2.2"
    assert phrases.milvus(detect("v2.6.4-gpu")) == "Milvus 2.6.4"
