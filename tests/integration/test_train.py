"""`vitrine train`, as its user runs it: a recipe and a directory in, a model that serves out."""

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.pictures import picture
from vitrine.embedding.registry import InstalledModel, ModelStore
from vitrine.embedding.runtimes.openvino import OpenVinoEncoder
from vitrine.embedding.runtimes.torch import TorchEncoder

LABELS, EACH = 4, 8
RECIPE = """
name = "tiny"
seed = 7
evaluate_every = 2
[network]
backbone = "resnet10t"
dim = 32
input_side = 48
[losses]
supervised_contrastive = 0.1
[[stages]]
side = 32
epochs = 6
batch = 16
[[stages]]
side = 48
epochs = 2
batch = 16
[[datasets]]
folder = "shapes"
splits = ["train"]
[[datasets]]
folder = "street"
share = 0.4
self_supervised = true
[[held_out]]
folder = "shapes"
catalog = "train"
queries = "val"
[licences]
shapes = "CC0"
"""


def variant(label: int, at: int) -> Image.Image:
    """The same thing photographed otherwise: shifted, and lighter or darker."""
    random = np.random.default_rng([label, at])
    whole = picture(label, size=(110, 110))
    left, top = random.integers(0, 14, 2)
    pixels = np.asarray(whole.crop((left, top, left + 96, top + 96))) * random.uniform(0.8, 1.1)
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("data")
    rows = {"shapes": [], "street": []}
    for label in range(LABELS):
        for at in range(EACH):
            split = "val" if at < 2 else "train"
            rows["shapes"].append((variant(label, at), f"thing {label}", split))
    rows["street"] = [(picture(100 + at, size=(60, 90)), "", "train") for at in range(8)]
    for folder, listed in rows.items():
        (root / folder / "images").mkdir(parents=True)
        with (root / folder / "images.csv").open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["path", "label", "coarse_label", "split"])
            for at, (image, label, split) in enumerate(listed):
                image.save(root / folder / "images" / f"{at}.jpg", quality=90)
                writer.writerow([f"images/{at}.jpg", label, "", split])
    (root / "tiny.toml").write_text(RECIPE)
    return root


def command(data: Path, home: Path, *options: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "vitrine.cli", "train", str(data / "tiny.toml"), "--threads", "1",
         "--device", "cpu", *options],
        env=os.environ | {"VITRINE_DATA_DIR": str(home)},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def vitrine_train(recipe: Path, home: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "vitrine.cli", "train", str(recipe), "--threads", "1",
         *options],
        env=os.environ | {"VITRINE_DATA_DIR": str(home)},
        capture_output=True, text=True, timeout=250, check=False,
    )  # fmt: skip


def log_of(home: Path, name: str) -> list[dict[str, str]]:
    with (home / "training" / name / "log.csv").open() as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def trained(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("home")
    process = command(data, home)
    said, complained = process.communicate(timeout=250)
    assert process.returncode == 0, complained
    assert "tiny is trained" in said
    return home


def test_the_model_serves_alike_in_both_runtimes(trained: Path) -> None:
    model = ModelStore(trained / "models").find("tiny")
    assert (model.dim, model.spec.head, model.spec.trained) == (32, "projected", True)
    pictures = [variant(label, 0) for label in range(LABELS)]
    ours = OpenVinoEncoder(model, precision="fp32").encode(pictures)
    theirs = TorchEncoder(model, device="cpu").encode(pictures)
    assert (ours.embedding * theirs.embedding).sum(1).min() > 0.9999


def apart(model: InstalledModel) -> float:
    """By how much the mean cosine within a label is above that between labels, held out."""
    things = [(label, at) for label in range(LABELS) for at in range(2)]
    vectors = OpenVinoEncoder(model, precision="fp32").encode([variant(*one) for one in things])
    cosines = vectors.embedding @ vectors.embedding.T
    labels = np.array([label for label, _ in things])
    same = (labels[:, None] == labels) & ~np.eye(len(things), dtype=bool)
    return float(cosines[same].mean() - cosines[labels[:, None] != labels].mean())


def test_it_has_learnt_what_the_pictures_show(trained: Path) -> None:
    store = ModelStore(trained / "models")
    untrained = store.build("timm:resnet10t?pretrained=false&seed=7&size=48")
    assert apart(store.find("tiny")) > 2 * apart(untrained)
    losses = [float(row["loss"]) for row in log_of(trained, "tiny")]
    assert losses[-1] < 0.8 * losses[0]


def test_the_same_command_after_the_end_leaves_what_serves_as_it_is(
    data: Path, trained: Path
) -> None:
    store = ModelStore(trained / "models")
    before = store.find("tiny")
    (before.path / "model-int8.xml").write_text("built since")
    done = vitrine_train(data / "tiny.toml", trained)
    assert done.returncode == 0, done.stderr
    assert store.find("tiny").precisions == ("fp32", "int8")
    assert "| shapes train→val | 1" in (before.path / "card.md").read_text() or (
        "| shapes train→val | 0." in (before.path / "card.md").read_text()
    )
    (before.path / "model-int8.xml").unlink()


def test_the_folder_says_what_the_model_was_made_of(trained: Path) -> None:
    folder = ModelStore(trained / "models").find("tiny").path
    card = (folder / "card.md").read_text()
    assert "| shapes | train | 24 | 1 | CC0 |" in card
    assert "| street (without labels) | train | 8 |" in card
    assert "| shapes train→val |" in card
    assert (folder / "recipe.toml").read_text() == RECIPE
    assert json.loads((folder / "spec.json").read_text())["spec"]["seed"] == 7


def test_the_log_has_every_look_and_the_recall(trained: Path) -> None:
    rows = log_of(trained, "tiny")
    looks = [row for row in rows if row["shapes train→val"]]
    assert [int(row["step"]) for row in looks] == [4, 8, 12, 16]
    assert {row["side"] for row in rows} == {"32", "48"}
    assert 0 <= float(looks[-1]["shapes train→val"]) <= 1


def test_a_run_that_is_stopped_ends_as_if_it_had_not_been(data: Path, trained: Path) -> None:
    """Ctrl-C in the middle, then the same command: the very same weights."""
    home = trained.parent / "stopped"
    process = command(data, home)
    log = home / "training" / "tiny" / "log.csv"
    deadline = time.monotonic() + 120
    while not log.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, complained = process.communicate(timeout=60)
    assert process.returncode == 130, complained
    assert "goes on from there" in complained
    process = command(data, home)
    _, complained = process.communicate(timeout=250)
    assert process.returncode == 0, complained
    assert "going on after step" in complained
    found, wanted = (ModelStore(one / "models").find("tiny") for one in (home, trained))
    assert found.digest == wanted.digest


def test_a_run_goes_on_from_a_model_that_is_here(data: Path, trained: Path) -> None:
    recipe = data / "more.toml"
    changed = RECIPE.replace('"tiny"', '"more"').replace("epochs = 6", "epochs = 1")
    recipe.write_text(changed.replace("dim = 32", 'dim = 32\nstart = "tiny"'))
    done = vitrine_train(recipe, trained)
    assert done.returncode == 0, done.stderr
    tiny, more = (ModelStore(trained / "models").find(name) for name in ("tiny", "more"))
    assert (
        f"From the weights of tiny (digest {tiny.digest[:12]}"
        in (more.path / "card.md").read_text()
    )
    # It begins where the other ended, not where the other began.
    continued, from_nothing = (log_of(trained, name)[0] for name in ("more", "tiny"))
    assert float(continued["loss"]) < float(from_nothing["loss"])
    recipe.write_text(recipe.read_text().replace('start = "tiny"', 'start = "nothing"'))
    assert "no model named 'nothing' here" in vitrine_train(recipe, trained).stderr


def test_the_name_of_a_model_that_ships_is_taken(data: Path, tmp_path: Path) -> None:
    recipe = data / "ships.toml"
    recipe.write_text(RECIPE.replace('"tiny"', '"vitrine-r18"'))
    done = vitrine_train(recipe, tmp_path)
    assert done.returncode == 1
    assert "give the recipe another `name`" in done.stderr


def test_another_recipe_does_not_go_on_with_this_run(data: Path, trained: Path) -> None:
    other = data / "other.toml"
    other.write_text(RECIPE.replace("seed = 7", "seed = 8"))
    done = vitrine_train(other, trained)
    assert done.returncode == 1
    assert "seed differ" in done.stderr
    assert "--fresh" in done.stderr


def test_to_begin_again_takes_nothing_else_away(data: Path, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    recipe = data / "wrong.toml"
    recipe.write_text(RECIPE.replace("seed = 7", 'seed = 7\ndata = "elsewhere"'))
    (tmp_path / "checkpoint.pt").write_bytes(b"hours of work")
    done = vitrine_train(recipe, tmp_path / "home", "--run", str(tmp_path), "--fresh")
    assert done.returncode == 1
    assert "There is no directory" in done.stderr
    assert (tmp_path / "notes.txt").exists()
    assert (tmp_path / "checkpoint.pt").exists(), "nothing was begun, so nothing is given up"


def test_a_run_that_would_learn_from_what_judges_it_is_refused(data: Path, tmp_path: Path) -> None:
    shutil.copytree(data / "shapes", tmp_path / "shapes")
    listing = tmp_path / "shapes" / "images.csv"
    rows = listing.read_text().splitlines()
    asked = next(row for row in rows if row.endswith("val"))
    listing.write_text("\n".join([*rows, asked.removesuffix("val") + "train"]) + "\n")
    recipe = tmp_path / "leak.toml"
    recipe.write_text(RECIPE.replace('folder = "street"', 'folder = "shapes"'))
    done = vitrine_train(recipe, tmp_path / "home")
    assert done.returncode == 1
    assert "is learnt from and cannot ask in shapes train→val" in done.stderr


def test_a_run_does_not_go_on_with_other_labels(data: Path, trained: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    run.mkdir()
    shutil.copy(trained / "training" / "tiny" / "checkpoint.pt", run)
    shutil.copytree(data, tmp_path / "data")
    listing = tmp_path / "data" / "shapes" / "images.csv"
    listing.write_text(listing.read_text().replace("thing 0", "thing 9"))
    recipe = tmp_path / "data" / "tiny.toml"
    done = vitrine_train(recipe, tmp_path / "home", "--run", str(run))
    assert done.returncode == 1
    assert "pictures or labels of shapes (data set 1) are not those" in done.stderr


def test_a_broken_picture_is_named(data: Path, tmp_path: Path) -> None:
    (tmp_path / "shapes" / "images").mkdir(parents=True)
    (tmp_path / "shapes" / "images" / "a.jpg").write_bytes(b"no picture")
    (tmp_path / "shapes" / "images.csv").write_text("path,label,split\nimages/a.jpg,x,train\n")
    recipe = tmp_path / "tiny.toml"
    recipe.write_text(RECIPE.partition("[[datasets]]")[0] + '[[datasets]]\nfolder = "shapes"\n')
    done = vitrine_train(recipe, tmp_path / "home")
    assert done.returncode == 1
    assert "a.jpg cannot be learnt from" in done.stderr
