"""Things that stand about in a shopper's home: cans, boxes, balls, books, plants."""

from collections.abc import Sequence

import numpy as np

from vitrine.demo.design import painted, timber
from vitrine.demo.mesh import Mesh, grid, revolve, rotation, slab, tube
from vitrine.demo.palette import SHADES, Palette, Rgb
from vitrine.demo.patterns import Print, paint, texture
from vitrine.demo.raster import Part, Surface
from vitrine.demo.scene import placed


def clutter(rng: np.random.Generator, count: int, *, near: float, far: float) -> list[Part]:
    """Set `count` things around the origin, none nearer to it than `near`; most of them behind."""
    parts: list[Part] = []
    angles = np.linspace(0, 2 * np.pi, count, endpoint=False) + rng.uniform(0, 6.28)
    for angle in angles:
        thing = _THINGS[int(rng.integers(len(_THINGS)))](rng)
        x, z = near_ellipse(float(angle), float(rng.uniform(near, far)))
        parts += placed(thing, float(rng.uniform(-180, 180)), x, z)
    return parts


def near_ellipse(angle: float, distance: float) -> tuple[float, float]:
    """Keep the front free: what stands there would hide everything."""
    z = np.cos(angle) * distance
    return float(np.sin(angle) * distance * 1.15), float(z if z < 0 else z * 0.25 - 0.15)


def before(rng: np.random.Generator, parts: Sequence[Part], lies: bool) -> list[Part]:
    """Put something in front of a product so that it hides a corner of it."""
    points = np.concatenate([part.mesh.points for part in parts])
    low, high = points.min(0), points.max(0)
    side = float(rng.choice([-1, 1]))
    x = side * float(high[0] - low[0]) * rng.uniform(0.3, 0.46)
    thing = _THINGS[int(rng.integers(len(_THINGS)))](rng)
    z = float(rng.uniform(low[2] * 0.7, high[2] * 0.9)) if lies else float(high[2]) + 0.25
    lift = float(high[1]) if lies else 0.0
    small = [Part(p.mesh.scaled(0.62, 0.62, 0.62).moved(y=lift), p.surface) for p in thing]
    return placed(small, float(rng.uniform(-180, 180)), x, z)


def _colour(rng: np.random.Generator) -> Rgb:
    shades = list(SHADES.values())[int(rng.integers(len(SHADES)))]
    return shades[int(rng.integers(len(shades)))]


def _printed(rng: np.random.Generator) -> Surface:
    pattern = str(
        rng.choice(["plain", "hooped", "striped", "dotted", "leaves", "gingham", "terrazzo"])
    )
    colours = [_colour(rng) for _ in range(3)]
    palette = Palette(("", ""), colours[0], colours[1], colours[2])
    picture = paint(Print(pattern, palette, 1.0, int(rng.integers(1 << 30))), 1.5, 192)
    return Surface(texture(picture), float(rng.uniform(0, 0.8)))


def _can(rng: np.random.Generator) -> list[Part]:
    r, tall = rng.uniform(0.16, 0.26), rng.uniform(0.4, 0.9)
    side = revolve([(r, tall), (r, 0.0)], 32, 8)
    lid = revolve([(0, tall + 0.01), (r * 0.95, tall + 0.01), (r, tall)], 32, 8)
    return [Part(side, _printed(rng)), Part(lid, painted(_colour(rng)))]


def _box(rng: np.random.Generator) -> list[Part]:
    size = (rng.uniform(0.3, 0.7), rng.uniform(0.2, 0.8), rng.uniform(0.3, 0.6))
    return [Part(slab(size, corner=0.05), _printed(rng))]


def _ball(rng: np.random.Generator) -> list[Part]:
    r = float(rng.uniform(0.12, 0.26))
    t = np.linspace(0, np.pi, 24)
    line = [(float(r * np.sin(a)), float(r + r * np.cos(a))) for a in t]
    return [Part(revolve(line, 32, 24), painted(_colour(rng), float(rng.uniform(0, 0.9))))]


def _stack(rng: np.random.Generator) -> list[Part]:
    parts, y = [], 0.0
    for _ in range(int(rng.integers(2, 5))):
        thick = float(rng.uniform(0.07, 0.14))
        book = slab((rng.uniform(0.5, 0.72), thick, rng.uniform(0.4, 0.5)), corner=0.03, edge=0.04)
        turned = book.turned(rotation(yaw=float(rng.normal(0, 12)))).moved(y=y)
        parts.append(Part(turned, painted(_colour(rng), 0.1)))
        y += thick
    return parts


def _plant(rng: np.random.Generator) -> list[Part]:
    tall = float(rng.uniform(0.22, 0.36))
    pot = revolve([(0.05, tall - 0.03), (0.2, tall - 0.03), (0.21, tall), (0.15, 0.0)], 32, 16)
    parts = [Part(pot, painted(_colour(rng), 0.2))]
    green = painted([(70, 110, 66), (96, 132, 78), (52, 92, 70)][int(rng.integers(3))], 0.15)
    for angle in np.linspace(0, 2 * np.pi, 11) + rng.uniform(0, 1):
        parts.append(Part(_blade(rng, float(angle), tall), green))
    return parts


def _blade(rng: np.random.Generator, angle: float, tall: float) -> Mesh:
    t, s = np.meshgrid(np.linspace(0, 1, 10), np.linspace(-1, 1, 4), indexing="ij")
    reach, rise, wide = rng.uniform(0.2, 0.5), rng.uniform(0.3, 0.7), rng.uniform(0.04, 0.08)
    along = t**1.6 * reach
    across = s * wide * np.sin(np.pi * (0.08 + 0.92 * t))
    c, d = np.cos(angle), np.sin(angle)
    y = tall - 0.04 + rise * np.sin(t * 1.9) / 1.0 - 0.03 * s**2
    return grid(np.stack([along * d + across * c, y, along * c - across * d], axis=-1))


def _pencils(rng: np.random.Generator) -> list[Part]:
    parts = []
    for _ in range(int(rng.integers(2, 5))):
        x, z, a = rng.uniform(-0.2, 0.2), rng.uniform(-0.2, 0.2), rng.uniform(0, 6.28)
        end = (x + 0.6 * np.cos(a), 0.03, z + 0.6 * np.sin(a))
        surface = timber((210, 170, 120), 3) if rng.random() < 0.3 else painted(_colour(rng))
        parts.append(Part(tube([(x, 0.03, z), end], 0.028, detail=4, segments=8), surface))
    return parts


_THINGS = (_can, _box, _ball, _stack, _plant, _pencils)
