"""Motifs: small signs that are printed, stitched or painted onto products."""

import math
from collections.abc import Callable

from PIL import Image, ImageDraw, ImageFont

from vitrine.demo.palette import Rgb

Pen = ImageDraw.ImageDraw
Draw = Callable[[Pen, float, Rgb, Rgb], None]
_SCALE = 3


def motif(name: str, side: int, ink: Rgb, second: Rgb) -> Image.Image:
    """Draw a motif on a transparent square; a one-letter name is a monogram."""
    size = side * _SCALE
    # Transparent in the ink's own colour, so that no dark rim appears when it is scaled.
    picture = Image.new("RGBA", (size, size), (*ink, 0))
    pen = ImageDraw.Draw(picture)
    if len(name) == 1:
        _monogram(pen, name, size, ink)
    else:
        MOTIFS[name](pen, float(size), ink, second)
    return picture.resize((side, side), Image.Resampling.LANCZOS)


def _points(size: float, *pairs: tuple[float, float]) -> list[tuple[float, float]]:
    return [(x * size, y * size) for x, y in pairs]


def _disc(pen: Pen, size: float, at: tuple[float, float, float], fill: Rgb) -> None:
    x, y, r = (k * size for k in at)
    pen.ellipse([x - r, y - r, x + r, y + r], fill=fill)


def _monogram(pen: Pen, letter: str, size: int, ink: Rgb) -> None:
    pen.ellipse([size * 0.04, size * 0.04, size * 0.96, size * 0.96], outline=ink,
                width=size // 18)  # fmt: skip
    font = ImageFont.load_default(size=size * 0.62)
    pen.text(
        (size / 2, size / 2), letter, font=font, fill=ink, anchor="mm", stroke_width=size // 60
    )


def _star(pen: Pen, size: float, ink: Rgb, second: Rgb) -> None:
    tips = []
    for k in range(10):
        r = 0.48 if k % 2 == 0 else 0.2
        angle = math.pi * k / 5
        tips.append((0.5 + r * math.sin(angle), 0.52 - r * math.cos(angle)))
    pen.polygon(_points(size, *tips), fill=ink)


def _mountain(pen: Pen, size: float, ink: Rgb, second: Rgb) -> None:
    _disc(pen, size, (0.72, 0.25, 0.12), second)
    pen.polygon(
        _points(size, (0.02, 0.85), (0.4, 0.2), (0.6, 0.55), (0.7, 0.42), (0.98, 0.85)), fill=ink
    )
    pen.polygon(
        _points(size, (0.4, 0.2), (0.5, 0.38), (0.42, 0.44), (0.37, 0.38), (0.3, 0.37)), fill=second
    )


def _sun(pen: Pen, size: float, ink: Rgb, second: Rgb) -> None:
    for k in range(12):
        a, d = 2 * math.pi * k / 12, 0.12
        tip = (0.5 + 0.48 * math.sin(a), 0.5 - 0.48 * math.cos(a))
        foot = [(0.5 + 0.3 * math.sin(a + e), 0.5 - 0.3 * math.cos(a + e)) for e in (-d, d)]
        pen.polygon(_points(size, tip, *foot), fill=second)
    _disc(pen, size, (0.5, 0.5, 0.25), ink)


def _wave(pen: Pen, size: float, ink: Rgb, second: Rgb) -> None:
    for row, colour in ((0.3, ink), (0.5, second), (0.7, ink)):
        line = [(k / 40, row + 0.07 * math.sin(k / 40 * 4 * math.pi)) for k in range(41)]
        pen.line(_points(size, *line), fill=colour, width=int(size * 0.09), joint="curve")


def _leaf(pen: Pen, size: float, ink: Rgb, second: Rgb) -> None:
    side = [(0.5 + 0.3 * math.sin(math.pi * t / 20) ** 0.8, 0.04 + 0.8 * t / 20) for t in range(21)]
    mirror = [(1 - x, y) for x, y in reversed(side)]
    pen.polygon(_points(size, *side, *mirror), fill=ink)
    width = int(size * 0.025)
    pen.line(_points(size, (0.5, 0.14), (0.5, 0.98)), fill=second, width=width * 2)
    for y in (0.32, 0.46, 0.6):
        pen.line(
            _points(size, (0.34, y - 0.1), (0.5, y + 0.06), (0.66, y - 0.1)),
            fill=second,
            width=width,
        )


def _bolt(pen: Pen, size: float, ink: Rgb, second: Rgb) -> None:
    pen.polygon(_points(size, (0.6, 0.02), (0.2, 0.56), (0.46, 0.56), (0.36, 0.98), (0.8, 0.38),
                        (0.53, 0.38)), fill=ink)  # fmt: skip


def _anchor(pen: Pen, size: float, ink: Rgb, second: Rgb) -> None:
    w = int(size * 0.09)
    pen.ellipse([size * 0.4, size * 0.04, size * 0.6, size * 0.24], outline=ink, width=w)
    pen.line(_points(size, (0.5, 0.22), (0.5, 0.92)), fill=ink, width=w)
    pen.line(_points(size, (0.3, 0.36), (0.7, 0.36)), fill=ink, width=w)
    pen.arc([size * 0.12, size * 0.3, size * 0.88, size * 0.95], 15, 165, fill=ink, width=w)


def _heart(pen: Pen, size: float, ink: Rgb, second: Rgb) -> None:
    _disc(pen, size, (0.29, 0.33, 0.23), ink)
    _disc(pen, size, (0.71, 0.33, 0.23), ink)
    pen.polygon(_points(size, (0.09, 0.44), (0.5, 0.3), (0.91, 0.44), (0.5, 0.94)), fill=ink)


def _cat(pen: Pen, size: float, ink: Rgb, second: Rgb) -> None:
    pen.polygon(_points(size, (0.14, 0.05), (0.46, 0.3), (0.14, 0.55)), fill=ink)
    pen.polygon(_points(size, (0.86, 0.05), (0.54, 0.3), (0.86, 0.55)), fill=ink)
    pen.ellipse([size * 0.1, size * 0.22, size * 0.9, size * 0.92], fill=ink)
    _disc(pen, size, (0.34, 0.52, 0.07), second)
    _disc(pen, size, (0.66, 0.52, 0.07), second)
    pen.polygon(_points(size, (0.45, 0.64), (0.55, 0.64), (0.5, 0.71)), fill=second)


def _fish(pen: Pen, size: float, ink: Rgb, second: Rgb) -> None:
    pen.ellipse([size * 0.04, size * 0.28, size * 0.74, size * 0.72], fill=ink)
    pen.polygon(_points(size, (0.62, 0.5), (0.96, 0.24), (0.96, 0.76)), fill=ink)
    _disc(pen, size, (0.2, 0.45, 0.045), second)
    pen.arc(
        [size * 0.2, size * 0.3, size * 0.42, size * 0.7],
        -70,
        70,
        fill=second,
        width=int(size * 0.03),
    )


def _moon(pen: Pen, size: float, ink: Rgb, second: Rgb) -> None:
    rim = [(0.5 - 0.46 * math.sin(t * math.pi / 20), 0.5 - 0.46 * math.cos(t * math.pi / 20))
           for t in range(21)]  # fmt: skip
    hollow = [(0.5 - 0.2 * math.sin(t * math.pi / 20), 0.5 + 0.46 * math.cos(t * math.pi / 20))
              for t in range(21)]  # fmt: skip
    pen.polygon(_points(size, *[(x + 0.15, y) for x, y in rim + hollow]), fill=ink)
    _disc(pen, size, (0.74, 0.3, 0.06), second)


def _cactus(pen: Pen, size: float, ink: Rgb, second: Rgb) -> None:
    def arm(x: float, y: float, right: float, bottom: float) -> None:
        box = [x * size, y * size, right * size, bottom * size]
        pen.rounded_rectangle(box, radius=size * 0.07, fill=ink)

    arm(0.41, 0.06, 0.59, 0.8)
    arm(0.14, 0.28, 0.27, 0.58)
    arm(0.14, 0.46, 0.5, 0.58)
    arm(0.73, 0.2, 0.86, 0.48)
    arm(0.5, 0.37, 0.86, 0.48)
    pen.polygon(_points(size, (0.28, 0.72), (0.72, 0.72), (0.65, 0.98), (0.35, 0.98)), fill=second)


def _flower(pen: Pen, size: float, ink: Rgb, second: Rgb) -> None:
    for k in range(6):
        a = math.pi * k / 3
        _disc(pen, size, (0.5 + 0.27 * math.sin(a), 0.5 - 0.27 * math.cos(a), 0.2), ink)
    _disc(pen, size, (0.5, 0.5, 0.15), second)


def _crown(pen: Pen, size: float, ink: Rgb, second: Rgb) -> None:
    pen.polygon(
        _points(
            size,
            (0.06, 0.24),
            (0.3, 0.5),
            (0.5, 0.14),
            (0.7, 0.5),
            (0.94, 0.24),
            (0.86, 0.82),
            (0.14, 0.82),
        ),
        fill=ink,
    )
    for x in (0.3, 0.5, 0.7):
        _disc(pen, size, (x, 0.68, 0.05), second)


def _target(pen: Pen, size: float, ink: Rgb, second: Rgb) -> None:
    for r, colour in ((0.48, ink), (0.34, second), (0.2, ink)):
        _disc(pen, size, (0.5, 0.5, r), colour)


def _boat(pen: Pen, size: float, ink: Rgb, second: Rgb) -> None:
    pen.polygon(_points(size, (0.48, 0.04), (0.48, 0.62), (0.12, 0.62)), fill=ink)
    pen.polygon(_points(size, (0.54, 0.16), (0.54, 0.62), (0.84, 0.62)), fill=second)
    pen.polygon(_points(size, (0.06, 0.69), (0.94, 0.69), (0.76, 0.92), (0.24, 0.92)), fill=ink)


MOTIFS: dict[str, Draw] = {
    "star": _star, "mountain": _mountain, "sun": _sun, "wave": _wave, "leaf": _leaf,
    "bolt": _bolt, "anchor": _anchor, "heart": _heart, "cat": _cat, "fish": _fish,
    "moon": _moon, "cactus": _cactus, "flower": _flower, "crown": _crown, "target": _target,
    "boat": _boat,
}  # fmt: skip
