"""The projection in closed form: what labels differ in stays, their own spread goes."""

import numpy as np
import pytest
import torch

from vitrine.errors import Invalid
from vitrine.learning.training.discriminants import (
    Labelled,
    discriminants,
    project_by_discriminants,
)
from vitrine.learning.training.held_out import embed
from vitrine.learning.training.network import Network, specification
from vitrine.learning.training.pool import Source
from vitrine.learning.training.recipe import Dataset, Recipe

LABELS = np.repeat(np.arange(5), 40)


def nearest_is_right(vectors: np.ndarray, labels: np.ndarray) -> float:
    cosines = vectors @ vectors.T
    np.fill_diagonal(cosines, -2)
    return float((labels[cosines.argmax(1)] == labels).mean())


def of_length_1(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


@pytest.fixture(scope="module")
def features() -> np.ndarray:
    """Labels differ a little in four channels, and spread widely in all the others."""
    random = np.random.default_rng(0)
    centres = np.zeros((5, 20))
    centres[:, :4] = random.normal(size=(5, 4))
    wide = np.r_[np.full(4, 0.2), np.full(16, 5.0)]
    return centres[LABELS] + random.normal(size=(len(LABELS), 20)) * wide + 3


def test_what_labels_differ_in_is_kept(features: np.ndarray) -> None:
    weights, mean = discriminants([Labelled(features, LABELS, 1.0)], 8, 0.0, 0)
    before = nearest_is_right(of_length_1(features - features.mean(0)), LABELS)
    after = nearest_is_right(of_length_1((features - mean) @ weights.T), LABELS)
    assert before < 0.5
    assert after > 0.95


def test_the_spread_within_labels_becomes_a_sphere(features: np.ndarray) -> None:
    weights, mean = discriminants([Labelled(features, LABELS, 1.0)], 20, 0.0, 0)
    projected = (features - mean) @ weights.T
    centres = np.stack([projected[code == LABELS].mean(0) for code in range(5)])
    spread = projected - centres[LABELS]
    lengths = np.linalg.eigvalsh(spread.T @ spread / len(spread))
    # Five labels differ in four directions; they are all that is left, in 20 dimensions.
    assert lengths[:16] == pytest.approx(np.zeros(16), abs=1e-6)
    assert lengths[16:] == pytest.approx(np.ones(4), rel=1e-6)


def test_no_more_directions_than_dimensions(features: np.ndarray) -> None:
    weights, _ = discriminants([Labelled(features, LABELS, 1.0)], 2, 0.1, 0)
    assert weights.shape == (2, 20)
    assert np.linalg.matrix_rank(weights) == 2


def test_one_picture_a_label_says_nothing_of_spread(features: np.ndarray) -> None:
    with pytest.raises(Invalid, match="labels with more than one picture"):
        discriminants([Labelled(features[::40], LABELS[::40], 1.0)], 8, 0.1, 0)


def test_a_data_set_weighs_by_its_share_and_not_by_its_pictures(features: np.ndarray) -> None:
    half = Labelled(features, LABELS, 0.5)
    again = Labelled(np.repeat(features, 3, 0), np.repeat(LABELS, 3), 0.5)
    one = discriminants([half, half], 8, 0.3, 0)
    other = discriminants([half, again], 8, 0.3, 0)
    np.testing.assert_allclose(one[1], other[1])
    cosines = [of_length_1((features - mean) @ weights.T) for weights, mean in (one, other)]
    np.testing.assert_allclose(cosines[0] @ cosines[0].T, cosines[1] @ cosines[1].T, atol=1e-6)


def test_the_network_serves_them(features: np.ndarray) -> None:
    recipe = Recipe.model_validate(
        {
            "name": "shop",
            "network": {
                "backbone": "resnet10t",
                "dim": 16,
                "input_side": 32,
                "crop": 0.8,
                "discriminants": 0.5,
            },
            "stages": [{"side": 32, "epochs": 1}],
            "datasets": [{"folder": "a"}],
        }
    )
    random = np.random.default_rng(0)
    labels = np.repeat(np.arange(4), 8)
    base = random.integers(0, 255, (4, 40, 40, 3))
    pictures = (base[labels] + random.normal(0, 40, (32, 40, 40, 3))).clip(0, 255)
    pixels = pictures.astype(np.uint8)
    torch.manual_seed(0)
    network = Network(specification(recipe), {"0": 4})
    middle = pixels[:, 4:36, 4:36]
    before = nearest_is_right(embed(network, middle, "cpu"), labels)
    source = Source("0", Dataset(folder="a"), pixels, labels, ("a", "b", "c", "d"))
    project_by_discriminants(network, [source], 0.5, "cpu")
    found = embed(network, middle, "cpu")
    assert nearest_is_right(found, labels) == 1.0 > before
    centres = np.stack([found[labels == code].mean(0) for code in range(4)])
    assert np.abs(np.bincount(labels) @ centres / 32).max() < 0.2
