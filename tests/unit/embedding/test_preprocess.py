"""Ours against timm's own evaluation transform."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from vitrine.embedding.preprocess import fit, normalise, preprocess
from vitrine.embedding.specs import Preprocessing

CROP_MODES = ("center", "squash", "border")
INTERPOLATIONS = ("nearest", "bilinear", "bicubic", "box", "hamming", "lanczos")
OTHERS = ("resnet18", "inception_v3", "densenet121", "shipped", "border", "oblong", "whole")
EVERY = [f"{mode}-{interpolation}" for mode in CROP_MODES for interpolation in INTERPOLATIONS]
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
    every = {
        f"{mode}-{interpolation}": replace(
            base, input_size=(3, 97, 97), crop_mode=mode, interpolation=interpolation
        )
        for mode in CROP_MODES
        for interpolation in INTERPOLATIONS
    }
    return every | {
        **configs,
        "shipped": replace(base, input_size=(3, 128, 128), crop_mode="squash", crop_pct=1.0),
        "border": replace(base, crop_mode="border", crop_pct=1.0, mean=(0.5, 0.4, 0.3)),
        "oblong": replace(base, input_size=(3, 256, 192)),
        "whole": replace(base, crop_pct=1.0),
    }


@pytest.fixture(scope="module")
def configs() -> dict[str, Preprocessing]:
    return _configs()


@pytest.mark.parametrize("name", [*OTHERS, *EVERY])
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
    assert np.array_equal(ours, normalise(fit(photos, how), how))
    one_level = 1 / 255 / min(how.std)
    for got, photo, size in zip(ours, photos, SIZES, strict=True):
        assert np.abs(got - theirs(photo).numpy()).max() <= one_level, size


def test_numbers_are_those_of_a_naive_loop() -> None:
    how = Preprocessing((3, 4, 5), (0.1, 0.2, 0.3), (0.5, 0.6, 0.7), "bicubic", 1.0, "squash")
    pixels = np.random.default_rng(0).integers(0, 256, (3, 4, 5, 3), np.uint8)
    found = normalise(pixels, how)
    assert found.shape == (3, 3, 4, 5)
    for at, row, column, channel in np.ndindex(*pixels.shape):
        level = int(pixels[at, row, column, channel])
        wanted = (level / 255 - how.mean[channel]) / how.std[channel]
        assert abs(found[at, channel, row, column] - wanted) < 1e-6


def test_none_and_other_modes(configs: dict[str, Preprocessing]) -> None:
    how = configs["resnet18"]
    assert preprocess([], how).shape == (0, 3, 224, 224)
    grey = _photo((300, 200)).convert("L")
    assert np.array_equal(preprocess([grey], how), preprocess([grey.convert("RGB")], how))
