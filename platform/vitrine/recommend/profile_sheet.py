"""A profile as a picture: a row for each interest with its products, what it weighs, and words."""

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from PIL import Image, ImageDraw, ImageFont

from vitrine.recommend.thumbnails import SIDE

Rgb = tuple[int, int, int]

WIDTH = 960
MOST_PICTURES = 8
_MARGIN, _LINE, _GAP = 24, 24, 10
_BAR_WIDTH, _BAR_HEIGHT = 120, 10
_ROW = SIDE + _LINE + 30
_PAPER: Rgb = (255, 255, 255)
_INK: Rgb = (38, 38, 44)
_QUIET: Rgb = (120, 120, 128)
_TRACK: Rgb = (232, 232, 236)
_GREY: Rgb = (224, 224, 228)
_LIKED: Rgb = (56, 132, 60)
_DISLIKED: Rgb = (176, 58, 46)


@dataclass(frozen=True, slots=True)
class Row:
    """One interest; the first picture stands for it, None is a picture that is not kept."""

    words: str
    weight: float
    count: int
    pictures: Sequence[Image.Image | None]


def draw_sheet(words: Sequence[str], interests: Sequence[Row], dislikes: Sequence[Row]) -> bytes:
    """Draw it as PNG, `WIDTH` pixels wide."""
    lines = [line for sentence in words for line in _wrapped(sentence, WIDTH - 2 * _MARGIN)]
    sections = [("Interests", interests, _LIKED), ("Dislikes", dislikes, _DISLIKED)]
    sections = [section for section in sections if section[1]]
    height = 2 * _MARGIN + _LINE * len(lines)
    height += sum(2 * _LINE + _ROW * len(rows) for _, rows, _ in sections)
    sheet = Image.new("RGB", (WIDTH, height), _PAPER)
    pen, y = ImageDraw.Draw(sheet), _MARGIN
    for line in lines:
        pen.text((_MARGIN, y), line, _INK, _font(15))
        y += _LINE
    for title, rows, colour in sections:
        y += _LINE // 2
        pen.text((_MARGIN, y), title, colour, _font(20))
        y += _LINE + _LINE // 2
        for row in rows:
            _draw_row(sheet, pen, y, row, colour)
            y += _ROW
    out = io.BytesIO()
    sheet.save(out, "PNG", compress_level=4)
    return out.getvalue()


def _draw_row(sheet: Image.Image, pen: ImageDraw.ImageDraw, y: int, row: Row, colour: Rgb) -> None:
    bar = (_MARGIN, y + 5, _MARGIN + _BAR_WIDTH, y + 5 + _BAR_HEIGHT)
    pen.rounded_rectangle(bar, 5, _TRACK)
    filled = max(_BAR_HEIGHT, round(_BAR_WIDTH * min(1.0, row.weight)))
    pen.rounded_rectangle((*bar[:2], bar[0] + filled, bar[3]), 5, colour)
    share = f"{row.weight * 100:.0f} %"
    pen.text((bar[2] + _GAP, y + 10), share, _INK, _font(15), anchor="lm")
    x = bar[2] + 64
    first, *rest = _wrapped(row.words, WIDTH - x - 2 * _MARGIN)
    pen.text((x, y + 10), f"{first} …" if rest else first, _INK, _font(15), anchor="lm")
    left, top = _MARGIN, y + _LINE + 4
    for at, picture in enumerate(row.pictures[:MOST_PICTURES]):
        sheet.paste(picture or Image.new("RGB", (SIDE, SIDE), _GREY), (left, top))
        if at == 0:
            # The one that stands for all.
            pen.rectangle((left - 3, top - 3, left + SIDE + 2, top + SIDE + 2), None, colour, 3)
        left += SIDE + _GAP + (_GAP if at == 0 else 0)
    more = row.count - min(len(row.pictures), MOST_PICTURES)
    if more > 0:
        pen.text((left, top + SIDE // 2), f"+ {more}", _QUIET, _font(18), anchor="lm")


def _wrapped(text: str, width: int) -> Iterator[str]:
    """Break a sentence into lines that fit; what is one long word is cut."""
    font, line = _font(15), ""
    for word in text.split():
        longer = f"{line} {word}".strip()
        if line and font.getlength(longer) > width:
            yield line
            longer = word
        while font.getlength(longer) > width:
            longer = longer[:-1]
        line = longer
    yield line


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)
