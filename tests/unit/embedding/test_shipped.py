"""The weights that ship are what their card says, small enough, and good enough."""

import tomllib
from pathlib import Path

import numpy as np
import pytest
from tests.pictures import picture

from vitrine.embedding.registry import SHIPPED, InstalledModel, ModelStore
from vitrine.embedding.runtimes.openvino import OpenVinoEncoder
from vitrine.embedding.runtimes.torch import TorchEncoder
from vitrine.embedding.specs import model_digest
from vitrine.learning.datasets import read_examples
from vitrine.learning.evaluation.judge import evaluate
from vitrine.learning.evaluation.pictures import embed
from vitrine.learning.training.recipe import Recipe, read_recipe
from vitrine.media.decode import Limits
from vitrine.settings import Settings

DEFAULT_MODEL: str = Settings.model_fields["model"].default
DATASETS = Path(__file__).resolve().parents[4] / "shared" / "datasets"
MB = 1_000_000
LEAST_RECALL = 0.55


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> InstalledModel:
    return ModelStore(tmp_path_factory.mktemp("models")).find(DEFAULT_MODEL)


def test_the_default_model_ships_in_both_forms_and_is_small(shipped: InstalledModel) -> None:
    assert shipped.path.parent == SHIPPED
    assert shipped.spec.trained
    assert shipped.dim == 256
    assert (shipped.path / "weights.safetensors").stat().st_size < 24 * MB
    int8 = [shipped.path / f"model-int8.{kind}" for kind in ("xml", "bin")]
    assert sum(file.stat().st_size for file in int8) < 13 * MB


def test_the_digest_is_that_of_the_weights(shipped: InstalledModel) -> None:
    assert model_digest(shipped.spec, shipped.path / "weights.safetensors") == shipped.digest


def test_int8_runs_the_weights_that_are_beside_it(shipped: InstalledModel) -> None:
    pictures = [picture(seed) for seed in range(12)]
    int8 = OpenVinoEncoder(shipped, precision="int8").encode(pictures).embedding
    exact = TorchEncoder(shipped, device="cpu").encode(pictures).embedding
    assert (int8 * exact).sum(1).min() > 0.95
    assert (exact @ exact.T - np.eye(12)).max() < 0.95


@pytest.mark.parametrize("name", sorted(file.name for file in SHIPPED.glob("*/*.toml")))
def test_no_recipe_learns_from_what_judges(shipped: InstalledModel, name: str) -> None:
    recipe = read_recipe(shipped.path / name)
    allowed = {"grocery": {"train", "iconic"}} | {
        folder: {"train"} for folder in ("clothing", "caltech101", "street-fashion")
    }
    for dataset in recipe.datasets:
        assert set(dataset.splits) <= allowed[dataset.folder]


def test_the_card_says_what_the_model_was_made_of(shipped: InstalledModel) -> None:
    card = (shipped.path / "card.md").read_text()
    recipe = Recipe.model_validate(tomllib.loads((shipped.path / "recipe.toml").read_text()))
    assert recipe.name == shipped.name
    for dataset in recipe.datasets:
        assert f"| {dataset.folder}" in card
        assert recipe.licences[dataset.folder] in card
    assert f"seed {recipe.seed}" in card
    for word in ("Limits", "R@1", "commit"):
        assert word in card


def test_it_finds_groceries(shipped: InstalledModel) -> None:
    """R@1 of `vitrine evaluate grocery --catalog train --queries val`."""
    folder = DATASETS / "grocery"
    if not folder.is_dir():
        pytest.skip(f"the grocery pictures are not at {folder}")
    encoder = OpenVinoEncoder(shipped, hint="throughput")
    limits = Limits(max_bytes=20 * MB, max_pixels=50 * MB)
    asked, there = (read_examples(folder, split) for split in ("val", "train"))
    found = evaluate(
        embed([one.path for one in asked], encoder, limits).of(asked),
        embed([one.path for one in there], encoder, limits).of(there),
    )
    assert found.label["r@1"].value >= LEAST_RECALL
