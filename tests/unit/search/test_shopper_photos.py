"""Photos that a shopper might take of what a catalogue shows."""

import random

import numpy as np
import pytest
from PIL import Image, ImageStat
from tests.pictures import picture

from vitrine.search.shopper_photos import as_shopper


def made(seed: int) -> Image.Image:
    return as_shopper(picture(1), picture(2), random.Random(seed))


def test_the_same_dice_make_the_same_photo_and_others_another() -> None:
    photos = [np.asarray(made(seed)).tobytes() for seed in range(8)]
    assert photos == [np.asarray(made(seed)).tobytes() for seed in range(8)]
    assert len(set(photos)) == 8


def test_half_are_too_near_and_half_lie_on_something_else() -> None:
    sizes = [made(seed).size for seed in range(60)]
    far = sizes.count((320, 240))
    assert 18 < far < 42
    assert all(160 <= wide <= 256 for wide, _ in sizes if wide != 320)


def test_what_it_lies_on_is_the_other_picture() -> None:
    red = Image.new("RGB", (64, 64), "red")
    blue = Image.new("L", (30, 90), 0)
    share = []
    for seed in range(60):
        photo = as_shopper(red, blue, random.Random(seed))
        if photo.size == red.size:
            share.append(ImageStat.Stat(photo).mean[0] / 255)
    assert len(share) > 10
    assert all(0.05 < one < 0.7 for one in share)


@pytest.mark.parametrize("size", [(1, 1), (3, 500), (9, 9)])
def test_odd_sizes(size: tuple[int, int]) -> None:
    for seed in range(6):
        photo = as_shopper(Image.new("RGBA", size), Image.new("P", (1, 2)), random.Random(seed))
        assert min(photo.size) >= 1
