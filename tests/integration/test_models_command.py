"""`vitrine models` beside a shop: what it lists, and what it forgets."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import select

from tests.integration.conftest import listing
from tests.integration.test_evaluate import PRODUCTS, draw
from tests.pictures import jpeg
from vitrine.assembly import Platform
from vitrine.embedding.models import Model
from vitrine.embedding.records import record_figures
from vitrine.embedding.registry import InstalledModel
from vitrine.errors import Conflict
from vitrine.ingest.forget import forget_vectors
from vitrine.ingest.switch import roll_back, use_model
from vitrine.settings import Settings

WorkOff = Callable[[], int]
Run = Callable[..., "subprocess.CompletedProcess[str]"]


def environment(settings: Settings, **changes: str) -> dict[str, str]:
    return {
        **os.environ,
        "VITRINE_DATA_DIR": str(settings.data_dir),
        "VITRINE_MODELS_DIR": str(settings.models_dir),
        "VITRINE_DATABASE_URL": settings.database_url,
        "VITRINE_REDIS_URL": settings.redis_url,
        "VITRINE_MILVUS_URI": settings.milvus_uri,
        **changes,
    }


@pytest.fixture
def vitrine(settings: Settings) -> Run:
    def run(*arguments: str, **changes: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-m", "vitrine.cli", *arguments],
            capture_output=True,
            text=True,
            check=False,
            env=environment(settings, **changes),
        )

    return run


@pytest.fixture
def switched(platform: Platform, work_off: WorkOff) -> tuple[InstalledModel, InstalledModel]:
    """A shop of three pictures that changed from the first of two models to the second."""
    for number in range(3):
        platform.catalog.put("acme", f"mug-{number}", listing(), [jpeg(number)])
    work_off()
    models = [platform.models.find(platform.settings.model)]
    models.append(platform.models.build("timm:resnet10t?pretrained=false&seed=3&size=96"))
    use_model(platform.ingest, models[1], ring=lambda kinds: None, wait=work_off)
    return models[0], models[1]


def test_what_is_in_use_kept_and_measured(
    platform: Platform, switched: tuple[InstalledModel, InstalledModel], vitrine: Run
) -> None:
    first, second = switched
    with platform.sessions.begin() as session:
        record_figures(session, second, {"groceries train→val fp32": {"r@1": 0.5535}})
    listed = vitrine("models", "list", "--json")
    assert listed.returncode == 0, listed.stderr
    found = {one["digest"]: one for one in json.loads(listed.stdout)}
    assert (found[first.digest]["state"], found[first.digest]["vectors"]) == ("kept", 3)
    assert (found[second.digest]["state"], found[second.digest]["vectors"]) == ("in use", 3)
    assert found[second.digest]["figures"]["groceries train→val fp32"]["r@1"] == 0.5535
    assert found[second.digest]["serves"] in found[second.digest]["forms"]
    table = vitrine("models", "list", COLUMNS="200")
    assert "0.553 groceries train→val fp32" in table.stdout
    assert f"--rollback`: {first.name}" in table.stdout


def test_an_evaluation_is_recorded(platform: Platform, vitrine: Run, tmp_path: Path) -> None:
    directory = draw(tmp_path / "shapes", {"shop": "train", "photo": "val"})
    arguments = (str(directory), "--catalog", "train", "--queries", "val", "--record")
    done = vitrine("evaluate", *arguments)
    assert done.returncode == 0, done.stderr
    assert "Recorded: shapes train→val" in done.stdout
    with platform.sessions() as session:
        (figures,) = session.scalars(select(Model.figures)).all()
    kept = next(value for name, value in figures.items() if name.startswith("shapes train→val"))
    assert kept["queries"] == kept["catalog"] == PRODUCTS
    assert 0 <= kept["r@1"] <= kept["r@5"] <= 1
    refused = vitrine("evaluate", *arguments, "--resolution", "96")
    assert refused.returncode == 2
    assert "own resolution" in refused.stderr


def test_forgetting_a_model(
    platform: Platform,
    work_off: WorkOff,
    switched: tuple[InstalledModel, InstalledModel],
    vitrine: Run,
) -> None:
    first, second = switched
    with pytest.raises(Conflict, match="models use NAME"):
        forget_vectors(platform.ingest, second.digest)
    refused = vitrine("models", "forget", second.name)
    assert refused.returncode == 1
    assert "in use" in refused.stderr
    assert vitrine("models", "forget", "nobody-s").returncode == 1
    done = vitrine("models", "forget", first.digest[:12])
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("3 vectors")
    assert len(platform.index.collections()) == 3, "one of pictures, one of ads, and that of words"
    with pytest.raises(Conflict, match="no model to go back to"):
        roll_back(
            platform.ingest, platform.models.find_digest, ring=lambda kinds: None, wait=work_off
        )
    back = vitrine("models", "use", "--rollback")
    assert back.returncode == 1
    assert "no model to go back to" in back.stderr
    # It can be used again: its vectors are made anew.
    use_model(platform.ingest, first, ring=lambda kinds: None, wait=work_off)


@pytest.mark.parametrize(
    "command",
    ["index diagnose", "index verify", "index rebuild", "keys list", "models use --rollback"],
)
def test_a_database_that_nobody_migrated(
    settings: Settings, empty_database_url: str, vitrine: Run, command: str
) -> None:
    done = vitrine(*command.split(), VITRINE_DATABASE_URL=empty_database_url)
    assert done.returncode == 1
    [line] = [line for line in done.stderr.splitlines() if line.strip()]
    assert "run `vitrine migrate`" in line
