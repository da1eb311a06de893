"""What serves is what was trained, with its batch norm folded in."""

import copy
from pathlib import Path

import pytest
import torch

from vitrine.embedding.specs import ModelSpec
from vitrine.learning.training.network import Network, embedder, specification
from vitrine.learning.training.recipe import Recipe


@pytest.fixture(scope="module", params=[1, 2])
def spec(request: pytest.FixtureRequest) -> ModelSpec:
    recipe = Recipe.model_validate(
        {
            "name": "tiny",
            "data": Path(),
            "network": {
                "backbone": "resnet10t",
                "dim": 32,
                "input_side": 64,
                "levels": request.param,
            },
            "stages": [{"side": 32, "epochs": 1}],
            "datasets": [{"folder": "a"}],
        }
    )
    return specification(recipe)


@pytest.fixture(scope="module")
def network(spec: ModelSpec) -> Network:
    torch.manual_seed(0)
    network = Network(spec, {"0": 5})
    with torch.no_grad():
        for _ in range(3):  # so that the running statistics are not those of the start
            network.train()(torch.randn(8, 3, 64, 64) * 2 + 0.5)
        network.norm.weight.uniform_(0.5, 2)
        network.norm.bias.uniform_(-1, 1)
    return network.eval()


def test_folding_keeps_the_embedding(network: Network) -> None:
    pixels = torch.randn(4, 3, 64, 64)
    with torch.inference_mode():
        wanted = network(pixels)
        found, _ = embedder(network)(pixels)
    assert (wanted - found).abs().max() < 1e-5


def test_a_copy_looks_with_its_own_backbone(network: Network) -> None:
    """The average of the weights is such a copy."""
    other = copy.deepcopy(network)
    pixels = torch.randn(2, 3, 64, 64)
    with torch.inference_mode():
        before = network(pixels)
        torch.nn.init.zeros_(other.backbone.conv1[0].weight)
        assert (network(pixels) - before).abs().max() == 0
        assert (other(pixels) - before).abs().max() > 0.01


def test_the_map_is_a_decomposition_of_the_embedding(network: Network, spec: ModelSpec) -> None:
    pixels = torch.randn(4, 3, 64, 64)
    with torch.inference_mode():
        embedding, places = embedder(network)(pixels)
    assert places.shape == (4, *spec.map_shape)
    whole = places.mean((2, 3))
    assert (torch.nn.functional.normalize(whole, dim=1) - embedding).abs().max() < 1e-4


def test_cosines_are_cosines(network: Network) -> None:
    found = network.cosines("0", torch.nn.functional.normalize(torch.randn(3, 32), dim=1))
    assert found.shape == (3, 5)
    assert found.abs().max() <= 1 + 1e-5
