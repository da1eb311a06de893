"""Things for the table: mug, plate, teapot, bottle."""

import numpy as np

from vitrine.demo.design import BRASS, STEEL, Design, Kind, metal, painted, shaded, timber
from vitrine.demo.mesh import Array, curve, f32, resample, revolve, rotation, tube
from vitrine.demo.palette import darker, lighter
from vitrine.demo.raster import Part

GLAZED = (
    "plain",
    "striped",
    "hooped",
    "dotted",
    "floral",
    "leaves",
    "gradient",
    "chevron",
    "waves",
    "colour-block",
    "terrazzo",
    "triangles",
    "stars",
    "brushed",
    "scales",
)


def _radius_at(profile: Array, y: float) -> float:
    """Return the radius of an outer profile (top to bottom) at a height."""
    return float(np.interp(y, profile[::-1, 1], profile[::-1, 0]))


def mug(d: Design) -> list[Part]:
    rng = d.rng()
    tall = {"tall": 1.25, "espresso": 0.8}.get(d.style, 1.0) * rng.uniform(0.92, 1.08)
    top = rng.uniform(0.4, 0.47)
    foot = top * {"tapered": rng.uniform(0.6, 0.75), "rounded": 0.62}.get(d.style, 0.98)
    belly = max(top, foot) * (rng.uniform(1.04, 1.14) if d.style == "rounded" else 1.0)
    middle = (top + foot) / 2 if d.style != "rounded" else belly
    outer = curve([(top, tall), (middle, tall * 0.5), (foot, tall * 0.06), (foot * 0.93, 0)])
    line = resample(np.array(outer), 40)
    inner = [(top * 0.93, tall), (middle * 0.92, tall * 0.5), (foot * 0.9, 0.1), (0.0, 0.08)]
    dark = shaded(revolve(curve(inner)), lambda p: 0.3 + 0.7 * (p[:, 1] / tall) ** 1.5)
    inside = d.palette.base if rng.random() < 0.3 else lighter(d.palette.base, 0.75)
    if rng.random() < 0.25:
        inside = d.palette.second
    rim = [(top * 0.925, tall - 0.01), (top * 0.96, tall + 0.018), (top * 1.003, tall - 0.01)]
    skin = d.skin(2 * np.pi * top / tall, width=768, at=[(0.5, 0.5)], size=rng.uniform(0.4, 0.6))
    trim = d.palette.second if rng.random() < 0.35 else d.palette.base
    return [
        Part(revolve(outer), skin),
        Part(dark, d.one(inside)),
        Part(revolve(curve(rim), detail=8), d.one(trim)),
        Part(_handle(d, line, tall, rng), d.one(trim)),
    ]


def _handle(d: Design, line: Array, tall: float, rng: np.random.Generator):  # type: ignore[no-untyped-def]
    high, low = tall * rng.uniform(0.76, 0.88), tall * rng.uniform(0.16, 0.3)
    a, b = _radius_at(line, high) * 0.97, _radius_at(line, low) * 0.97
    reach = rng.uniform(0.22, 0.34)
    shape = int(rng.integers(3))
    if shape == 0:
        path = [
            (a, high),
            (a + reach, high * 0.98),
            (a + reach * 1.1, (high + low) / 2),
            (b + reach * 0.6, low * 1.2),
            (b, low),
        ]
    elif shape == 1:
        path = [(a, high), (a + reach * 0.9, high), (a + reach, high * 0.9), (b + reach, low * 1.4),
                (b + reach * 0.85, low), (b, low)]  # fmt: skip
    else:
        path = [(a, high), (a + reach * 0.7, high * 1.03), (a + reach * 1.15, high * 0.8), (b, low)]
    thick = rng.uniform(0.05, 0.075)
    return tube(
        [(x, y, 0) for x, y in path], thick, segments=12, detail=28, flatten=rng.uniform(0.6, 1.0)
    )


def plate(d: Design) -> list[Part]:
    rng = d.rng()
    deep = {"bowl": rng.uniform(0.38, 0.5), "deep": 0.22}.get(d.style, rng.uniform(0.08, 0.13))
    radius = 0.62 if d.style == "bowl" else rng.uniform(0.78, 0.95)
    well = radius * (0.3 if d.style == "bowl" else rng.uniform(0.58, 0.72))
    if d.style == "bowl":
        line = [
            (radius, deep),
            (radius * 0.9, deep * 0.5),
            (well * 1.4, deep * 0.16),
            (well * 0.6, 0.05),
            (0.0, 0.045),
        ]
    else:
        lip = radius * 0.98
        line = [
            (lip, deep),
            ((lip + well) / 2, deep * 0.8),
            (well, deep * 0.32),
            (well * 0.85, 0.05),
            (0, 0.045),
        ]
    inner = shaded(revolve(curve(line), 46), lambda p: 0.75 + 0.25 * p[:, 1] / deep)
    outer = [
        (radius, deep),
        (radius * 1.012, deep - 0.015),
        (radius * 0.8, deep * 0.4),
        (well * 0.9, 0.0),
    ]
    skin = d.skin(rng.choice([2.2, 3.2]), width=768)
    pixels = skin.texture.copy()
    height = len(pixels)
    ring = f32(d.palette.accent if rng.random() < 0.5 else d.palette.second) / 255
    edge = max(2, int(height * rng.uniform(0.02, 0.06)))
    pixels[:edge] = ring
    if rng.random() < 0.6:
        # The pattern stays on the border; the well is of one colour.
        cut = int(height * rng.uniform(0.32, 0.5))
        pixels[cut:] = f32(lighter(d.palette.base, 0.5)) / 255
        pixels[cut : cut + edge // 2 + 1] = ring
    back = d.palette.base if rng.random() < 0.5 else lighter(d.palette.base, 0.6)
    return [Part(inner, d.surface(pixels)), Part(revolve(curve(outer), 46, 16), d.one(back))]


def teapot(d: Design) -> list[Part]:
    rng = d.rng()
    r = rng.uniform(0.48, 0.58)
    tall = {"round": 0.82, "tall": 1.15, "low": 0.62}[d.style] * rng.uniform(0.95, 1.05)
    neck = r * rng.uniform(0.45, 0.6)
    high = 0.62 if d.style == "tall" else 0.5
    outer = curve([(neck, tall), (r * 0.8, tall * 0.86), (r, tall * high), (r * 0.9, tall * 0.2),
                   (r * 0.62, 0.02), (r * 0.55, 0)])  # fmt: skip
    cap = rng.uniform(0.08, 0.2)
    lid = curve(
        [
            (0.0, tall + cap),
            (neck * 0.6, tall + cap * 0.75),
            (neck * 1.02, tall + 0.02),
            (neck, tall - 0.03),
        ]
    )
    line = resample(np.array(outer), 40)
    mouth = _radius_at(line, tall * 0.4)
    reach = mouth + rng.uniform(0.3, 0.42)
    spout = tube(
        [
            (-mouth * 0.9, tall * 0.36, 0),
            (-mouth - 0.14, tall * 0.42, 0),
            (-reach * 0.93, tall * 0.72, 0),
            (-reach - 0.06, tall * 0.96, 0),
        ],
        lambda t: 0.13 - 0.085 * t**0.7,
        segments=16,
    )
    knob = rng.uniform(0.06, 0.09)
    ball = revolve(
        [
            (0.0, knob * 2),
            (knob * 0.7, knob * 1.7),
            (knob, knob),
            (knob * 0.5, 0.1 * knob),
            (knob * 0.4, 0),
        ],
        24,
        16,
    ).moved(y=tall + cap - 0.02)
    if rng.random() < 0.35:
        handle = tube([(-r * 0.75, tall * 0.85, 0), (-r * 0.7, tall + 0.35, 0), (0, tall + 0.58, 0),
                       (r * 0.7, tall + 0.35, 0), (r * 0.75, tall * 0.85, 0)], 0.035)  # fmt: skip
        grip = timber((176, 128, 82), d.seed) if rng.random() < 0.5 else BRASS
    else:
        handle, grip = _handle(d, line, tall, rng), d.one(d.palette.base)
    accent = d.palette.second if rng.random() < 0.4 else d.palette.base
    skin = d.skin(2 * np.pi * r / tall / 1.2, width=768, at=[(0.5, 0.5)], size=0.4)
    return [
        Part(revolve(outer), skin),
        Part(revolve(lid, detail=20), d.one(accent)),
        Part(ball, d.one(accent)),
        Part(spout, d.one(d.palette.base)),
        Part(handle, grip),
    ]


def bottle(d: Design) -> list[Part]:
    rng = d.rng()
    r, tall = rng.uniform(0.24, 0.32), rng.uniform(1.25, 1.6)
    neck = r * {"flask": 0.95, "carafe": 0.5}.get(d.style, rng.uniform(0.4, 0.6))
    shoulder = tall * rng.uniform(0.68, 0.8)
    if d.style == "carafe":
        outer = curve(
            [
                (neck * 1.2, tall),
                (neck * 0.9, tall * 0.8),
                (r * 0.8, tall * 0.5),
                (r * 1.5, tall * 0.2),
                (r * 1.35, 0.03),
                (r * 1.3, 0),
            ]
        )
    else:
        outer = [
            (neck, tall),
            (neck, shoulder + 0.14),
            *curve(
                [(neck * 1.02, shoulder + 0.13), (r * 0.93, shoulder), (r, shoulder - 0.14)], 14
            ),
            (r, 0.05),
            (r * 0.95, 0.0),
        ]
    cap_r, cap_h = neck * (1.02 if d.style == "carafe" else 1.12), rng.uniform(0.1, 0.26)
    cap = [(0.0, cap_h), (cap_r * 0.88, cap_h), (cap_r, cap_h * 0.88), (cap_r, 0.0)]
    lid = timber((188, 142, 96), d.seed) if rng.random() < 0.35 else metal(rng)
    if rng.random() < 0.3:
        lid = painted(d.palette.accent)
    body = revolve(outer, detail=56)
    skin = d.skin(2 * np.pi * r / tall, width=512, at=[(0.5, 0.62)], size=rng.uniform(0.16, 0.24))
    parts = [Part(body, skin), Part(revolve(cap, 40, 24).moved(y=tall - 0.03), lid)]
    if d.style == "sport":
        loop = tube(
            [(-cap_r, 0, 0), (-cap_r * 0.9, 0.2, 0), (cap_r * 0.9, 0.2, 0), (cap_r, 0, 0)], 0.035
        )
        parts.append(Part(loop.moved(y=tall + cap_h * 0.5), painted(darker(d.palette.second, 0.1))))
    if rng.random() < 0.45:
        band = rng.uniform(0.1, 0.6) * shoulder
        wide = r * (1.5 if d.style == "carafe" else 1.0) * 1.012
        if d.style != "carafe":
            ring = revolve([(wide, band + rng.uniform(0.04, 0.12)), (wide, band)], 48, 6)
            parts.append(
                Part(ring, STEEL if rng.random() < 0.3 else painted(d.palette.accent, 0.5))
            )
    return parts


def tilted(parts: list[Part], pitch: float, lift: float) -> list[Part]:
    """Lean a thing back and lift it so that it stands on the floor again."""
    turn = rotation(pitch=pitch)
    return [Part(p.mesh.turned(turn).moved(y=lift), p.surface) for p in parts]


KINDS = (
    Kind(
        "mug",
        "home/kitchen/mugs",
        ("mug", "coffee mug", "cup"),
        ("straight", "tapered", "rounded", "tall", "espresso"),
        ("porcelain", "ceramic", "stoneware", "enamel"),
        GLAZED,
        (8, 32),
        mug,
        motifs=0.45,
    ),
    Kind(
        "plate",
        "home/kitchen/plates",
        ("plate", "dinner plate", "serving dish"),
        ("flat", "deep", "bowl"),
        ("porcelain", "ceramic", "stoneware"),
        GLAZED,
        (9, 48),
        plate,
        motifs=0.0,
    ),
    Kind(
        "teapot",
        "home/kitchen/teapots",
        ("teapot", "tea pot"),
        ("round", "tall", "low"),
        ("porcelain", "ceramic", "stoneware"),
        GLAZED,
        (24, 89),
        teapot,
    ),
    Kind(
        "bottle",
        "home/kitchen/bottles",
        ("bottle", "water bottle", "drinking bottle"),
        ("classic", "flask", "carafe", "sport"),
        ("aluminium", "glass", "plastic", "enamel"),
        GLAZED,
        (12, 45),
        bottle,
        motifs=0.5,
    ),
)
