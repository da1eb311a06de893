"""Regions: a thing on a map is boxed, and boxes are where the photo has them."""

import numpy as np
import pytest

from vitrine.embedding.preprocess import seen_part
from vitrine.embedding.regions import Box, find_regions, overlaps
from vitrine.embedding.specs import Preprocessing


def scene(side: int, *things: tuple[slice, slice], channels: int = 16) -> np.ndarray:
    """A map of nothing in particular, and on it a vector of its own at the places of each thing."""
    random = np.random.default_rng(5)
    ground = random.normal(0, 1, (channels, 1, 1))
    scene = ground + random.normal(0, 0.1, (channels, side, side))
    for rows, columns in things:
        scene[:, rows, columns] += 3 * random.normal(0, 1, (channels, 1, 1))
    return scene.astype(np.float32)


def iou(one: Box, other: Box) -> float:
    return float(overlaps(np.array([one]).T, np.array(other))[0])


def test_overlaps_are_those_of_counted_cells() -> None:
    random = np.random.default_rng(1)
    for _ in range(50):
        edges = np.sort(random.choice(13, (2, 2, 2), replace=True), axis=2)
        if (edges[..., 0] == edges[..., 1]).any():
            continue
        masks = np.zeros((2, 12, 12), bool)
        for at, ((x0, x1), (y0, y1)) in enumerate(edges):
            masks[at, y0:y1, x0:x1] = True
        boxes = np.concatenate([edges[..., 0], edges[..., 1] - edges[..., 0]], axis=1)
        counted = (masks[0] & masks[1]).sum() / (masks[0] | masks[1]).sum()
        assert iou(tuple(boxes[0]), tuple(boxes[1])) == pytest.approx(counted)


@pytest.mark.parametrize("side", [4, 7, 8, 14])
def test_the_main_object_comes_first(side: int) -> None:
    half = side // 2
    found = find_regions(scene(side, (slice(0, half), slice(side - half, side))))
    size = half / side
    assert iou(found[0].box, (1 - size, 0.0, size, size)) > 0.6
    assert 1 <= len(found) <= 6


def test_two_things_are_both_boxed() -> None:
    found = find_regions(scene(8, (slice(1, 4), slice(0, 3)), (slice(4, 7), slice(5, 8))))
    for thing in ((0, 1 / 8, 3 / 8, 3 / 8), (5 / 8, 4 / 8, 3 / 8, 3 / 8)):
        assert max(iou(one.box, thing) for one in found) > 0.5


def test_boxes_lie_in_the_photo_and_apart() -> None:
    for seed in range(20):
        noise = np.random.default_rng(seed).normal(size=(8, 4, 4)).astype(np.float32)
        found = find_regions(noise)
        assert 1 <= len(found) <= 6
        for one in found:
            x, y, width, height = one.box
            assert min(x, y) >= 0
            assert max(x + width, y + height) <= 1 + 1e-6
            assert min(width, height) > 0.3
            assert 0 <= one.score <= 1
        for at, one in enumerate(found):
            assert all(iou(one.box, other.box) < 0.36 for other in found[:at])


@pytest.mark.parametrize("shape", [(8, 4, 4), (8, 1, 1), (8, 2, 3), (1, 7, 7)])
def test_a_map_without_contrast_is_one_whole(shape: tuple[int, int, int]) -> None:
    for value in (0.0, 3.0):
        (one,) = find_regions(np.full(shape, value, np.float32))
        assert one.box == (0.0, 0.0, 1.0, 1.0)


def test_the_same_map_in_half_precision_gives_the_same_boxes() -> None:
    made = scene(4, (slice(1, 3), slice(1, 3)))
    half = find_regions(made.astype(np.float16))
    assert half[0].box == find_regions(made)[0].box


def how(crop_mode: str, crop_pct: float) -> Preprocessing:
    return Preprocessing((3, 128, 128), (0.5,) * 3, (0.5,) * 3, "bicubic", crop_pct, crop_mode)


def test_what_was_cut_off_before_the_model_saw_it_is_counted_in() -> None:
    # Squashed to 146 pixels, of which the middle 128 are seen.
    seen = seen_part((640, 480), how("squash", 0.875))
    assert seen == pytest.approx((9 / 146, 9 / 146, 128 / 146, 128 / 146))
    # A centre crop of a photo twice as wide as high sees the middle half of its width.
    assert seen_part((512, 256), how("center", 1.0)) == pytest.approx((0.25, 0, 0.5, 1))
    # With a border the photo is seen whole, between two stripes.
    assert seen_part((512, 256), how("border", 1.0)) == pytest.approx((0, -0.5, 1, 2))


def test_boxes_are_mapped_back_into_the_photo() -> None:
    made = scene(4, (slice(0, 2), slice(0, 2)))
    plain = find_regions(made)[0].box
    seen = find_regions(made, (0.25, 0.0, 0.5, 1.0))[0].box
    expected = (0.25 + plain[0] / 2, plain[1], plain[2] / 2, plain[3])
    assert seen == pytest.approx(expected, abs=1e-3)
    x, y, width, height = find_regions(made, (0.0, -0.5, 1.0, 2.0))[0].box
    assert y == 0.0
    assert 0 < y + height <= 1
    assert (x, width) == pytest.approx((plain[0], plain[2]), abs=1e-3)
