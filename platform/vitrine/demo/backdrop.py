"""What is around a product: a floor (the plane y = 0), a wall, and how they catch light."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from vitrine.demo.mesh import Array, f32
from vitrine.demo.palette import SHADES, Palette, Rgb, darker, lighter
from vitrine.demo.patterns import Print, paint, texture
from vitrine.demo.raster import Camera, sample
from vitrine.demo.shading import Light

_SIDE = 512
# How many variants of a floor or wall there are: few, since each is drawn once per process.
VARIANTS = 3


@dataclass(frozen=True)
class Backdrop:
    """`tint` colours the paper of a "sweep", which bends from floor to wall without an edge."""

    floor: str
    wall: str
    tint: Rgb = (236, 235, 232)
    variant: int = 0
    spot: float = 0.5

    @property
    def detail(self) -> float:
        """How large it must be rendered, as a part of the picture: it is never quite in focus."""
        return 0.34 if self.floor == "sweep" else 0.67

    def render(
        self, camera: Camera, light: Light, size: tuple[int, int], dark: tuple[Array, Array]
    ) -> Array:
        """Return linear RGB [h, w, 3]; `dark` are the masks of cast and contact shadow."""
        width, height = size
        x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
        rays = camera.rays(x, y)
        falling = np.minimum(rays[..., 1], -1e-4)
        t_floor = -camera.eye[1] / falling
        behind = camera.eye[2] + rays[..., 2] * t_floor < -WALL
        behind |= rays[..., 1] > -1e-3
        t = np.where(behind, (-WALL - camera.eye[2]) / np.minimum(rays[..., 2], -1e-4), t_floor)
        place = camera.eye + rays * t[..., None]
        cast, contact = (np.where(behind, 0, mask) for mask in dark)
        if self.floor == "sweep":
            albedo = np.broadcast_to(f32(self.tint) / 255, (height, width, 3))
            # Brighter where the paper bends up, as under a lamp from above.
            facing = np.clip(0.93 + 0.05 * place[..., 2], 0.75, 1.0)
            facing = np.where(behind, np.clip(0.80 + 0.09 * place[..., 1], 0.7, 1.0), facing)
        else:
            albedo = np.empty((height, width, 3), np.float32)
            on_floor, on_wall = place[~behind], place[behind]
            albedo[~behind] = sample(floor(self.floor, self.variant), on_floor[:, [0, 2]] / 3.2 % 1)
            up = np.clip(1 - on_wall[:, 1] / 4.0, 0, 1)
            albedo[behind] = sample(
                wall(self.wall, self.variant, self.tint),
                np.stack([on_wall[:, 0] / 6.4 + 0.5, up], axis=-1),
            )
            facing = np.where(behind, 0.45 + 0.4 * max(light.direction[2], 0.2), light.direction[1])
        distance = (place[..., 0] - 0.3) ** 2 + (place[..., 2] * 0.8) ** 2
        pool = 1 - self.spot * (1 - np.exp(-distance * 0.16))
        lit = (facing * (1 - 0.9 * cast) * pool)[..., None] * light.colour
        sky = ((0.75 + 0.25 * pool) * (1 - 0.45 * contact))[..., None] * light.ambient
        return np.asarray(albedo**2 * (lit + sky), np.float32)


WALL = 2.6


@lru_cache(maxsize=40)
def floor(name: str, variant: int) -> Array:
    return _FLOORS[name](np.random.default_rng([7, variant]))


@lru_cache(maxsize=40)
def wall(name: str, variant: int, tint: Rgb) -> Array:
    return _WALLS[name](np.random.default_rng([8, variant]), tint)


def _pick(rng: np.random.Generator, *tones: Rgb) -> Rgb:
    return tones[int(rng.integers(len(tones)))]


def _planks(rng: np.random.Generator, tone: Rgb, boards: int = 6) -> Array:
    """Draw boards along x, without an end."""
    out = np.empty((_SIDE, _SIDE, 3), np.float32)
    edges = np.linspace(0, _SIDE, boards + 1).astype(int)
    x = np.linspace(0, 2 * np.pi, _SIDE, endpoint=False)
    for top, bottom in pairwise(edges):
        y = np.linspace(0, 1, bottom - top)[:, None]
        bend = sum(rng.normal(0, 0.05) * np.sin(k * x + rng.uniform(0, 6.3)) for k in (1, 2, 3))
        rings = y + bend + rng.uniform(0, 9)
        grain = sum(
            np.sin(rings * f + rng.uniform(0, 6.3)) / (2 + k) for k, f in enumerate((9, 23, 61))
        )
        fine = rng.normal(0, 1, (bottom - top, 1)) * (
            0.6 + 0.4 * np.sin(x * 2 + rng.uniform(0, 6.3))
        )
        value = rng.uniform(0.92, 1.06) * (1 + 0.05 * grain + 0.018 * fine)
        out[top:bottom] = f32(tone) / 255 * value[..., None] ** f32([1, 1.15, 1.35])
        out[top : top + 2] *= 0.62
    return np.clip(out, 0, 1)


def _light_wood(rng: np.random.Generator) -> Array:
    return _planks(rng, _pick(rng, (214, 182, 140), (200, 164, 122), (226, 202, 166)))


def _dark_wood(rng: np.random.Generator) -> Array:
    return _planks(rng, _pick(rng, (112, 76, 52), (92, 62, 46), (134, 92, 60)), 4)


def _linen(rng: np.random.Generator) -> Array:
    tone = _pick(rng, (226, 220, 208), (198, 202, 204), (212, 198, 182), (186, 192, 182))
    threads = rng.normal(0, 1, (_SIDE, _SIDE))
    across, down = (sum(np.roll(threads, k, axis) for k in range(6)) for axis in (0, 1))
    soft = 0.008 * (across + down) + 0.035 * _clouds(rng, 4) + 0.02 * _clouds(rng, 9)
    return np.asarray(np.clip(f32(tone) / 255 * (1 + soft)[..., None], 0, 1), np.float32)


def _marble(rng: np.random.Generator) -> Array:
    cloudy = _clouds(rng, 3)
    veins = np.zeros((_SIDE, _SIDE), np.float32)
    for cells, depth, sharp in ((3, 0.22, 16), (5, 0.12, 22), (8, 0.07, 26)):
        field = (
            _clouds(rng, cells) + 0.35 * _clouds(rng, cells * 3) + 0.12 * _clouds(rng, cells * 9)
        )
        there = np.clip(_clouds(rng, 4) * 0.8 + 0.3, 0, 1)
        veins += depth * there * np.exp(-np.abs(field) * sharp)
    base = f32(_pick(rng, (240, 239, 236), (232, 228, 222), (74, 78, 80))) / 255
    value = base + ((veins + 0.02 * cloudy) * (1 if base.mean() < 0.5 else -1))[..., None]
    return np.asarray(np.clip(value, 0, 1), np.float32)


def _concrete(rng: np.random.Generator) -> Array:
    base = f32(_pick(rng, (176, 176, 174), (148, 150, 152), (196, 192, 186))) / 255
    field = _clouds(rng, 5) * 0.08 + _clouds(rng, 30) * 0.04 + rng.normal(0, 0.015, (_SIDE, _SIDE))
    return np.asarray(np.clip(base * (1 + field)[..., None], 0, 1), np.float32)


def _tiles(rng: np.random.Generator) -> Array:
    tone, joint = _pick(rng, (206, 200, 190), (120, 140, 148), (186, 140, 116)), (150, 146, 140)
    picture = Image.new("RGB", (_SIDE, _SIDE), joint)
    pen = ImageDraw.Draw(picture)
    step = _SIDE // 6
    for row in range(7):
        for column in range(7):
            box = [column * step + 3, row * step + 3, (column + 1) * step - 3, (row + 1) * step - 3]
            shade = float(rng.uniform(0, 0.14))
            pen.rectangle(
                box, fill=lighter(tone, shade) if rng.random() < 0.5 else darker(tone, shade)
            )
    return texture(picture, weave=0.03)


def _printed(pattern: str, scale: float) -> Callable[[np.random.Generator], Array]:
    def cloth(rng: np.random.Generator) -> Array:
        names = [str(n) for n in rng.permutation(list(SHADES))[:3]]
        base, second, accent = (SHADES[name][0] for name in names)
        palette = Palette((names[0], names[1]), lighter(base, 0.25), second, accent)
        design = Print(pattern, palette, scale, int(rng.integers(1 << 30)))
        return texture(paint(design, 1.0, _SIDE), weave=0.06)

    return cloth


def _clouds(rng: np.random.Generator, cells: int) -> Array:
    """Return smooth noise about 0 that repeats at the edges."""
    small = rng.normal(0, 1, (cells, cells)).astype(np.float32)
    middle = (cells, cells, 2 * cells, 2 * cells)
    tiled = Image.fromarray(np.tile(small, (3, 3)))
    return np.asarray(tiled.resize((_SIDE, _SIDE), Image.Resampling.BICUBIC, box=middle))


def _paint(rng: np.random.Generator, tint: Rgb) -> Array:
    field = _clouds(rng, 3) * 0.02 + rng.normal(0, 0.006, (_SIDE, _SIDE))
    return np.asarray(np.clip(f32(tint) / 255 * (1 + field)[..., None], 0, 1), np.float32)


def _panelled(rng: np.random.Generator, tint: Rgb) -> Array:
    pixels = _paint(rng, tint)
    for x in np.linspace(0, _SIDE, 13)[:-1].astype(int):
        pixels[:, x : x + 2] *= 0.72
        pixels[:, x + 2 : x + 4] *= 1.05
    return np.clip(pixels, 0, 1)


def _brick(rng: np.random.Generator, tint: Rgb) -> Array:
    picture = Image.new("RGB", (_SIDE, _SIDE), (176, 168, 158))
    pen = ImageDraw.Draw(picture)
    tall, long = _SIDE / 26, _SIDE / 18
    tone = _pick(rng, (152, 82, 62), (196, 190, 182), (126, 78, 66))
    for row in range(27):
        for column in range(-1, 19):
            x = (column + row % 2 / 2) * long
            ink = darker(tone, float(rng.uniform(0, 0.22)))
            pen.rectangle([x + 2, row * tall + 2, x + long - 2, (row + 1) * tall - 2], fill=ink)
    return texture(picture.filter(ImageFilter.GaussianBlur(1.0)), weave=0.05)


def _room(rng: np.random.Generator, tint: Rgb) -> Array:
    """Draw a room out of focus: a window, a shelf, things."""
    picture = Image.new("RGB", (_SIDE, _SIDE), darker(tint, 0.1))
    pen = ImageDraw.Draw(picture)
    tones = [shades[0] for shades in SHADES.values()]
    for _ in range(26):
        x, y = rng.uniform(0, _SIDE), rng.uniform(_SIDE * 0.2, _SIDE)
        w, h = rng.uniform(12, 70), rng.uniform(20, 120)
        ink = darker(_pick(rng, *tones), 0.15)
        if rng.random() < 0.6:
            pen.rectangle([x, y - h, x + w, y], fill=ink)
        else:
            pen.ellipse([x, y - w, x + w, y], fill=ink)
    x = rng.uniform(0, _SIDE * 0.7)
    pen.rectangle([x, _SIDE * 0.15, x + 110, _SIDE * 0.75], fill=(250, 246, 232))
    return texture(picture.filter(ImageFilter.GaussianBlur(11)))


def _shelves(rng: np.random.Generator, tint: Rgb) -> Array:
    picture = Image.new("RGB", (_SIDE, _SIDE), (74, 58, 46))
    pen = ImageDraw.Draw(picture)
    tones = [shade for shades in SHADES.values() for shade in shades]
    for shelf in range(1, 7):
        base, x = shelf * _SIDE / 6, 0.0
        while x < _SIDE:
            wide, tall = rng.uniform(5, 16), rng.uniform(38, 72)
            pen.rectangle(
                [x, base - tall, x + wide - 1, base - 5], fill=darker(_pick(rng, *tones), 0.2)
            )
            x += wide + (rng.uniform(8, 30) if rng.random() < 0.06 else 0)
        pen.rectangle([0, base - 5, _SIDE, base], fill=(146, 110, 80))
    return texture(picture.filter(ImageFilter.GaussianBlur(1.8)))


_FLOORS: dict[str, Callable[[np.random.Generator], Array]] = {
    "light wood": _light_wood, "dark wood": _dark_wood, "linen": _linen, "marble": _marble,
    "concrete": _concrete, "tiles": _tiles, "checked cloth": _printed("gingham", 0.6),
    "floral cloth": _printed("floral", 0.5), "rug": _printed("triangles", 0.5),
    "striped cloth": _printed("striped", 0.5),
}  # fmt: skip
_WALLS: dict[str, Callable[[np.random.Generator, Rgb], Array]] = {
    "paint": _paint, "panels": _panelled, "brick": _brick, "room": _room, "shelves": _shelves,
}  # fmt: skip
