"""Things to carry: handbags and backpacks."""

from dataclasses import replace

import numpy as np

from vitrine.demo.design import BRASS, STEEL, Design, Kind, metal, painted
from vitrine.demo.kinds.home import CLOTHS
from vitrine.demo.mesh import Mesh, grid, panel, pillow, revolve, rotation, tube
from vitrine.demo.palette import darker
from vitrine.demo.raster import FLAT, Part, Surface

PRINTS = ("plain", "plain", "striped", "hooped", "colour-block", "gingham", "dotted", "floral",
          "chevron", "triangles", "diagonal", "leaves", "tartan", "scales")  # fmt: skip


def _standing(halves: tuple[Mesh, Mesh], tall: float) -> list[Mesh]:
    """Stand a pillow up and flatten its foot."""
    out = []
    for half in halves:
        points = half.points.copy()
        points[:, 1] += tall / 2
        out.append(Mesh(points, half.normals, half.uv, half.shade, half.quads, half.coarse))
    return out


def handbag(d: Design) -> list[Part]:
    rng = d.rng()
    wide = {"tote": 0.95, "bowling": 1.2, "bucket": 0.8}.get(d.style, rng.uniform(0.95, 1.15))
    tall = {"tote": rng.uniform(0.9, 1.05), "bowling": 0.68, "bucket": 0.85}.get(
        d.style, rng.uniform(0.62, 0.75)
    )
    deep = rng.uniform(0.28, 0.4)
    taper = {"tote": rng.uniform(-0.15, 0.05), "bucket": -0.2, "bowling": 0.12}.get(
        d.style, rng.uniform(0.05, 0.25)
    )
    square = {"bowling": 3.4, "bucket": 5.0}.get(d.style, 9.0)
    halves = _standing(pillow((wide, tall, deep), squareness=square, bulge=3.6, taper=taper), tall)
    skin = d.skin(
        wide / tall,
        width=560,
        at=[(0.5, 0.66)] if d.style != "satchel" else [],
        size=rng.uniform(0.2, 0.34),
    )
    fittings = metal(rng)
    parts = [Part(half, skin) for half in halves]
    trim = d.one(d.palette.second if rng.random() < 0.5 else darker(d.palette.base, 0.25))
    high = {"tote": rng.uniform(0.42, 0.6), "satchel": 0.3}.get(d.style, rng.uniform(0.24, 0.38))
    half_gap = wide * (1 - taper) * rng.uniform(0.22, 0.3)
    for z in (-0.06, 0.07) if d.style != "satchel" else (0.0,):
        foot = tall * (0.86 if d.style != "tote" else 0.8)
        depth = deep * 0.42 * np.sign(z)
        path = [
            (-half_gap, foot, depth),
            (-half_gap * 0.95, tall + high * 0.5, z),
            (-half_gap * 0.45, tall + high * 0.96, z),
            (half_gap * 0.45, tall + high * 0.96, z),
            (half_gap * 0.95, tall + high * 0.5, z),
            (half_gap, foot, depth),
        ]
        parts.append(Part(tube(path, 0.03, detail=40, flatten=rng.uniform(0.8, 1.3)), trim))
        if z >= 0:
            for x in (-half_gap, half_gap):
                ring = revolve([(0, 0.025), (0.05, 0.02), (0.055, 0.0)], 20, 8).turned(
                    rotation(pitch=90)
                )
                parts.append(Part(ring.moved(x, foot, deep * 0.5 - 0.015), fittings))
    if d.style == "satchel":
        parts += _flap(d, (wide * (1 - taper * 0.7), tall, deep), fittings, rng)
    elif d.style in {"tote", "bucket"} and rng.random() < 0.6:
        strip = panel(wide * (1 - taper) * 0.98, tall * 0.1, detail=12).moved(y=tall * 0.84, z=0)
        parts.append(Part(_bulged(strip, wide, deep), trim))
    if d.style == "bowling":
        zip_line = tube(
            [(-wide * 0.3, tall * 0.975, 0), (0, tall * 0.995, 0), (wide * 0.3, tall * 0.975, 0)],
            0.015,
        )
        parts.append(Part(zip_line, fittings))
    return parts


def _bulged(mesh: Mesh, wide: float, deep: float) -> Mesh:
    points = mesh.points.copy()
    x = np.clip(np.abs(points[:, 0]) / wide * 2, 0, 1)
    points[:, 2] = deep / 2 * (1 - x**3.6) ** (1 / 3.6) * 0.94 + 0.012
    return Mesh(points, mesh.normals, mesh.uv, mesh.shade, mesh.quads, mesh.coarse)


def _flap(
    d: Design, size: tuple[float, float, float], fittings: Surface, rng: np.random.Generator
) -> list[Part]:
    wide, tall, deep = size
    low = rng.uniform(0.35, 0.55)
    round_ = rng.uniform(0.0, 0.3)
    s, t = np.meshgrid(np.linspace(-1, 1, 24), np.linspace(0, 1, 20))
    x = s * wide / 2 * 0.98
    # Over the top, then down the front, lower in the middle.
    drop = t * (1 - low + round_ * (1 - s**2) * t)
    y = tall * (1.01 - np.maximum(drop - 0.12, 0)) - 0.02 * (1 - t)
    z = deep * 0.5 * np.clip(t * 6, 0, 1) ** 0.5 * (1 - np.abs(s) ** 6 * 0.25) * 1.06 + 0.01
    ink = d.palette.base if rng.random() < 0.5 else d.palette.second
    surface = d.one(ink)
    clasp = revolve([(0, 0.03), (0.05, 0.028), (0.06, 0)], 24, 10).turned(rotation(pitch=90))
    tip = float(y[-1, 12])
    parts = [Part(grid(np.stack([x, y, z], axis=-1)), surface)]
    if rng.random() < 0.5:
        for sx in (-0.28, 0.28):
            strap = panel(0.09, tall * 0.34, detail=6).moved(
                sx * wide, tip + tall * 0.05, deep * 0.55
            )
            parts.append(Part(strap, d.one(darker(d.palette.second, 0.2))))
            parts.append(Part(clasp.moved(sx * wide, tip - tall * 0.04, deep * 0.55), fittings))
    else:
        parts.append(
            Part(clasp.moved(0, tip + 0.07, deep * 0.55), BRASS if rng.random() < 0.5 else STEEL)
        )
    return parts


def backpack(d: Design) -> list[Part]:
    rng = d.rng()
    wide, tall, deep = rng.uniform(0.72, 0.84), rng.uniform(1.05, 1.25), rng.uniform(0.4, 0.5)
    square = {"rolltop": 8.0, "daypack": 3.0}.get(d.style, rng.uniform(4, 6))
    halves = _standing(pillow((wide, tall, deep), squareness=square, bulge=3.2, taper=0.06), tall)
    skin = d.skin(wide / tall, width=480, at=[(0.5, 0.24)], size=0.14)
    parts = [
        Part(half, _zipped(skin, 0.13, 0.1) if d.style in {"daypack", "school"} else skin)
        for half in halves
    ]
    ink = d.palette.second if rng.random() < 0.6 else d.palette.base
    trim = d.one(darker(ink, 0.1))
    straps = d.one(darker(d.palette.base, 0.4) if rng.random() < 0.6 else d.palette.accent)
    pocket = (wide * rng.uniform(0.68, 0.84), tall * rng.uniform(0.34, 0.46), 0.2)
    for half in pillow(pocket, squareness=6, bulge=4, detail=28):
        parts.append(
            Part(half.moved(0, pocket[1] / 2 + 0.07, deep / 2 - 0.02), _zipped(trim, 0.16, 0.1))
        )
    if d.style == "rolltop":
        roll = tube(
            [(-wide * 0.42, tall, 0.02), (wide * 0.42, tall, 0.02)],
            0.1,
            detail=12,
            flatten=1.0,
            segments=18,
        )
        parts.append(Part(roll, skin))
        for x in (-wide * 0.22, wide * 0.22):
            parts.append(Part(_strap(x, tall * 1.07, tall * 0.5, deep), straps))
    elif d.style == "heritage":
        for half in pillow((wide * 1.02, tall * 0.34, 0.16), squareness=5, bulge=4, detail=24):
            parts.append(Part(half.moved(0, tall * 0.84, deep / 2 - 0.03), trim))
        for x in (-wide * 0.22, wide * 0.22):
            parts.append(Part(_strap(x, tall * 0.76, tall * 0.5, deep + 0.1), straps))
    loop = [
        (-0.1, tall * 0.98, -deep * 0.2),
        (-0.08, tall * 1.12, -deep * 0.2),
        (0.08, tall * 1.12, -deep * 0.2),
        (0.1, tall * 0.98, -deep * 0.2),
    ]
    parts.append(Part(tube(loop, 0.028), straps))
    for side in (-1, 1):
        path = [
            (side * wide * 0.3, tall * 0.93, -deep * 0.42),
            (side * wide * 0.46, tall * 0.8, -deep * 0.7),
            (side * wide * 0.54, tall * 0.4, -deep * 0.66),
            (side * wide * 0.45, 0.08, -deep * 0.36),
        ]
        parts.append(Part(tube(path, 0.05, flatten=0.6), straps))
        if rng.random() < 0.5:
            for half in pillow((0.2, tall * 0.3, deep * 0.6), squareness=4, bulge=3, detail=16):
                parts.append(
                    Part(
                        half.turned(rotation(yaw=90)).moved(side * wide * 0.49, tall * 0.2, 0), trim
                    )
                )
    return parts


def _zipped(surface: Surface, line: float, inset: float) -> Surface:
    """Draw a zip that follows the upper edge of a flat print."""
    pixels = (
        surface.texture.copy()
        if len(surface.texture) > FLAT
        else surface.texture.repeat(50, 0).repeat(50, 1)
    )
    height, width, _ = pixels.shape
    v, u = np.mgrid[0 : 1 : height * 1j, 0 : 1 : width * 1j]
    reach = np.clip((np.abs(u - 0.5) - (0.5 - inset - 0.14)) / 0.14, 0, 1)
    at = line + 0.14 * (1 - np.sqrt(np.maximum(1 - reach**2, 0)))
    across, ends = np.abs(v - at), np.abs(u - 0.5) < 0.5 - inset
    pixels[(across < 0.022) & ends] *= 0.55
    pixels[(across < 0.007) & ends] = 0.72
    return replace(surface, texture=pixels)


def _strap(x: float, top: float, bottom: float, deep: float) -> Mesh:
    return tube(
        [(x, top, deep * 0.3), (x, (top + bottom) / 2, deep * 0.56), (x, bottom, deep * 0.62)],
        0.035,
        flatten=0.9,
    )


def suitcase(d: Design) -> list[Part]:
    rng = d.rng()
    wide, tall, deep = rng.uniform(0.72, 0.84), rng.uniform(1.0, 1.25), rng.uniform(0.36, 0.44)
    square = {"hard": rng.uniform(7, 14), "soft": 5.0, "retro": 16.0}[d.style]
    if d.style == "retro":
        wide, tall = tall * 1.0, wide * 0.95
    halves = _standing(pillow((wide, tall, deep), squareness=square, bulge=9.0, detail=28), tall)
    skin = d.skin(
        wide / tall, width=520, at=[(rng.choice([0.3, 0.5, 0.7]), rng.uniform(0.3, 0.7))], size=0.24
    )
    if d.style == "hard":
        ribs = np.sin(np.linspace(0, np.pi * rng.integers(8, 16), skin.texture.shape[1]))
        shade = 1 - 0.22 * np.clip(ribs - 0.55, 0, 1)
        skin = Surface((skin.texture * shade[None, :, None]).astype(np.float32), skin.gloss)
    parts = [Part(half.moved(y=0.09), skin) for half in halves]
    band = d.palette.second if rng.random() < 0.5 else darker(d.palette.base, 0.5)
    rim = [
        (-wide / 2 * 1.0, tall * 0.5),
        (-wide / 2 * 0.985, tall * 0.965),
        (0.0, tall * 1.0),
        (wide / 2 * 0.985, tall * 0.965),
        (wide / 2, tall * 0.5),
        (wide / 2 * 0.985, tall * 0.035),
        (0.0, 0.0),
        (-wide / 2 * 0.985, tall * 0.035),
        (-wide / 2, tall * 0.5),
    ]
    ring = tube([(x, y + 0.09, 0) for x, y in rim], 0.022, detail=80, smooth=False)
    parts.append(Part(ring, painted(band)))
    if d.style == "retro":
        for x in (-wide * 0.28, wide * 0.28):
            parts.append(
                Part(
                    panel(0.09, tall * 0.98, detail=6).moved(x, tall / 2 + 0.09, deep / 2 + 0.008),
                    painted(band),
                )
            )
        handle = [
            (-0.16, tall + 0.07, 0),
            (-0.13, tall + 0.2, 0),
            (0.13, tall + 0.2, 0),
            (0.16, tall + 0.07, 0),
        ]
        parts.append(Part(tube(handle, 0.03), painted(band)))
        # It has no wheels to stand on.
        return [Part(part.mesh.moved(y=-0.07), part.surface) for part in parts]
    grip = tall + rng.uniform(0.2, 0.5)
    for x in (-0.16, 0.16):
        parts.append(
            Part(tube([(x, tall, -deep * 0.3), (x, grip, -deep * 0.3)], 0.018, detail=4), STEEL)
        )
    parts.append(
        Part(
            tube([(-0.19, grip, -deep * 0.3), (0.19, grip, -deep * 0.3)], 0.04, detail=6),
            painted((40, 40, 42)),
        )
    )
    for x in (-wide * 0.36, wide * 0.36):
        for z in (-deep * 0.28, deep * 0.28):
            wheel = revolve([(0, 0.06), (0.065, 0.06), (0.065, 0), (0, 0)], 20, 12).turned(
                rotation(roll=90)
            )
            parts.append(Part(wheel.moved(x, 0.066, z), painted((44, 44, 46))))
    return parts


KINDS = (
    Kind(
        "handbag",
        "accessories/bags/handbags",
        ("handbag", "bag", "shoulder bag"),
        ("tote", "satchel", "bowling", "bucket"),
        ("leather", "suede", "canvas"),
        PRINTS,
        (35, 320),
        handbag,
        motifs=0.35,
    ),
    Kind(
        "backpack",
        "accessories/bags/backpacks",
        ("backpack", "rucksack"),
        ("daypack", "rolltop", "heritage", "school"),
        ("nylon", "canvas", "leather"),
        PRINTS,
        (29, 159),
        backpack,
        motifs=0.6,
    ),
    Kind(
        "suitcase",
        "accessories/bags/suitcases",
        ("suitcase", "travel case"),
        ("hard", "soft", "retro"),
        ("plastic", "nylon", "leather", "aluminium"),
        tuple(p for p in CLOTHS if p != "tartan"),
        (59, 399),
        suitcase,
        motifs=0.4,
    ),
)
