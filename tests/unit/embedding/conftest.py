"""One store of small models with random weights, built once for all tests of this folder."""

import numpy as np
import pytest
from PIL import Image

from vitrine.embedding.registry import InstalledModel, ModelStore

RESNET = "timm:resnet18?pretrained=false&seed=0&size=64"


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> ModelStore:
    return ModelStore(tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="session")
def resnet(store: ModelStore) -> InstalledModel:
    return store.build(RESNET)


@pytest.fixture(scope="session")
def pictures() -> list[Image.Image]:
    random = np.random.default_rng(3)
    sizes = [(96, 64), (64, 96), (64, 64), (333, 200), (70, 400)]
    small = [random.integers(0, 256, (6, 6, 3), np.uint8) for _ in sizes]
    return [
        Image.fromarray(pixels).resize(size, Image.Resampling.BICUBIC)
        for pixels, size in zip(small, sizes, strict=True)
    ]
