"""An explanation as a picture: both photos, warm where they match, and what matches what."""

import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from vitrine.search.heat import HARDLY_ALIKE, Box, Match, name_part

Rgb = tuple[int, int, int]

LONGEST_SIDE = 420
_MARGIN, _LINE, _LEAST_WIDTH = 20, 26, 640
_PAPER: Rgb = (255, 255, 255)
_INK: Rgb = (38, 38, 44)
_QUIET: Rgb = (120, 120, 128)
_GREY: Rgb = (214, 214, 216)
_PAIR_COLOURS: tuple[Rgb, ...] = ((0, 150, 199), (123, 44, 191), (56, 132, 60))
# From cold to hot, as in old photographs of stoves.
_HOT = np.array([(255, 244, 200), (255, 190, 60), (240, 90, 30), (150, 10, 30)], np.float32)
_STRONGEST = 0.62


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two photos; None where it is not kept. `seen`: the part that the heat lies on."""

    title: str
    photo: Image.Image | None
    heat: NDArray[np.floating]
    seen: Box


def draw(match: Match, query: Side, product: Side) -> bytes:
    """Draw both side by side with the strongest pairs marked, as PNG, at most 900 pixels wide."""
    left = _panel(query, [pair.query for pair in match.pairs])
    right = _panel(product, [pair.product for pair in match.pairs])
    tallest, lines = max(left.height, right.height), _captions(match)
    width = max(left.width + right.width + 3 * _MARGIN, _LEAST_WIDTH)
    below = _MARGIN + _LINE + tallest + _LINE // 2
    sheet = Image.new("RGB", (width, below + _LINE * len(lines) + _MARGIN), _PAPER)
    pen, x = ImageDraw.Draw(sheet), _MARGIN
    for panel, side in ((left, query), (right, product)):
        title = side.title if side.photo is not None else f"{side.title} (not kept)"
        pen.text((x, _MARGIN - 4), title, _QUIET, _font(15))
        sheet.paste(panel, (x, _MARGIN + _LINE + (tallest - panel.height) // 2))
        x += panel.width + _MARGIN
    for at, line in enumerate(lines):
        middle = below + at * _LINE + 9
        if at:
            _badge(pen, _MARGIN + 10, middle, at)
        pen.text((_MARGIN + (30 if at else 0), middle), line, _INK, _font(15), anchor="lm")
    out = io.BytesIO()
    sheet.save(out, "PNG", compress_level=4)
    return out.getvalue()


def _captions(match: Match) -> list[str]:
    parts = [(pair.query, pair.product, pair.share / match.cosine) for pair in match.pairs]
    return [headline(match.cosine)] + [in_words(*part) for part in parts]


def headline(cosine: float) -> str:
    """Say how alike two photos are."""
    if cosine <= HARDLY_ALIKE:
        return f"Similarity {cosine:.2f} of 1: the two are hardly alike."
    return f"Similarity {cosine:.2f} of 1; the warmer, the more of it is there."


def in_words(query: Box, product: Box, part: float) -> str:
    """Say which part matches which, and what part of the similarity that is."""
    # Where the rest of the photos is unlike, a part can add more than what remains in all.
    share = f"{part * 100:.0f} %" if part <= 1 else "100 %"
    rest = "" if part <= 1 else ", of which other parts take some away"
    return (
        f"The {name_part(query)} of the photo matches the {name_part(product)} of the product's "
        f"picture: {share} of the similarity{rest}."
    )


def _panel(side: Side, boxes: Sequence[Box]) -> Image.Image:
    """The photo, paler and warmed by its heat, with boxes on it."""
    photo = side.photo or Image.new("RGB", (LONGEST_SIDE - 60, LONGEST_SIDE - 60), _GREY)
    scale = LONGEST_SIDE / max(photo.size)
    size = max(24, round(photo.width * scale)), max(24, round(photo.height * scale))
    pixels = np.asarray(photo.convert("RGB").resize(size, Image.Resampling.BICUBIC), np.float32)
    heat = _spread(side.heat, side.seen, size)[..., None]
    grey = pixels.mean(2, keepdims=True)
    # Where it is cold, colours fade: what is left of them says where the match is.
    faded = pixels * (0.35 + 0.65 * heat) + (0.55 * grey + 0.45 * 235) * (0.65 - 0.65 * heat)
    warm = _colours(heat[..., 0])
    shown = faded * (1 - _STRONGEST * heat) + warm * _STRONGEST * heat
    panel = Image.fromarray(shown.clip(0, 255).astype(np.uint8))
    _mark(panel, side.seen, boxes)
    return panel


def _spread(heat: NDArray[np.floating], seen: Box, size: tuple[int, int]) -> NDArray[np.float32]:
    """Bring a heat to the size of a photo: 0 to 1, what takes away is cold [h, w]."""
    above = np.maximum(heat, 0).astype(np.float32)
    above /= max(float(above.max()), 1e-9)
    rows, columns = above.shape
    width, height = size
    down = _positions(height, rows, seen[1], seen[3])
    across = _positions(width, columns, seen[0], seen[2])
    return np.asarray(down @ above @ across.T, np.float32) ** 1.3


def _positions(pixels: int, places: int, start: float, length: float) -> NDArray[np.float32]:
    """Weights [pixels, places] of interpolation between places, even beyond the outermost."""
    at = ((np.arange(pixels) + 0.5) / pixels - start) / length * places - 0.5
    at = np.clip(at, 0, places - 1)
    low = np.minimum(at.astype(int), max(places - 2, 0))
    # Smooth, so that no edges show where there are none.
    part = at - low
    part = part * part * (3 - 2 * part)
    weights = np.zeros((pixels, places), np.float32)
    weights[np.arange(pixels), low] = 1 - part
    if places > 1:
        weights[np.arange(pixels), low + 1] = part
    return weights


def _colours(heat: NDArray[np.float32]) -> NDArray[np.float32]:
    """Colours [h, w, 3] of heats between 0 and 1."""
    stops = np.linspace(0, 1, len(_HOT))
    bands = [np.interp(heat, stops, _HOT[:, band]) for band in range(3)]
    return np.stack(bands, axis=-1).astype(np.float32)


def _mark(panel: Image.Image, seen: Box, boxes: Sequence[Box]) -> None:
    """Outline and number the boxes, the strongest last, so that it is on top."""
    pen = ImageDraw.Draw(panel)
    badges: list[tuple[int, int]] = []
    for at in reversed(range(len(boxes))):
        x, y, width, height = boxes[at]
        # Nested lines where boxes coincide.
        inset = 3 + 4 * at
        left, top = (seen[0] + x * seen[2]) * panel.width, (seen[1] + y * seen[3]) * panel.height
        right, bottom = left + width * seen[2] * panel.width, top + height * seen[3] * panel.height
        left, top = max(left, 0) + inset, max(top, 0) + inset
        right, bottom = min(right, panel.width) - inset, min(bottom, panel.height) - inset
        if right - left < 4 or bottom - top < 4:
            continue
        outline = [left, top, right, bottom]
        pen.rounded_rectangle(outline, 6, outline=(255, 255, 255), width=5)
        inner = [left + 1, top + 1, right - 1, bottom - 1]
        colour = _PAIR_COLOURS[at % len(_PAIR_COLOURS)]
        pen.rounded_rectangle(inner, 6, outline=colour, width=3)
        x_badge, y_badge = round(left + 14), round(top + 14)
        while any(abs(x_badge - u) < 22 and abs(y_badge - v) < 22 for u, v in badges):
            x_badge += 24
        badges.append((x_badge, y_badge))
        _badge(pen, x_badge, y_badge, at + 1)


def _badge(pen: ImageDraw.ImageDraw, x: int, y: int, number: int) -> None:
    colour = _PAIR_COLOURS[(number - 1) % len(_PAIR_COLOURS)]
    pen.ellipse([x - 10, y - 10, x + 10, y + 10], colour, (255, 255, 255), 1)
    pen.text((x, y), str(number), (255, 255, 255), _font(13), anchor="mm")


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)
