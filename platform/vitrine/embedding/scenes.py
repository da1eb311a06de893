"""Pictures drawn by numbers from a seed, for trying a model where there is no photo."""

import math

import numpy as np
import numpy.typing as npt
from PIL import Image

Plane = npt.NDArray[np.float32]


def scene(random: np.random.Generator, side: int) -> Image.Image:
    """Draw one picture: a gradient, some shapes with light on them, coarse and fine noise."""
    y, x = np.mgrid[0:side, 0:side].astype(np.float32) / side
    along = _slope(random, x, y)[..., None]
    picture = random.random(3) * (1 - along) + random.random(3) * along
    for _ in range(random.integers(1, 7)):
        inside, light = _shape(random, x, y)
        picture = np.where(inside[..., None], random.random(3) * light[..., None], picture)
    cells = int(random.integers(4, side // 3))
    coarse = np.kron(
        random.normal(size=(cells, cells, 3)), np.ones((side // cells + 1,) * 2 + (1,))
    )
    picture = picture + coarse[:side, :side] * random.uniform(0, 0.12)
    picture = picture + random.normal(size=picture.shape) * random.uniform(0, 0.05)
    return Image.fromarray((picture.clip(0, 1) * 255).astype(np.uint8))


def _slope(random: np.random.Generator, x: Plane, y: Plane) -> Plane:
    angle = random.uniform(0, 2 * math.pi)
    slope = (x - 0.5) * math.cos(angle) + (y - 0.5) * math.sin(angle) + 0.5
    return np.clip(slope, 0, 1).astype(np.float32)


def _shape(random: np.random.Generator, x: Plane, y: Plane) -> tuple[npt.NDArray[np.bool_], Plane]:
    """An ellipse, a box or stripes somewhere; what is inside, and how bright it is there."""
    (across, down), (wide, high) = random.random(2), random.uniform(0.05, 0.5, 2)
    angle = random.uniform(0, math.pi)
    u = (x - across) * math.cos(angle) + (y - down) * math.sin(angle)
    v = (y - down) * math.cos(angle) - (x - across) * math.sin(angle)
    kind = random.integers(3)
    inside = np.asarray((np.abs(u) < wide) & (np.abs(v) < high))
    if kind == 0:
        inside = np.asarray((u / wide) ** 2 + (v / high) ** 2 < 1)
    elif kind == 1:
        inside &= np.asarray(np.sin(u * random.uniform(20, 120)) > 0)
    light = 1 - 0.5 * random.random() * np.clip(v / high + 0.5, 0, 1)
    return inside, light.astype(np.float32)
