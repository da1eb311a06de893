"""`vitrine models` where neither a database nor a model is there yet."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def vitrine(tmp_path: Path) -> Run:
    def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-m", "vitrine.cli", "models", *arguments],
            capture_output=True,
            text=True,
            check=False,
            env={
                **os.environ,
                "VITRINE_DATA_DIR": str(tmp_path),
                "VITRINE_DATABASE_URL": "postgresql+psycopg2://nobody@127.0.0.1:1/nowhere",
            },
        )

    return run


def test_list(vitrine: Run) -> None:
    done = vitrine("list")
    assert done.returncode == 0, done.stderr
    assert "vitrine-r18" in done.stdout
    assert "database does not answer" in done.stdout


def test_use_of_what_is_not_built(vitrine: Run) -> None:
    done = vitrine("use", "timm:resnet50")
    assert done.returncode == 1
    assert "vitrine models build 'timm:resnet50'" in done.stderr


def test_build_of_what_is_no_name(vitrine: Run) -> None:
    done = vitrine("build", "resnet50")
    assert done.returncode == 1
    assert "timm:" in done.stderr


def test_list_as_json(vitrine: Run) -> None:
    done = vitrine("list", "--json")
    assert done.returncode == 0, done.stderr
    found = {one["name"]: one for one in json.loads(done.stdout)}
    assert found["vitrine-r18"]["state"] == "here"


@pytest.mark.parametrize("arguments", [(), ("timm:resnet18", "--rollback")])
def test_use_wants_one_model(vitrine: Run, arguments: tuple[str, ...]) -> None:
    done = vitrine("use", *arguments)
    assert done.returncode == 2
    assert "either NAME or --rollback" in done.stderr


def test_a_search_to_judge_by_is_named_whole(vitrine: Run, tmp_path: Path) -> None:
    done = vitrine("build", "timm:resnet18", "--evaluate", str(tmp_path), "--catalog", "train")
    assert done.returncode == 2
    assert "go together" in done.stderr
