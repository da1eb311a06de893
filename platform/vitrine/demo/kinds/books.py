"""Books: hardcover, pocket book, notebook."""

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from vitrine.demo.design import Design, Kind, painted
from vitrine.demo.kinds.tableware import GLAZED, tilted
from vitrine.demo.mesh import panel, rotation, slab
from vitrine.demo.motifs import motif
from vitrine.demo.palette import lighter
from vitrine.demo.patterns import texture
from vitrine.demo.raster import Part, Surface

TITLES = (
    "North",
    "Tides",
    "Small Rooms",
    "Salt",
    "Field Notes",
    "The Orchard",
    "Paper Moon",
    "Harbour",
    "Slow Bread",
    "Nine Hills",
    "Glass",
    "Night Train",
    "Wild Garden",
    "Signals",
    "Clay",
    "Echo",
)


def book(d: Design) -> list[Part]:
    rng = d.rng()
    wide, tall = rng.uniform(0.72, 0.9), rng.uniform(1.05, 1.2)
    if d.style == "square":
        wide = tall = 0.95
    thick = {"pocket": 0.1, "notebook": 0.09}.get(d.style, rng.uniform(0.13, 0.24))
    cover = d.picture(wide / tall, 512)
    _letter(d, cover, rng)
    front = d.surface(texture(cover, weave=d.matter.weave, seed=d.seed))
    plain_side = d.one(d.palette.base if rng.random() < 0.6 else d.palette.second)
    lines = np.ones((8, 48, 3), np.float32) * 0.93
    lines[:, ::4] *= 0.87
    pages = slab((wide * 0.94, tall * 0.965, thick - 0.06), corner=0.02, edge=0.02).moved(
        x=0.012, y=tall * 0.018
    )
    turn = rotation(yaw=90)
    parts = [
        Part(panel(wide, tall).moved(y=tall / 2, z=thick / 2), front),
        Part(panel(wide, tall).moved(y=tall / 2, z=thick / 2 - 0.02), plain_side),
        Part(panel(wide, tall).moved(y=tall / 2, z=-thick / 2), plain_side),
        Part(panel(thick, tall).turned(turn).moved(-wide / 2, tall / 2), plain_side),
        Part(pages, Surface(lines, 0.0)),
    ]
    if d.style == "notebook":
        band = panel(0.05, tall * 1.005).moved(wide * 0.36, tall / 2, thick / 2 + 0.006)
        parts.append(Part(band, painted(d.palette.accent)))
    return tilted(parts, -4, 0.012)


def _letter(d: Design, cover: Image.Image, rng: np.random.Generator) -> None:
    w, h = cover.size
    pen = ImageDraw.Draw(cover)
    title = TITLES[d.seed % len(TITLES)]
    place = rng.uniform(0.12, 0.3) if rng.random() < 0.6 else rng.uniform(0.6, 0.78)
    ink = d.palette.accent
    if d.pattern != "plain":
        box = [w * 0.1, h * (place - 0.08), w * 0.9, h * (place + 0.13)]
        pen.rectangle(box, fill=lighter(d.palette.base, 0.1))
        if rng.random() < 0.5:
            pen.rectangle([box[0] + 6, box[1] + 6, box[2] - 6, box[3] - 6], outline=ink, width=3)
    size = min(78.0, w * 0.72 / max(4, len(title)) * 1.75)
    pen.text(
        (w / 2, h * place),
        title,
        font=ImageFont.load_default(size=size),
        fill=ink,
        anchor="mm",
        stroke_width=1,
    )
    names = ("A. Lindqvist", "M. Okoro", "R. Tanaka", "S. Moreau", "J. Vargas")
    pen.text(
        (w / 2, h * (place + 0.085)),
        names[d.seed % 5],
        font=ImageFont.load_default(size=26),
        fill=ink,
        anchor="mm",
    )
    if d.motif:
        side = int(w * rng.uniform(0.34, 0.6))
        y = h * (0.62 if place < 0.5 else 0.3)
        stamp = motif(d.motif, side, d.palette.second, d.palette.accent)
        cover.paste(stamp, (int(w / 2 - side / 2), int(y - side / 2)), stamp)


KINDS = (
    Kind(
        "book",
        "books/stationery",
        ("book", "notebook", "journal"),
        ("hardcover", "pocket", "square", "notebook"),
        ("paper", "linen"),
        GLAZED,
        (7, 38),
        book,
        motifs=0.5,
    ),
)
