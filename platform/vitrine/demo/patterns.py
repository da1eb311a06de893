"""Patterns: what is printed, woven or glazed onto a product. All repeat from left to right."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from vitrine.demo.mesh import Array, f32
from vitrine.demo.palette import Palette, Rgb, darker, lighter, mixed

Pen = ImageDraw.ImageDraw
_SUPERSAMPLE = 2


@dataclass(frozen=True)
class Print:
    """A pattern in its colours. `scale` 1 fits eight repeats into a width; `seed` varies it."""

    pattern: str
    palette: Palette
    scale: float
    seed: int


@dataclass(frozen=True)
class Sheet:
    """What a pattern draws on: `unit` is the length of one repeat and divides the width."""

    pen: Pen
    width: int
    height: int
    unit: float
    palette: Palette
    rng: np.random.Generator

    def around(self, x: float) -> tuple[float, float]:
        """Return the places where something near the seam has to be drawn."""
        return x, x - self.width if x > self.width / 2 else x + self.width

    def disc(self, x: float, y: float, r: float, fill: Rgb) -> None:
        for at in self.around(x):
            self.pen.ellipse([at - r, y - r, at + r, y + r], fill=fill)

    def polygon(self, points: list[tuple[float, float]], fill: Rgb) -> None:
        for shift in (0, self.width, -self.width):
            self.pen.polygon([(x + shift, y) for x, y in points], fill=fill)


def paint(design: Print, aspect: float = 1.0, width: int = 512) -> Image.Image:
    """Draw the pattern on a picture of `width`; `aspect` is width over height."""
    full, height = width * _SUPERSAMPLE, max(8, round(width / aspect)) * _SUPERSAMPLE
    rng = np.random.default_rng(design.seed)
    picture = Image.new("RGB", (full, height), design.palette.base)
    repeats = max(2, 2 * round(4 / design.scale))
    PATTERNS[design.pattern](
        Sheet(ImageDraw.Draw(picture), full, height, full / repeats, design.palette, rng)
    )
    return picture.resize((width, height // _SUPERSAMPLE), Image.Resampling.BOX)


def _plain(_: Sheet) -> None:
    return


def _stripes(s: Sheet) -> None:
    part = s.rng.uniform(0.25, 0.6)
    thin = s.rng.random() < 0.4
    for k in range(round(s.width / s.unit)):
        x = k * s.unit
        s.pen.rectangle([x, 0, x + s.unit * part, s.height], fill=s.palette.second)
        if thin:
            x += s.unit * (1 + part) / 2
            s.pen.rectangle(
                [x - s.unit * 0.05, 0, x + s.unit * 0.05, s.height], fill=s.palette.accent
            )


def _hoops(s: Sheet) -> None:
    part = s.rng.uniform(0.2, 0.6)
    both = s.rng.random() < 0.4
    y, k = s.unit * 0.3, 0
    while y < s.height:
        colour = s.palette.accent if both and k % 2 else s.palette.second
        s.pen.rectangle([0, y, s.width, y + s.unit * part], fill=colour)
        y, k = y + s.unit, k + 1


def _diagonal(s: Sheet) -> None:
    part, lean = s.rng.uniform(0.25, 0.55), s.rng.choice([-1, 1])
    for k in range(-round(s.height / s.unit) - 2, round((s.width + s.height) / s.unit) + 2):
        x = k * s.unit
        top, bottom = (x, x + s.height) if lean > 0 else (x + s.height, x)
        band = s.unit * part
        points = [(top, 0.0), (top + band, 0.0), (bottom + band, s.height), (bottom, s.height)]
        s.pen.polygon([(px - s.height / 2, py) for px, py in points], fill=s.palette.second)


def _gingham(s: Sheet) -> None:
    half = mixed(s.palette.base, s.palette.second, 0.5)
    cell = s.unit / 2
    for row in range(int(s.height / cell) + 1):
        for column in range(round(s.width / cell)):
            both = row % 2 + column % 2
            if both:
                box = [column * cell, row * cell, (column + 1) * cell, (row + 1) * cell]
                s.pen.rectangle(box, fill=s.palette.second if both == 2 else half)


def _tartan(s: Sheet) -> None:
    unit, pen, p = s.unit * 2, s.pen, s.palette
    lines = [(0.0, 0.3, p.second), (0.42, 0.08, p.accent), (0.62, 0.12, darker(p.base, 0.4))]
    warp = Image.new("L", (s.width, s.height), 0)
    for upright in (True, False):
        length = s.width if upright else s.height
        for k in range(int(length / unit) + 1):
            for at, thick, colour in lines:
                a, b = (k + at) * unit, (k + at + thick) * unit
                box = [a, 0, b, s.height] if upright else [0, a, s.width, b]
                if upright:
                    pen.rectangle(box, fill=colour)
                    ImageDraw.Draw(warp).rectangle(box, fill=255)
                else:
                    _woven(s, warp, box, colour)


def _woven(s: Sheet, warp: Image.Image, box: list[float], colour: Rgb) -> None:
    """Lay a weft over the warp: half of each shows where they cross."""
    left, top, right, bottom = (int(v) for v in box)
    picture = s.pen._image
    area = (left, top, right, min(bottom, s.height))
    if area[3] <= area[1]:
        return
    under = picture.crop(area)
    plain = Image.new("RGB", under.size, colour)
    picture.paste(Image.blend(under, plain, 0.55), area)
    picture.paste(plain, area, warp.crop(area).point(lambda v: 255 - v))


def _dots(s: Sheet) -> None:
    r, many = s.unit * s.rng.uniform(0.16, 0.34), s.rng.random() < 0.35
    rows = int(s.height / (s.unit / 2)) + 2
    for row in range(rows):
        for column in range(round(s.width / s.unit)):
            x = (column + (row % 2) / 2) * s.unit
            colour = s.palette.accent if many and (row + column) % 2 else s.palette.second
            s.disc(x, row * s.unit / 2, r, colour)


def _confetti(s: Sheet) -> None:
    count = int(s.width * s.height / s.unit**2 * 5)
    colours = (s.palette.second, s.palette.accent, lighter(s.palette.second, 0.4))
    for _ in range(count):
        x, y = s.rng.uniform(0, s.width), s.rng.uniform(0, s.height)
        angle, length = s.rng.uniform(0, math.pi), s.unit * s.rng.uniform(0.1, 0.25)
        dx, dy = math.cos(angle) * length, math.sin(angle) * length
        wide = s.unit * 0.05
        points = [(x - dx - dy / length * wide, y - dy + dx / length * wide),
                  (x - dx + dy / length * wide, y - dy - dx / length * wide),
                  (x + dx + dy / length * wide, y + dy - dx / length * wide),
                  (x + dx - dy / length * wide, y + dy + dx / length * wide)]  # fmt: skip
        s.polygon(points, colours[int(s.rng.integers(3))])


def _terrazzo(s: Sheet) -> None:
    colours = (s.palette.second, s.palette.accent, darker(s.palette.base, 0.35))
    for _ in range(int(s.width * s.height / s.unit**2 * 3.2)):
        x, y = s.rng.uniform(0, s.width), s.rng.uniform(0, s.height)
        size = s.unit * s.rng.uniform(0.06, 0.28)
        angles = np.sort(s.rng.uniform(0, 2 * math.pi, int(s.rng.integers(4, 7))))
        points = [(x + size * math.cos(a), y + size * 0.8 * math.sin(a)) for a in angles]
        s.polygon(points, colours[int(s.rng.integers(3))])


def _places(s: Sheet, gap: float) -> list[tuple[float, float]]:
    """Scatter places about `gap` apart, around the seam too."""
    columns = max(2, round(s.width / gap))
    step = s.width / columns
    found = []
    for row in range(int(s.height / step) + 1):
        for column in range(columns):
            dx, dy = s.rng.uniform(-0.24, 0.24, 2)
            x = (column + 0.25 + row % 2 / 2 + dx) * step
            found.append((x % s.width, (row + 0.4 + dy) * step))
    return [found[int(k)] for k in s.rng.permutation(len(found))]


def _floral(s: Sheet) -> None:
    petals = int(s.rng.integers(5, 9))
    leaf = (88, 128, 84) if sum(s.palette.base) > 300 else (140, 172, 120)
    for x, y in _places(s, s.unit * s.rng.uniform(0.75, 1.0)):
        r, spin = s.unit * s.rng.uniform(0.2, 0.34), s.rng.uniform(0, math.pi)
        for side in (-1, 1):
            _petal(s, x, y, (spin + side * 0.7, r * 2.1, r * 0.5), leaf)
        ink = s.palette.second if s.rng.random() < 0.7 else s.palette.accent
        for k in range(petals):
            _petal(s, x, y, (spin + 2 * math.pi * k / petals, r * 1.35, r * 0.62), ink)
        s.disc(x, y, r * 0.32, s.palette.accent if ink == s.palette.second else s.palette.base)


def _petal(s: Sheet, x: float, y: float, shape: tuple[float, float, float], fill: Rgb) -> None:
    angle, length, wide = shape
    c, d = math.cos(angle), math.sin(angle)
    outline = []
    for k in range(13):
        t = k / 12
        outline.append((t * length, math.sin(math.pi * t**0.7) * wide / 2))
    outline += [(a, -b) for a, b in reversed(outline)]
    s.polygon([(x + a * c - b * d, y + a * d + b * c) for a, b in outline], fill)


def _leaves(s: Sheet) -> None:
    inks = (s.palette.second, mixed(s.palette.second, s.palette.base, 0.4), s.palette.accent)
    for x, y in _places(s, s.unit * 0.6):
        angle, ink = s.rng.uniform(0, 2 * math.pi), inks[int(s.rng.choice(3, p=[0.5, 0.35, 0.15]))]
        for k in range(5):
            t = k / 4 * s.unit * 0.6
            for side in (-0.8, 0.8):
                px, py = x + math.cos(angle) * t, y + math.sin(angle) * t
                _petal(s, px, py, (angle + side, s.unit * 0.34 * (1 - k / 7), s.unit * 0.13), ink)


def _gradient(s: Sheet) -> None:
    ends = (s.palette.base, s.palette.second)
    low, high = sorted(s.rng.uniform(0.1, 0.95, 2))
    for y in range(s.height):
        t = float(np.clip((y / s.height - low) / (high - low + 0.15), 0, 1))
        s.pen.line([0, y, s.width, y], fill=mixed(*ends, t * t * (3 - 2 * t)))


def _chevron(s: Sheet) -> None:
    tall, thick = s.unit * s.rng.uniform(0.3, 0.6), s.unit * s.rng.uniform(0.2, 0.36)
    row, k = -s.unit, 0
    many = s.rng.random() < 0.5
    while row < s.height + s.unit:
        top = []
        for i in range(2 * round(s.width / s.unit) + 1):
            top.append((i * s.unit / 2, row + (tall if i % 2 else 0.0)))
        band = top + [(x, y + thick) for x, y in reversed(top)]
        s.pen.polygon(band, fill=s.palette.accent if many and k % 2 else s.palette.second)
        row, k = row + thick * 2.2, k + 1


def _waves(s: Sheet) -> None:
    tall, gap = s.unit * s.rng.uniform(0.12, 0.3), s.unit * s.rng.uniform(0.4, 0.7)
    y = -gap
    while y < s.height + gap:
        line = [
            (x, y + tall * math.sin(2 * math.pi * x / s.unit / 2)) for x in range(0, s.width + 9, 8)
        ]
        s.pen.line(line, fill=s.palette.second, width=int(gap * 0.38), joint="curve")
        y += gap


def _blocks(s: Sheet) -> None:
    cut, tilt = s.rng.uniform(0.35, 0.65) * s.height, s.rng.choice([0, 0, 0.12]) * s.height
    lower = [
        (0.0, cut + tilt),
        (s.width / 2, cut - tilt),
        (s.width, cut + tilt),
        (s.width, s.height),
        (0, s.height),
    ]
    s.pen.polygon(lower, fill=s.palette.second)
    if s.rng.random() < 0.5:
        band = s.height * s.rng.uniform(0.03, 0.08)
        edge = [(x, y) for x, y in lower[:3]]
        s.pen.polygon(edge + [(x, y + band) for x, y in reversed(edge)], fill=s.palette.accent)


def _scales(s: Sheet) -> None:
    r = s.unit / 2
    for row in range(-1, int(s.height / r) + 2):
        for column in range(round(s.width / s.unit)):
            x, y = (column + (row % 2) / 2) * s.unit, row * r
            s.disc(x, y, r * 0.96, s.palette.second)
            s.disc(x, y, r * 0.74, s.palette.base)
            s.disc(x, y, r * 0.4, s.palette.accent)


def _triangles(s: Sheet) -> None:
    inks = (
        s.palette.second,
        s.palette.accent,
        lighter(s.palette.base, 0.3),
        darker(s.palette.base, 0.2),
    )
    half, tall = s.unit / 2, s.unit * 0.87
    for row in range(int(s.height / tall) + 1):
        for k in range(2 * round(s.width / s.unit)):
            x, up = k * half, (k + row) % 2 == 0
            y0, y1 = (row + 1, row) if up else (row, row + 1)
            pick = int(s.rng.integers(6))
            if pick < 4:
                s.polygon(
                    [(x - half, y0 * tall), (x + half, y0 * tall), (x, y1 * tall)], inks[pick]
                )


def _stars(s: Sheet) -> None:
    tips = int(s.rng.choice([4, 5, 6]))
    for x, y in _places(s, s.unit * 0.55):
        r, spin = s.unit * s.rng.uniform(0.12, 0.26), s.rng.uniform(0, 1)
        rim = [(r if k % 2 == 0 else r * 0.42, math.pi * k / tips + spin) for k in range(2 * tips)]
        ink = s.palette.second if s.rng.random() < 0.75 else s.palette.accent
        s.polygon([(x + a * math.sin(b), y - a * math.cos(b)) for a, b in rim], ink)


def _brush(s: Sheet) -> None:
    inks = (s.palette.second, s.palette.accent, lighter(s.palette.second, 0.35))
    for x, y in _places(s, s.unit * 0.8):
        ink, angle = inks[int(s.rng.integers(3))], s.rng.normal(0.3, 0.25)
        length, thick = s.unit * s.rng.uniform(0.5, 1.1), s.unit * s.rng.uniform(0.14, 0.3)
        for _ in range(5):
            dy, cut = s.rng.normal(0, thick / 3), length * s.rng.uniform(0.7, 1)
            _petal(s, x - math.cos(angle) * cut / 2, y + dy - math.sin(angle) * cut / 2,
                   (angle, cut, thick), ink)  # fmt: skip


PATTERNS: dict[str, Callable[[Sheet], None]] = {
    "plain": _plain, "striped": _stripes, "hooped": _hoops, "diagonal": _diagonal,
    "gingham": _gingham, "tartan": _tartan, "dotted": _dots, "confetti": _confetti,
    "terrazzo": _terrazzo, "floral": _floral, "leaves": _leaves, "gradient": _gradient,
    "chevron": _chevron, "waves": _waves, "colour-block": _blocks, "scales": _scales,
    "triangles": _triangles, "stars": _stars, "brushed": _brush,
}  # fmt: skip


def texture(picture: Image.Image, *, weave: float = 0.0, seed: int = 0) -> Array:
    """Return a picture as a texture, with a woven or speckled grain of strength `weave`."""
    pixels = np.asarray(picture, np.float32) / 255
    if weave:
        rng = np.random.default_rng(seed)
        height, width = pixels.shape[:2]
        noise = rng.normal(0, 1, (height, width)).astype(np.float32)
        threads = noise + np.roll(noise, 1, 0) + np.roll(noise, 1, 1)
        pixels[..., :3] *= 1 + weave * 0.5 * threads[..., None]
        np.clip(pixels, 0, 1, out=pixels)
    return pixels


def plain(colour: Rgb) -> Array:
    """Return a texture of one colour."""
    return f32(np.full((4, 4, 3), colour)) / 255


def wood(
    tone: Rgb, seed: int, *, width: int = 256, height: int = 256, upright: bool = True
) -> Array:
    """Return a wooden texture; the grain runs along v when `upright`."""
    rng = np.random.default_rng(seed)
    small = rng.normal(0, 1, (6, 48))
    grain = Image.fromarray(small.astype(np.float32)).resize(
        (width, height), Image.Resampling.BICUBIC
    )
    fine = Image.fromarray(rng.normal(0, 1, (10, width)).astype(np.float32))
    lines = np.asarray(grain) * 0.09 + np.asarray(fine.resize((width, height))) * 0.05
    pixels = f32(tone) / 255 * (1 + lines[..., None] * f32([1, 1.1, 1.3]))
    if not upright:
        pixels = pixels.transpose(1, 0, 2)
    return np.asarray(np.clip(pixels, 0, 1), np.float32)


def blurred(picture: Image.Image, radius: float) -> Image.Image:
    return picture.filter(ImageFilter.GaussianBlur(radius))
