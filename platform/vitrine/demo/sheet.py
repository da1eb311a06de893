"""A contact sheet: a row for each product, its photos and at the end the shopper's."""

from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw

from vitrine.demo.listing import Listing

CELL, GAP, MOST = 220, 8, 6


def contact_sheet(listings: Sequence[Listing], path: Path, *, rows: int = 40) -> None:
    """Write a PNG of the first `rows` products, two side by side."""
    shown = listings[:rows]
    lines = (len(shown) + 1) // 2
    block = MOST * (CELL + GAP) + 3 * GAP
    sheet = Image.new("RGB", (block * 2, lines * (CELL + GAP + 16)), (250, 250, 249))
    pen = ImageDraw.Draw(sheet)
    for k, listing in enumerate(shown):
        x, y = (k % 2) * block + GAP, (k // 2) * (CELL + GAP + 16)
        pen.text((x, y + 2), listing.product.title, fill=(60, 60, 64))
        pictures = [*listing.photos[: MOST - 1]]
        for column, source in enumerate(pictures):
            _paste(sheet, source, x + column * (CELL + GAP), y + 16)
        if listing.query:
            _paste(sheet, listing.query, x + (MOST - 1) * (CELL + GAP) + GAP, y + 16)
    sheet.save(path)


def _paste(sheet: Image.Image, source: Path, x: int, y: int) -> None:
    with Image.open(source) as picture:
        picture.draft("RGB", (CELL, CELL))
        small = picture.convert("RGB")
        small.thumbnail((CELL, CELL), Image.Resampling.LANCZOS)
    sheet.paste(small, (x + (CELL - small.width) // 2, y + (CELL - small.height) // 2))
