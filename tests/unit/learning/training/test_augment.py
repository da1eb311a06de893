"""Views are random, repeatable, within bounds, and leave out what a recipe leaves out."""

import numpy as np
import pytest
import torch
from tests.pictures import picture

from vitrine.learning.training.augment import augment, cut_mix
from vitrine.learning.training.recipe import Augmentation

NOTHING = Augmentation(
    least_area=1, zoom_out=1, aspect=1, rotation_degrees=0, perspective=0, flip=0, background=0,
    brightness=0, contrast=0, saturation=0, hue=0, grey=0, blur=0, jpeg=0, noise=0, erase=0,
)  # fmt: skip


def pictures(count: int = 6, side: int = 64) -> torch.Tensor:
    drawn = [np.asarray(picture(seed, size=(side, side))) for seed in range(count)]
    return torch.from_numpy(np.stack(drawn))


def views(how: Augmentation, seed: int = 0, side: int = 64) -> torch.Tensor:
    return augment(pictures(), side, how, torch.Generator().manual_seed(seed))


def plain() -> torch.Tensor:
    return pictures().permute(0, 3, 1, 2).float() / 255


def test_nothing_asked_for_changes_nothing() -> None:
    assert (views(NOTHING) - plain()).abs().max() < 2e-3


def test_a_seed_gives_the_same_views_and_another_gives_others() -> None:
    how = Augmentation()
    assert torch.equal(views(how, 1), views(how, 1))
    assert (views(how, 1) - views(how, 2)).abs().mean() > 0.02


@pytest.mark.parametrize("side", [32, 48, 96])
def test_views_have_the_side_that_is_asked_for_and_are_colours(side: int) -> None:
    found = views(Augmentation(), side=side)
    assert found.shape == (6, 3, side, side)
    assert found.min() >= 0
    assert found.max() <= 1


@pytest.mark.parametrize(
    "change",
    [
        {"least_area": 0.3},
        {"zoom_out": 1.5},
        {"aspect": 1.5},
        {"rotation_degrees": 30},
        {"perspective": 0.3},
        {"flip": 1},
        {"brightness": 0.5},
        {"contrast": 0.5},
        {"saturation": 0.5},
        {"hue": 0.1},
        {"grey": 1},
        {"blur": 1},
        {"jpeg": 1},
        {"noise": 1},
        {"erase": 1},
    ],
)
def test_each_change_shows(change: dict[str, float]) -> None:
    found = views(NOTHING.model_copy(update=change))
    assert (found - plain()).abs().mean() > 1e-3


def test_a_flip_is_a_mirror() -> None:
    assert (views(NOTHING.model_copy(update={"flip": 1})) - plain().flip(3)).abs().max() < 2e-3


def test_grey_pictures_stay_grey_whatever_is_done_to_colours() -> None:
    grey = pictures().float().mean(3, keepdim=True).expand(-1, -1, -1, 3).to(torch.uint8)
    how = NOTHING.model_copy(
        update={"hue": 0.5, "saturation": 0.5, "brightness": 0.3, "contrast": 0.3}
    )
    found = augment(grey, 64, how, torch.Generator().manual_seed(3))
    assert (found - found.mean(1, keepdim=True)).abs().max() < 1e-3


def test_what_lies_outside_is_filled_by_what_the_recipe_allows() -> None:
    white = torch.full((32, 64, 64, 3), 255, dtype=torch.uint8)
    wide = NOTHING.model_copy(update={"zoom_out": 2.0})
    carried = augment(white, 64, wide, torch.Generator().manual_seed(0))
    assert carried.min() > 0.99
    filled = augment(
        white, 64, wide.model_copy(update={"background": 1.0}), torch.Generator().manual_seed(0)
    )
    assert filled.min() < 0.9


def test_cut_mix_lays_a_box_of_the_picture_before_over_each() -> None:
    whole = plain()
    mixed, kept = cut_mix(whole, torch.Generator().manual_seed(3))
    own = (mixed == whole).all(1)
    other = (mixed == whole.roll(1, 0)).all(1)
    assert bool((own | other).all())
    assert kept.shape == (6,)
    # Where both pictures agree by chance a pixel counts for both.
    assert (own.float().mean((1, 2)) >= kept - 1e-6).all()
    assert (other.float().mean((1, 2)) >= 1 - kept - 1e-6).all()
    assert 0 < float(kept.min()) < float(kept.max()) <= 1


def test_a_tint_scales_each_primary_by_a_factor_of_its_own() -> None:
    found, whole = views(NOTHING.model_copy(update={"tint": 0.3})), plain()
    shown = (whole > 0.05) & (found < 0.999)
    for after, before, seen in zip(found, whole, shown, strict=True):
        gains = [float((after[at] / before[at])[seen[at]].median()) for at in range(3)]
        assert all(0.69 < gain < 1.31 for gain in gains)
        assert max(gains) - min(gains) > 0.01
