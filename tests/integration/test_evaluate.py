"""`vitrine evaluate` as a person runs it, on a directory of drawn pictures."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image

from tests.pictures import picture
from vitrine.cli import main
from vitrine.embedded.services import ServiceUrls
from vitrine.index.client import VectorIndex
from vitrine.learning.datasets import Example
from vitrine.learning.evaluation.judge import evaluate
from vitrine.learning.evaluation.milvus import LIMIT, MilvusSearch
from vitrine.learning.evaluation.pictures import Pictures
from vitrine.settings import load_settings

MODEL = "timm:resnet18?pretrained=false&seed=0&size=64"
PRODUCTS = 6
Run = Callable[..., Result]


def draw(folder: Path, names: dict[str, str], first_seed: int = 0) -> Path:
    """Draw PRODUCTS products, one picture of each for every name; give each name a split."""
    (folder / "images").mkdir(parents=True)
    lines = ["path,label,coarse_label,split"]
    for seed in range(PRODUCTS):
        whole = picture(first_seed + seed)
        for turn, (name, split) in enumerate(names.items()):
            path = f"images/{name}-{seed}.jpg"
            box = (8 * turn, 4 * turn, whole.width - 4 * turn, whole.height - 8 * turn)
            whole.crop(box).save(folder / path)
            lines.append(f"{path},product-{seed},kind-{seed % 2},{split}")
    (folder / "images.csv").write_text("\n".join(lines) + "\n")
    return folder


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return draw(tmp_path / "shapes", {"shop": "train", "photo": "val", "other": "val"})


@pytest.fixture
def vitrine(tmp_path: Path, models_dir: Path) -> Iterator[Run]:
    """The command in this process: what it imports is heavy, and imported once."""

    def run(*arguments: object, milvus_uri: str = "http://127.0.0.1:1") -> Result:
        load_settings.cache_clear()
        return CliRunner().invoke(
            main,
            ["evaluate", *map(str, arguments)],
            env={
                "VITRINE_DATA_DIR": str(tmp_path / "data"),
                "VITRINE_MODELS_DIR": str(models_dir),
                "VITRINE_MODEL": MODEL,
                "VITRINE_MILVUS_URI": milvus_uri,
            },
        )

    yield run
    load_settings.cache_clear()


def report(file: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(file.read_text())
    return found


def test_queries_in_a_catalogue(vitrine: Run, directory: Path, tmp_path: Path) -> None:
    (directory / "images/photo-0.jpg").write_bytes(b"no picture at all")
    done = vitrine(
        *(directory, "--catalog", "train", "--queries", "val"),
        *("--json", tmp_path / "r.json", "--sheet", tmp_path / "s.png"),
    )
    assert done.exit_code == 0, done.stderr
    found = report(tmp_path / "r.json")
    # Two crops of one drawing: even random weights see that.
    assert found["label"]["r@1"]["value"] > 0.8
    assert set(found["label"]) == {"r@1", "r@5", "r@10", "mrr", "map@10", "ndcg@10"}
    assert set(found["coarse_label"]) == {"r@1", "map@10"}
    for figure in [*found["label"].values(), *found["coarse_label"].values()]:
        assert figure["low"] <= figure["value"] <= figure["high"]
        assert figure["queries"] == 2 * PRODUCTS - 1
    assert found["model"]["name"] == MODEL
    assert found["model"]["precision"] == "fp32"
    assert found["model"]["resolution"] == [64, 64]
    assert len(found["model"]["digest"]) == 64
    assert found["images_per_second"] > 0
    assert found["catalog"] == {"split": "train", "images": PRODUCTS}
    assert found["skipped"]["images"] == 1
    assert found["skipped"]["first"][0]["path"].endswith("photo-0.jpg")
    with Image.open(tmp_path / "s.png") as image:
        assert image.format == "PNG"
    assert "R@1" in done.stdout
    assert "UNTRAINED" in done.stderr
    assert "photo-0.jpg" in done.stderr


def test_leave_one_out_and_another_resolution(
    vitrine: Run, directory: Path, tmp_path: Path
) -> None:
    done = vitrine(
        *(directory, "--catalog", "val", "--queries", "val"),
        *("--json", tmp_path / "r.json", "--resolution", 96),
    )
    assert done.exit_code == 0, done.stderr
    found = report(tmp_path / "r.json")
    assert found["leave_one_out"]
    assert found["model"]["resolution"] == [96, 96]
    # Each label has one other picture to find, so more than the first cannot be right.
    assert 0.5 < found["label"]["r@1"]["value"] <= 1
    assert found["label"]["map@10"]["value"] == found["label"]["mrr"]["value"]


def test_distractors_push_figures_down_through_milvus_as_exactly(
    vitrine: Run, directory: Path, tmp_path: Path
) -> None:
    # The same drawings under another name: nothing is nearer to a query than these.
    rivals = draw(tmp_path / "rivals", {"shop": "train", "photo": "val"})
    options = (directory, "--catalog", "train", "--queries", "val", "--distractors")
    exact = vitrine(*options, f"{rivals}:val", "--json", tmp_path / "exact.json")
    assert exact.exit_code == 0, exact.stderr
    through = vitrine(*options, f"{rivals}:val", "--milvus", "--json", tmp_path / "milvus.json")
    assert through.exit_code == 0, through.stderr
    found, same = report(tmp_path / "exact.json"), report(tmp_path / "milvus.json")
    assert found["distractors"] == same["distractors"] == PRODUCTS
    assert found["label"]["r@1"]["value"] < 0.6
    assert found["queries"]["copies_in_catalog"] == PRODUCTS
    assert found["search"] == "exact"
    assert same["search"].startswith("Milvus Lite")
    assert same["mrr_depth"] == LIMIT
    assert same["label"] == found["label"]
    assert same["coarse_label"] == found["coarse_label"]


def test_the_shop_s_milvus_is_used_if_it_answers_and_left_as_it_was(
    vitrine: Run, directory: Path, milvus_uri: str
) -> None:
    done = vitrine(
        directory,
        "--catalog",
        "train",
        "--queries",
        "val",
        "--milvus",
        milvus_uri=milvus_uri,
    )
    assert done.exit_code == 0, done.stderr
    assert "Milvus Lite" in done.stdout
    assert VectorIndex(milvus_uri).collections() == []


def test_milvus_ranks_as_the_exact_search_does(services: ServiceUrls) -> None:
    random = np.random.default_rng(0)
    vectors = random.normal(size=(300, 16)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    names = [str(label) for label in random.integers(0, 12, 300)]
    some = Pictures([Example(Path(str(at)), name, "") for at, name in enumerate(names)], vectors)
    exact = evaluate(some, some)
    index = VectorIndex(services.milvus_uri)
    through = evaluate(some, some, MilvusSearch(index))
    index.close()
    assert (exact.ranking.found == through.ranking.found).mean() > 0.999
    assert np.allclose(exact.ranking.scores, through.ranking.scores, atol=2e-6)
    assert exact.ranking.first.max() <= LIMIT
    assert exact.label == through.label


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (
            ("--catalog", "train", "--queries", "test"),
            "it has train (6 pictures), val (12 pictures)",
        ),
        (("--catalog", "train", "--queries", "val", "--json", "/nowhere/r.json"), "another file"),
        (("--catalog", "train", "--queries", "val", "--distractors", "."), "no images.csv"),
        (
            ("--catalog", "train", "--queries", "val", "--model", "nonsense"),
            "timm:",
        ),
    ],
)
def test_what_is_wrong_is_said_in_a_line(
    vitrine: Run, directory: Path, options: tuple[str, ...], said: str
) -> None:
    done = vitrine(directory, *options)
    assert done.exit_code == 1
    assert done.stderr.startswith("error: ")
    assert said in done.stderr


def test_a_directory_that_is_not_there(vitrine: Run, directory: Path) -> None:
    done = vitrine(directory / "nowhere", "--catalog", "train", "--queries", "val")
    assert done.exit_code == 1
    assert "There is no directory" in done.stderr


def test_distractors_may_not_be_in_the_catalogue(vitrine: Run, directory: Path) -> None:
    done = vitrine(
        directory, "--catalog", "train", "--queries", "val", "--distractors", f"{directory}:train"
    )
    assert done.exit_code == 1
    assert "in the catalogue already" in done.stderr
