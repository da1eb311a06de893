"""Parts of photos: cut where asked, with pixels enough, or refused."""

import numpy as np
import pytest
from PIL import Image
from tests.unit.media.pictures import (
    BLUE,
    GREEN,
    LIMITS,
    RED,
    YELLOW,
    alike,
    corners,
    encode,
    noise,
)

from vitrine.errors import Invalid
from vitrine.media import colour as colours
from vitrine.media.crop import Box, crop
from vitrine.media.decode import decode, decode_parts


def middle(image: Image.Image) -> tuple[int, ...]:
    return tuple(int(v) for v in np.asarray(image)[image.height // 2, image.width // 2])


@pytest.mark.parametrize(
    ("box", "colour"),
    [
        ((0.0, 0.0, 0.5, 0.5), RED),
        ((0.5, 0.0, 0.5, 0.5), GREEN),
        ((0.0, 0.5, 0.5, 0.5), BLUE),
        ((0.5, 0.5, 0.5, 0.5), YELLOW),
    ],
)
def test_the_part_is_the_one_that_was_asked_for(box: Box, colour: tuple[int, ...]) -> None:
    assert alike(middle(crop(corners(), box)), colour)
    assert crop(corners(), box).size == (32, 24)
    assert alike(middle(decode(encode(corners(), "png"), LIMITS, part=box)), colour)


@pytest.mark.parametrize(
    "box",
    [
        (-0.1, 0.0, 0.5, 0.5),
        (0.6, 0.0, 0.5, 0.5),
        (0.0, 0.6, 0.5, 0.5),
        (0.0, 0.0, 0.0, 0.5),
        (0.0, 0.0, 0.5, 0.05),
        (float("nan"), 0.0, 0.5, 0.5),
    ],
)
def test_a_box_that_cannot_be_cut_is_refused(box: Box) -> None:
    with pytest.raises(Invalid, match="box"):
        crop(corners(), box)
    with pytest.raises(Invalid, match="box"):
        decode(encode(corners(), "jpeg"), LIMITS, short_side=16, part=box)


def difference(one: Image.Image, other: Image.Image) -> float:
    return float(np.abs(np.asarray(one, float) - np.asarray(other, float)).mean())


def test_thirds_add_up() -> None:
    assert crop(corners(), (2 / 3, 2 / 3, 1 / 3 + 1e-9, 1 / 3 + 1e-9)).size == (21, 16)


@pytest.mark.parametrize("name", ["jpeg", "png"])
@pytest.mark.parametrize("orientation", [1, 6])
def test_a_part_comes_with_pixels_enough(name: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encode(noise(2000, 1600), name, exif=exif)
    part = (0.3, 0.1, 0.2, 0.4)
    upright = (2000, 1600) if orientation == 1 else (1600, 2000)
    image = decode(data, LIMITS, short_side=60, part=part)
    assert min(image.size) >= 60
    assert image.width <= upright[0] * 0.2 / 2 + 2  # and no more than that
    whole, beside = decode(data, LIMITS), (0.31, 0.1, 0.2, 0.4)
    right, wrong = (crop(whole, box).resize(image.size) for box in (part, beside))
    assert difference(image, right) < 15
    assert difference(image, wrong) > 30


def test_the_whole_as_a_part_is_the_whole() -> None:
    data = encode(noise(800, 640), "jpeg")
    whole = decode(data, LIMITS, short_side=100)
    part = decode(data, LIMITS, short_side=100, part=(0.0, 0.0, 1.0, 1.0))
    assert min(part.size) >= 100
    assert part.size[0] >= whole.size[0]


@pytest.mark.parametrize("name", ["jpeg", "png"])
def test_parts_come_from_one_decoding(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    data = encode(noise(1200, 900), name)
    parts = [(0.3, 0.1, 0.2, 0.4), (0.0, 0.0, 1.0, 1.0), (0.05, 0.0, 0.9, 0.08)]
    alone = [decode(data, LIMITS, short_side=60, part=part) for part in parts]
    times: list[int] = []
    develop = colours.develop
    monkeypatch.setattr(colours, "develop", lambda *a, **k: times.append(1) or develop(*a, **k))
    together = decode_parts(data, LIMITS, parts, short_side=60)
    assert len(times) == 1
    for one, other in zip(alone, together, strict=True):
        assert min(other.size) >= min(*one.size, 60)
        assert other.width * other.height <= 32 * 60**2
        assert difference(other.resize((40, 40)), one.resize((40, 40))) < 15
    with pytest.raises(Invalid, match="leaves the photo"):
        decode_parts(data, LIMITS, [*parts, (0.5, 0.5, 0.6, 0.6)], short_side=60)
