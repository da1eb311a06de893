"""Ours against timm's own evaluation transform."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from vitrine.embedding.preprocess import preprocess
from vitrine.embedding.specs import Preprocessing

SIZES = [(640, 480), (480, 640), (300, 300), (50, 40), (1000, 61), (236, 235), (224, 224)]


def _photo(size: tuple[int, int]) -> Image.Image:
    pixels = np.random.default_rng(1).integers(0, 256, (9, 9, 3), np.uint8)
    return Image.fromarray(pixels).resize(size, Image.Resampling.BICUBIC)


def _configs() -> dict[str, Preprocessing]:
    import timm
    from timm.data import resolve_model_data_config

    configs = {
        name: Preprocessing.from_timm(
            resolve_model_data_config(timm.create_model(name, pretrained=False))
        )
        for name in ("resnet18", "inception_v3", "densenet121")
    }
    base = configs["resnet18"]
    return configs | {
        "squash": replace(base, crop_mode="squash", interpolation="bilinear"),
        "border": replace(base, crop_mode="border", crop_pct=1.0, mean=(0.5, 0.4, 0.3)),
        "oblong": replace(base, input_size=(3, 256, 192)),
        "whole": replace(base, crop_pct=1.0),
        "nearest": replace(base, interpolation="nearest", input_size=(3, 97, 97)),
    }


@pytest.fixture(scope="module")
def configs() -> dict[str, Preprocessing]:
    return _configs()


@pytest.mark.parametrize(
    "name",
    ["resnet18", "inception_v3", "densenet121", "squash", "border", "oblong", "whole", "nearest"],
)
def test_agrees_with_timm(name: str, configs: dict[str, Preprocessing]) -> None:
    from timm.data import create_transform

    how = configs[name]
    theirs = create_transform(
        how.input_size,
        is_training=False,
        interpolation=how.interpolation,
        mean=how.mean,
        std=how.std,
        crop_pct=how.crop_pct,
        crop_mode=how.crop_mode,
    )
    photos = [_photo(size) for size in SIZES]
    ours = preprocess(photos, how)
    assert ours.dtype == np.float32
    assert ours.flags.c_contiguous
    one_level = 1 / 255 / min(how.std)
    for got, photo, size in zip(ours, photos, SIZES, strict=True):
        assert np.abs(got - theirs(photo).numpy()).max() <= one_level, size


def test_none_and_other_modes(configs: dict[str, Preprocessing]) -> None:
    how = configs["resnet18"]
    assert preprocess([], how).shape == (0, 3, 224, 224)
    grey = _photo((300, 200)).convert("L")
    assert np.array_equal(preprocess([grey], how), preprocess([grey.convert("RGB")], how))
