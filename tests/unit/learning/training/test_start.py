"""A run that begins with a model is that model, in use and in training."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from vitrine.embedding.export import WEIGHTS, save_weights
from vitrine.embedding.registry import InstalledModel
from vitrine.errors import Invalid
from vitrine.learning.training.held_out import pixels_of
from vitrine.learning.training.network import Network, embedder, specification
from vitrine.learning.training.pool import Source
from vitrine.learning.training.recipe import Dataset, Recipe
from vitrine.learning.training.start import begin_with

RECIPE = Recipe.model_validate(
    {
        "name": "before",
        "network": {"backbone": "resnet10t", "dim": 32, "input_side": 64},
        "stages": [{"side": 32, "epochs": 1}],
        "datasets": [{"folder": "a"}],
    }
)


@pytest.fixture(scope="module")
def source() -> Source:
    """Four labels, each a colour with noise of its own."""
    random = np.random.default_rng(0)
    labels = np.repeat(np.arange(4), 8)
    colours = random.integers(40, 200, (4, 1, 1, 3))
    pictures = colours[labels] + random.integers(-40, 40, (32, 64, 64, 3))
    pixels = pictures.clip(0, 255).astype(np.uint8)
    return Source("0", Dataset(folder="a"), pixels, labels, ("a", "b", "c", "d"))


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> tuple[Network, InstalledModel]:
    torch.manual_seed(0)
    spec = specification(RECIPE)
    network = Network(spec, {"0": 5})
    with torch.no_grad():
        for _ in range(3):
            network.train()(torch.randn(8, 3, 64, 64) * 2 + 0.5)
        network.norm.weight.uniform_(0.5, 2)
        network.norm.bias.uniform_(-2, 2)
    folder = tmp_path_factory.mktemp("before")
    save_weights(embedder(network.eval()), folder / WEIGHTS)
    return network, InstalledModel("before", "a" * 64, spec.dim, folder, spec)


@pytest.fixture(scope="module", params=[1, 2])
def after(
    before: tuple[Network, InstalledModel], source: Source, request: pytest.FixtureRequest
) -> Network:
    """A second level sees something of its own, and says nothing yet."""
    torch.manual_seed(1)
    network = Network(replace(before[1].spec, name="after", levels=request.param), {"0": 4})
    begin_with(network, before[1], [source])
    return network


def test_it_embeds_as_the_model_does(
    before: tuple[Network, InstalledModel], after: Network, source: Source
) -> None:
    pixels = pixels_of(source.pixels, after.spec, "cpu")
    with torch.inference_mode():
        wanted = before[0].eval()(pixels)
        assert (after.eval()(pixels) - wanted).abs().max() < 1e-3
        # In training the norm takes the mean away and has to give it back; the backbone's own
        # batch statistics are another matter.
        projected = after.project(pixels)
        trained = torch.nn.functional.normalize(after.norm.train()(projected), dim=1)
    assert (trained * wanted).sum(1).min() > 0.99


def test_proxies_stand_where_their_labels_are(after: Network, source: Source) -> None:
    with torch.inference_mode():
        cosines = after.cosines("0", after.eval()(pixels_of(source.pixels, after.spec, "cpu")))
    assert (cosines.argmax(1).numpy() == source.labels).mean() > 0.9
    lengths = after.proxies["0"].norm(dim=1)
    assert lengths.tolist() == pytest.approx([32**0.5] * 4, rel=1e-4)


def test_what_it_shall_forget_it_learns_anew(
    before: tuple[Network, InstalledModel], source: Source
) -> None:
    torch.manual_seed(2)
    network = Network(before[1].spec, {"0": 4})
    random = {name: values.clone() for name, values in network.state_dict().items()}
    begin_with(network, before[1], [source], forget=["layer4"])
    known, now = before[0].backbone.state_dict(), network.state_dict()
    for name, values in network.backbone.state_dict().items():
        late = name.startswith("layer4.")
        expected = random[f"backbone.{name}"] if late else known[name]
        # Files hold halves.
        torch.testing.assert_close(values, expected, rtol=1e-3, atol=1e-4)
    for name in ("projection.weight", "norm.weight", "proxies.0"):
        torch.testing.assert_close(now[name], random[name])
    with pytest.raises(Invalid, match=r"no layer9 to forget; its parts are conv1, .*layer4"):
        begin_with(network, before[1], [source], forget=["layer9"])


def test_levels_are_not_given_up(before: tuple[Network, InstalledModel], source: Source) -> None:
    two = replace(before[1], spec=replace(before[1].spec, levels=2))
    with pytest.raises(Invalid, match="give the recipe its levels = 2"):
        begin_with(Network(before[1].spec, {"0": 4}), two, [source])


def test_another_shape_is_refused(before: tuple[Network, InstalledModel], source: Source) -> None:
    other = Network(replace(before[1].spec, dim=16), {"0": 4})
    with pytest.raises(Invalid, match="before, a resnet10t of 32 dimensions"):
        begin_with(other, before[1], [source])
