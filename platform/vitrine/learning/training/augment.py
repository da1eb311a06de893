"""Random views of pictures, a batch at a time, on the device where the pictures are.

Every picture gets numbers of its own. All geometry (crop, zoom, aspect, rotation, perspective,
flip) is one homography and one resampling; all colour is one matrix. So a view costs little beside
the network, on a CPU as on a GPU.
"""

import math
from typing import Any

import torch
from torch.nn import functional

from vitrine.learning.training.recipe import Augmentation

_LUMA = (0.299, 0.587, 0.114)
_BLOCK = 8
# ITU-T T.81, table K.1: the luminance steps of JPEG at quality 50.
_JPEG_STEPS = (
    (16, 11, 10, 16, 24, 40, 51, 61),
    (12, 12, 14, 19, 26, 58, 60, 55),
    (14, 13, 16, 24, 40, 57, 69, 56),
    (14, 17, 22, 29, 51, 87, 80, 62),
    (18, 22, 37, 56, 68, 109, 103, 77),
    (24, 35, 55, 64, 81, 104, 113, 92),
    (49, 64, 78, 87, 103, 121, 120, 101),
    (72, 92, 95, 98, 112, 100, 103, 99),
)


def augment(pictures: Any, side: int, how: Augmentation, random: Any) -> Any:
    """From uint8 [n, h, w, 3] to views float32 [n, 3, side, side] of 0 to 1.

    `random` is a torch.Generator on the device of the pictures.
    """
    images = pictures.permute(0, 3, 1, 2).float() / 255
    views, inside = _warp(images, side, how, random)
    views = _lay_on_background(views, inside, how, random)
    views = _recolour(views, how, random)
    views = _blur(views, how.blur, random)
    views = _compress(views, how.jpeg, random)
    views = _add_noise(views, how.noise, random)
    return _erase(views.clamp(0, 1), how.erase, random)


def _uniform(like: Any, low: float, high: float, random: Any) -> Any:
    count = len(like)
    return low + (high - low) * torch.rand(count, device=like.device, generator=random)


def _chosen(like: Any, probability: float, random: Any) -> Any:
    return torch.rand(len(like), device=like.device, generator=random) < probability


def _warp(images: Any, side: int, how: Augmentation, random: Any) -> tuple[Any, Any]:
    """Resample through one homography each; also say what lies inside the picture [n, 1, h, w]."""
    area = _uniform(images, math.log(how.least_area), 2 * math.log(how.zoom_out), random).exp()
    ratio = math.log(how.aspect)
    aspect = _uniform(images, -ratio, ratio, random).exp()
    width, height = (area * aspect).sqrt(), (area / aspect).sqrt()
    flip = torch.where(_chosen(images, how.flip, random), -1.0, 1.0)
    angle = math.radians(how.rotation_degrees)
    angle = _uniform(images, -angle, angle, random)
    # The window moves as far as it stays inside; one that is larger than the picture, as far as
    # the picture stays in it.
    across = (1 - width).abs() * _uniform(images, -1, 1, random)
    down = (1 - height).abs() * _uniform(images, -1, 1, random)
    tilt_x = how.perspective * _uniform(images, -1, 1, random)
    tilt_y = how.perspective * _uniform(images, -1, 1, random)
    cos, sin = angle.cos(), angle.sin()
    zero, one = torch.zeros_like(cos), torch.ones_like(cos)
    homography = torch.stack(
        [
            *(width * cos * flip, -width * sin, across),
            *(height * sin * flip, height * cos, down),
            *(tilt_x, tilt_y, one + zero),
        ],
        1,
    ).view(-1, 3, 3)
    steps = (torch.arange(side, device=images.device) + 0.5) / side * 2 - 1
    y, x = torch.meshgrid(steps, steps, indexing="ij")
    points = torch.stack([x, y, torch.ones_like(x)], -1).view(-1, 3)
    mapped = points @ homography.transpose(1, 2)
    grid = (mapped[..., :2] / mapped[..., 2:].clamp(min=0.2)).view(-1, side, side, 2)
    inside = (grid.abs() <= 1).all(-1)[:, None]
    views = functional.grid_sample(images, grid, padding_mode="border", align_corners=False)
    return views, inside


def _lay_on_background(views: Any, inside: Any, how: Augmentation, random: Any) -> Any:
    """Fill what lies outside: the edge carried on, one colour, or another picture of the batch."""
    other = views.roll(1, 0)
    plain = torch.rand(len(views), 3, 1, 1, device=views.device, generator=random)
    kind = torch.rand(len(views), 1, 1, 1, device=views.device, generator=random)
    outside = torch.where(kind < how.background / 2, other, views)
    outside = torch.where((kind >= how.background / 2) & (kind < how.background), plain, outside)
    return torch.where(inside, views, outside)


def _recolour(views: Any, how: Augmentation, random: Any) -> Any:
    """Brightness, contrast, saturation, hue and the colour of the light, as one matrix."""
    luma = torch.tensor(_LUMA, device=views.device)
    grey = luma.expand(3, 3)
    saturation = 1 + _uniform(views, -how.saturation, how.saturation, random)
    saturation = torch.where(_chosen(views, how.grey, random), 0.0, saturation)[:, None, None]
    turn = 2 * math.pi * _uniform(views, -how.hue, how.hue, random)
    colour = grey + saturation * (_rotation_about_grey(turn) - grey)
    # Light of another colour weakens or strengthens each primary (von Kries).
    light = torch.rand(len(views), 3, 1, device=views.device, generator=random)
    colour = colour * (1 + how.tint * (2 * light - 1))
    brightness = 1 + _uniform(views, -how.brightness, how.brightness, random)
    contrast = 1 + _uniform(views, -how.contrast, how.contrast, random)
    mean = (views * luma[:, None, None]).sum(1, keepdim=True).mean((1, 2, 3), keepdim=True)
    mixed = torch.einsum("nij,njhw->nihw", colour, views)
    mixed = (mixed - mean) * contrast[:, None, None, None] + mean
    return (mixed * brightness[:, None, None, None]).clamp(0, 1)


def _rotation_about_grey(turn: Any) -> Any:
    """Rotations [n, 3, 3] of colour about the axis of greys (Rodrigues' formula)."""
    cos, sin = turn.cos()[:, None, None], turn.sin()[:, None, None]
    axis = 1 / math.sqrt(3)
    cross = axis * torch.tensor(
        [[0.0, -1, 1], [1, 0, -1], [-1, 1, 0]], device=turn.device, dtype=turn.dtype
    )
    identity = torch.eye(3, device=turn.device, dtype=turn.dtype)
    return cos * identity + sin * cross + (1 - cos) / 3


def _some(views: Any, probability: float, random: Any) -> Any:
    return _chosen(views, probability, random).nonzero()[:, 0]


def _blur(views: Any, probability: float, random: Any) -> Any:
    """Blur some by a binomial kernel, each by its own share of it."""
    chosen = _some(views, probability, random)
    if not len(chosen):
        return views
    row = torch.tensor([1.0, 4, 6, 4, 1], device=views.device) / 16
    kernel = (row[:, None] * row).expand(3, 1, 5, 5)
    picked = views[chosen]
    soft = functional.conv2d(functional.pad(picked, (2, 2, 2, 2), "reflect"), kernel, groups=3)
    share = _uniform(picked, 0.3, 1, random)[:, None, None, None]
    return views.index_copy(0, chosen, picked + share * (soft - picked))


def _compress(views: Any, probability: float, random: Any) -> Any:
    """Round some as JPEG does: cosine transform of 8×8 blocks, quality 10 to 70."""
    chosen = _some(views, probability, random)
    side = views.shape[-1]
    if not len(chosen) or side % _BLOCK:
        return views
    at = torch.arange(_BLOCK, device=views.device, dtype=views.dtype)
    cosines = torch.cos((2 * at + 1) * at[:, None] * math.pi / 16) / 2
    cosines[0] /= math.sqrt(2)
    picked = views[chosen]
    quality = _uniform(picked, 10, 70, random)
    scale = torch.where(quality < 50, 50 / quality, 2 - quality / 50)
    steps = torch.tensor(_JPEG_STEPS, device=views.device) * scale[:, None, None] / 255
    blocks = picked.unfold(2, _BLOCK, _BLOCK).unfold(3, _BLOCK, _BLOCK)
    waves = cosines @ blocks @ cosines.T
    steps = steps[:, None, None, None].clamp(min=1 / 255)
    blocks = cosines.T @ ((waves / steps).round() * steps) @ cosines
    rounded = blocks.permute(0, 1, 2, 4, 3, 5).reshape(picked.shape)
    return views.index_copy(0, chosen, rounded)


def _add_noise(views: Any, probability: float, random: Any) -> Any:
    chosen = _some(views, probability, random)
    if not len(chosen):
        return views
    picked = views[chosen]
    strength = _uniform(picked, 0.01, 0.06, random)[:, None, None, None]
    noise = torch.randn(picked.shape, device=views.device, generator=random)
    return views.index_copy(0, chosen, picked + strength * noise)


def _erase(views: Any, probability: float, random: Any) -> Any:
    """Cover a box of some with one colour (Zhong et al. 2020), 2 to 20 % of the picture."""
    box = _boxes(views, _uniform(views, 0.02, 0.2, random), random)
    box &= _chosen(views, probability, random)[:, None, None, None]
    colour = torch.rand(len(views), 3, 1, 1, device=views.device, generator=random)
    return torch.where(box, colour, views)


def cut_mix(views: Any, random: Any) -> tuple[Any, Any]:
    """Lay a box of the picture before over each of [n, 3, side, side] (CutMix, Yun et al. 2019).

    Also gives the share [n] that each kept of itself.
    """
    box = _boxes(views, _uniform(views, 0, 1, random), random)
    return torch.where(box, views.roll(1, 0), views), 1 - box.float().mean((1, 2, 3))


def _boxes(views: Any, area: Any, random: Any) -> Any:
    """A box somewhere in each picture, bool [n, 1, side, side]; what sticks out is cut off."""
    side = views.shape[-1]
    aspect = _uniform(views, -0.7, 0.7, random).exp()
    wide, high = (area * aspect).sqrt() / 2, (area / aspect).sqrt() / 2
    steps = (torch.arange(side, device=views.device) + 0.5) / side
    across, down = _uniform(views, 0, 1, random), _uniform(views, 0, 1, random)
    columns = (steps - across[:, None]).abs() < wide[:, None]
    rows = (steps - down[:, None]).abs() < high[:, None]
    return (rows[:, :, None] & columns[:, None, :])[:, None]
