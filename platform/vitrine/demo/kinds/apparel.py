"""Things to wear: t-shirts and dresses, laid out flat, and hats."""

from dataclasses import replace

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from vitrine.demo.design import Design, Kind, shaded
from vitrine.demo.kinds.home import CLOTHS
from vitrine.demo.mesh import Array, curve, grid, revolve, spline
from vitrine.demo.motifs import motif
from vitrine.demo.palette import Rgb, darker
from vitrine.demo.patterns import texture
from vitrine.demo.raster import Part

SIDE = 640
# The cloth is a grid of so many points a side.
CELLS = 92
Outline = list[tuple[float, float]]


def laid(d: Design, picture: Image.Image, size: float, lift: float) -> list[Part]:
    """Lay an RGBA picture of a garment onto the floor as soft cloth with folds."""
    alpha = picture.getchannel("A").resize((CELLS, CELLS), Image.Resampling.BOX)
    soft = np.asarray(alpha.filter(ImageFilter.GaussianBlur(CELLS / 28)), np.float32) / 255
    mask = np.asarray(alpha, np.float32) / 255
    body = np.clip(soft * 2 - 1, 0, 1) ** 0.5 * mask
    height = lift * body * (1 + 0.22 * _folds(np.random.default_rng(d.seed + 2)))
    at = (np.arange(CELLS) + 0.5) / CELLS
    z, x = np.meshgrid((at - 0.5) * size, (at - 0.5) * size, indexing="ij")
    near = np.asarray(alpha.filter(ImageFilter.MaxFilter(3))) > 0
    mesh = grid(np.stack([x, height + 0.004, z], axis=-1), keep=near)
    pixels = texture(picture, weave=d.matter.weave, seed=d.seed)
    return [Part(mesh, d.surface(pixels))]


def _folds(rng: np.random.Generator) -> Array:
    """Return long soft creases that run mostly down the cloth."""
    y, x = np.mgrid[0 : 1 : CELLS * 1j, 0 : 1 : CELLS * 1j]
    total = np.zeros((CELLS, CELLS), np.float32)
    for _ in range(9):
        angle, at, width = rng.normal(0, 0.5), rng.uniform(0.3, 0.7), rng.uniform(0.015, 0.035)
        along = (x - at) * np.cos(angle) + (y - rng.uniform(0.3, 0.8)) * np.sin(angle)
        ends = np.exp(-(((y - rng.uniform(0.3, 0.9)) / rng.uniform(0.1, 0.3)) ** 2))
        total += (rng.uniform(-1.2, 1.2) * np.exp(-((along / width) ** 2)) * ends).astype(
            np.float32
        )
    return total


def _mask(outline: Outline, holes: list[Outline] | None = None) -> Image.Image:
    big = Image.new("L", (SIDE * 2, SIDE * 2), 0)
    pen = ImageDraw.Draw(big)
    pen.polygon([(x * SIDE * 2, y * SIDE * 2) for x, y in outline], fill=255)
    for hole in holes or []:
        pen.polygon([(x * SIDE * 2, y * SIDE * 2) for x, y in hole], fill=0)
    return big.resize((SIDE, SIDE), Image.Resampling.BOX)


def _mirrored(right: Outline) -> Outline:
    """Close the right half of an outline (from the middle of the top, downwards)."""
    return right + [(1 - x, y) for x, y in reversed(right)]


def _smooth(points: Outline, count: int = 30) -> Outline:
    return [(float(x), float(y)) for x, y in spline(points, count)]


def _line(pen: ImageDraw.ImageDraw, points: Outline, ink: tuple[int, ...], width: int) -> None:
    pen.line([(x * SIDE, y * SIDE) for x, y in points], fill=ink, width=width, joint="curve")


def tshirt(d: Design) -> list[Part]:
    rng = d.rng()
    half = rng.uniform(0.19, 0.235)  # of the chest
    shoulder, top = half * rng.uniform(0.86, 0.95), 0.2
    hem, flare = rng.uniform(0.8, 0.88), rng.uniform(0.97, 1.08)
    neck = rng.uniform(0.072, 0.095)
    depth = {"v-neck": rng.uniform(0.13, 0.17), "tank": 0.14}.get(d.style, rng.uniform(0.05, 0.075))
    pit = top + 0.16
    if d.style == "tank":
        side = [
            (0.5 + shoulder * 0.72, top + 0.005),
            *_smooth([(0.5 + shoulder * 0.66, top + 0.1), (0.5 + half, pit + 0.03)], 8),
        ]
        cuff: Outline = []
    else:
        long = rng.uniform(0.26, 0.31) if d.style == "long-sleeve" else rng.uniform(0.09, 0.13)
        drop = rng.uniform(0.8, 1.25) if d.style == "long-sleeve" else rng.uniform(0.5, 0.9)
        tip = (0.5 + shoulder + long * 0.8, top + 0.045 + long * drop * 1.2)
        wide = 0.062 if d.style == "long-sleeve" else 0.1
        end = (tip[0] - wide * 0.75, tip[1] + wide * 0.62)
        side = [(0.5 + shoulder, top + 0.035), tip, end, (0.5 + half, pit)]
        cuff = [tip, end]
    right = [
        (0.5 + neck, top),
        *side,
        *_smooth([(0.5 + half, pit), (0.5 + half * 0.97, 0.6), (0.5 + half * flare, hem)], 12),
    ]
    middle = [(0.5, top - 0.005)]
    outline = _mirrored([*middle, *right, (0.5, hem + 0.012)])
    dip = (_smooth if d.style != "v-neck" else list)(
        [
            (0.5 - neck, top - 0.02),
            (0.5 - neck * 0.8, top + depth * 0.6) if d.style != "v-neck" else (0.5 - neck, top),
            (0.5, top + depth),
            (0.5 + neck * 0.8, top + depth * 0.6) if d.style != "v-neck" else (0.5 + neck, top),
            (0.5 + neck, top - 0.02),
        ]
    )
    picture = d.picture(1.0, SIDE)
    _sleeves(d, picture, (0.5 + shoulder, top), (0.5 + half, pit), rng)
    pen = ImageDraw.Draw(picture)
    ink = darker(d.palette.base, 0.25)
    trim = d.palette.second if rng.random() < 0.35 else darker(d.palette.base, 0.12)
    _line(pen, dip[1:-1], trim, 17)
    _line(pen, [(0.2, hem - 0.018), (0.8, hem - 0.018)], ink, 2)
    for flip in (False, True):
        edge = [(1 - x if flip else x, y) for x, y in cuff]
        if edge:
            inner = [(x + (0.014 if flip else -0.014), y - 0.012) for x, y in edge]
            _line(
                pen,
                inner,
                trim if trim == d.palette.second else ink,
                12 if trim == d.palette.second else 2,
            )
        seam = [
            (0.5 + shoulder * 0.97, top + 0.02),
            (0.5 + shoulder * 0.93, pit - 0.06),
            (0.5 + half, pit),
        ]
        _line(pen, [(1 - x if flip else x, y) for x, y in _smooth(seam, 10)], ink, 2)
    _chest(d, picture, top, rng)
    inside = picture.copy()
    inside.putalpha(_mask(outline, [dip]))
    back = Image.new("RGB", (SIDE, SIDE), darker(d.palette.base, 0.3))
    ImageDraw.Draw(back).rectangle(
        [SIDE * 0.48, top * SIDE + 8, SIDE * 0.52, top * SIDE + 22], fill=(230, 228, 220)
    )
    back.putalpha(_mask([(x, max(y, top - 0.003)) for x, y in dip]))
    return [*laid(d, inside, 1.6, 0.085), *laid(d, back, 1.6, 0.02)]


def _sleeves(
    d: Design,
    picture: Image.Image,
    shoulder: tuple[float, float],
    pit: tuple[float, float],
    rng: np.random.Generator,
) -> None:
    """Give some shirts sleeves in the second colour."""
    if d.style == "tank" or rng.random() > 0.3:
        return
    pen = ImageDraw.Draw(picture)
    raglan = rng.random() < 0.5
    start = (0.5 + 0.08, shoulder[1] - 0.02) if raglan else (shoulder[0] * 0.99, shoulder[1] - 0.03)
    for flip in (False, True):
        area = [start, (1.0, 0.0), (1.0, 1.0), (pit[0] + 0.004, 1.0), pit]
        pen.polygon(
            [((1 - x if flip else x) * SIDE, y * SIDE) for x, y in area], fill=d.palette.second
        )


def _chest(d: Design, picture: Image.Image, top: float, rng: np.random.Generator) -> None:
    if d.motif:
        large = rng.random() < 0.7
        side = int(SIDE * (rng.uniform(0.15, 0.24) if large else 0.06))
        stamp = motif(d.motif, side, d.palette.second, d.palette.accent)
        x = 0.5 if large else 0.6
        y = top + (rng.uniform(0.19, 0.26) if large else 0.15)
        picture.paste(stamp, (int(x * SIDE - side / 2), int(y * SIDE - side / 2)), stamp)
    if rng.random() < 0.15 and d.style != "tank":
        x, y, w = 0.56 * SIDE, (top + 0.16) * SIDE, 0.075 * SIDE
        pen = ImageDraw.Draw(picture)
        pen.polygon([(x, y), (x + w, y), (x + w, y + w), (x + w / 2, y + w * 1.2), (x, y + w)],
                    fill=d.palette.accent, outline=darker(d.palette.accent, 0.3))  # fmt: skip


def dress(d: Design) -> list[Part]:
    rng = d.rng()
    bust, waist = rng.uniform(0.115, 0.135), rng.uniform(0.088, 0.105)
    top, middle = 0.1, rng.uniform(0.34, 0.4)
    hem = {"midi": rng.uniform(0.84, 0.9), "maxi": 0.95}.get(d.style, rng.uniform(0.72, 0.8))
    skirt = {"sheath": rng.uniform(0.11, 0.14), "maxi": 0.24}.get(d.style, rng.uniform(0.22, 0.32))
    pit = top + 0.12
    sleeve = int(rng.integers(3))
    neck = rng.uniform(0.05, 0.075)
    shoulder = neck + rng.uniform(0.03, 0.045)
    if sleeve == 0:
        arm: Outline = [
            (0.5 + shoulder, top + 0.008),
            (0.5 + shoulder * 0.97, top + 0.06),
            (0.5 + bust, pit),
        ]
    else:
        long = 0.07 if sleeve == 1 else rng.uniform(0.16, 0.24)
        tip = (0.5 + shoulder + long * 0.7, top + 0.035 + long)
        arm = [
            (0.5 + shoulder, top + 0.015),
            tip,
            (tip[0] - 0.05, tip[1] + 0.035),
            (0.5 + bust, pit),
        ]
    lower = _smooth(
        [
            (0.5 + waist, middle),
            (0.5 + (waist + skirt) / 2 * 0.97, (middle + hem) / 2),
            (0.5 + skirt, hem),
        ],
        16,
    )
    right = [
        (0.5, top),
        (0.5 + neck, top),
        *arm,
        *_smooth([(0.5 + bust, pit), (0.5 + waist, middle)], 8),
        *lower,
    ]
    bow = [(0.5 + skirt * 0.5, hem + 0.018), (0.5, hem + 0.025)]
    dip = _smooth(
        [
            (0.5 - neck, top - 0.01),
            (0.5 - neck * 0.7, top + 0.05),
            (0.5, top + rng.uniform(0.06, 0.13)),
            (0.5 + neck * 0.7, top + 0.05),
            (0.5 + neck, top - 0.01),
        ]
    )
    picture = d.picture(1.0, SIDE)
    pen = ImageDraw.Draw(picture)
    trim = d.palette.second if rng.random() < 0.5 else darker(d.palette.base, 0.2)
    if rng.random() < 0.6:
        pen.rectangle(
            [SIDE * 0.3, (middle - 0.014) * SIDE, SIDE * 0.7, (middle + 0.014) * SIDE], fill=trim
        )
    if rng.random() < 0.35:
        pen.rectangle(
            [0, (hem - rng.uniform(0.03, 0.12)) * SIDE, SIDE, SIDE], fill=d.palette.second
        )
    if rng.random() < 0.3:
        for y in np.arange(top + 0.14, middle, 0.035):
            pen.ellipse(
                [SIDE * 0.5 - 4, y * SIDE - 4, SIDE * 0.5 + 4, y * SIDE + 4], fill=d.palette.accent
            )
    _line(pen, dip[1:-1], trim, 9)
    _pleats(picture, middle, hem, (waist, skirt))
    picture.putalpha(_mask(_mirrored([*right, *bow]), [dip]))
    back = Image.new("RGB", (SIDE, SIDE), darker(d.palette.base, 0.35))
    back.putalpha(_mask([(x, max(y, top - 0.002)) for x, y in dip]))
    return [*laid(d, picture, 2.0, 0.075), *laid(d, back, 2.0, 0.015)]


def _pleats(picture: Image.Image, top: float, hem: float, widths: tuple[float, float]) -> None:
    """Shade the folds of a skirt: lines that spread from the waist to the hem."""
    lines = Image.new("L", picture.size, 0)
    pen = ImageDraw.Draw(lines)
    for t in np.linspace(-0.85, 0.85, 9):
        start = (0.5 + float(t) * widths[0], top + 0.03)
        end = (0.5 + float(t) * widths[1], hem + 0.02)
        _line(pen, [start, end], (70,), 6)
    soft = lines.filter(ImageFilter.GaussianBlur(5))
    picture.paste((25, 22, 30), (0, 0), soft)


def hat(d: Design) -> list[Part]:
    rng = d.rng()
    if d.style == "cap":
        return _cap(d, rng)
    r, tall = rng.uniform(0.42, 0.48), rng.uniform(0.4, 0.52)
    brim = r + {"bucket": rng.uniform(0.16, 0.22), "sun-hat": rng.uniform(0.42, 0.55)}.get(
        d.style, rng.uniform(0.22, 0.32)
    )
    narrow = r * rng.uniform(0.72, 0.88)
    dent = 0.12 if d.style == "fedora" else 0.0
    line = curve(
        [
            (0.0, tall - dent),
            (narrow * 0.6, tall),
            (narrow * 0.98, tall * 0.95),
            (r * 0.97, tall * 0.4),
            (r, 0.06),
        ],
        40,
    )
    aspect = 2 * np.pi * r / tall
    skin = d.skin(aspect, width=640, at=[(0.5, 0.75)] if d.style == "bucket" else [], size=0.35)
    crown = revolve(line, 46, 28)
    droop = {"bucket": -0.2, "sun-hat": -0.06}.get(d.style, 0.05)
    flat = revolve(
        [(brim, 0.06 + droop), ((brim + r) / 2, 0.05 + droop * 0.3), (r * 0.98, 0.06)], 72, 14
    )
    bend = rng.uniform(0.0, 0.12)
    if d.style != "bucket":
        points = flat.points.copy()
        out = np.clip((np.hypot(points[:, 0], points[:, 2]) - r) / (brim - r), 0, 1)
        points[:, 1] += bend * out * np.cos(2 * np.arctan2(points[:, 0], points[:, 2]) + np.pi)
        flat = replace(flat, points=points)
    lift = max(0.0, -float(flat.points[:, 1].min()))
    parts = [Part(crown, skin), Part(flat, d.skin(aspect, width=512))]
    if d.style != "bucket":
        band = [(r * 1.012, 0.06 + rng.uniform(0.07, 0.14)), (r * 1.02, 0.055)]
        colour: Rgb = d.palette.second if rng.random() < 0.7 else d.palette.accent
        parts.append(Part(revolve(band, 46, 6), d.one(colour)))
    return [Part(p.mesh.scaled(0.88, 1, 1).moved(y=lift + 0.005), p.surface) for p in parts]


def _cap(d: Design, rng: np.random.Generator) -> list[Part]:
    r, tall = 0.46, rng.uniform(0.38, 0.46)
    line = curve(
        [(0.0, tall), (r * 0.5, tall * 0.93), (r * 0.9, tall * 0.6), (r, 0.08), (r, 0)], 36
    )
    skin = d.skin(3.4, width=640, at=[(0.5, 0.62)], size=rng.uniform(0.42, 0.6))
    reach = rng.uniform(0.36, 0.46)
    s, t = np.meshgrid(np.linspace(-1, 1, 30), np.linspace(0, 1, 12))
    angle = s * 1.25
    edge = np.cos(angle * 0.95) ** 0.6
    radius = r * 0.99 + t * reach * edge
    y = 0.03 + t * 0.02 - 0.13 * np.sin(angle) ** 2 * (0.25 + t)
    peak = grid(np.stack([radius * np.sin(angle), y + 0.12, radius * np.cos(angle)], axis=-1))
    colour = d.palette.second if rng.random() < 0.5 else d.palette.base
    button = revolve([(0, 0.03), (0.04, 0.015), (0.045, 0)], 16, 8).moved(y=tall + 0.1)
    crown = shaded(revolve(line, 46, 28), lambda p: 0.8 + 0.2 * p[:, 1] / tall).moved(y=0.1)
    parts = [Part(crown, skin), Part(peak, d.one(colour)), Part(button, d.one(colour))]
    lift = -min(float(p.mesh.points[:, 1].min()) for p in parts)
    return [Part(p.mesh.moved(y=lift), p.surface) for p in parts]


KINDS = (
    Kind(
        "t-shirt",
        "apparel/tops/t-shirts",
        ("t-shirt", "tee", "top"),
        ("crew-neck", "v-neck", "long-sleeve", "tank"),
        ("cotton", "linen", "wool"),
        ("plain", *CLOTHS),
        (12, 49),
        tshirt,
        "lies",
        motifs=0.55,
    ),
    Kind(
        "dress",
        "apparel/dresses",
        ("dress", "summer dress"),
        ("a-line", "sheath", "midi", "maxi"),
        ("cotton", "linen", "silk"),
        CLOTHS,
        (39, 189),
        dress,
        "lies",
        motifs=0.0,
    ),
    Kind(
        "hat",
        "accessories/hats",
        ("hat", "headwear"),
        ("bucket", "fedora", "sun-hat", "cap"),
        ("cotton", "felt", "straw", "canvas", "wool"),
        CLOTHS,
        (15, 79),
        hat,
        motifs=0.5,
    ),
)
