"""Photos of one to three things whose boxes are known: drawn, or pasted of catalogue pictures."""

import csv
import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageChops, ImageDraw

from vitrine.demo.backdrop import VARIANTS, Backdrop, floor
from vitrine.demo.kinds import KINDS
from vitrine.demo.lens import Lens, develop
from vitrine.demo.mesh import Array
from vitrine.demo.photos import FLOORS, PAPERS, key_light, model
from vitrine.demo.products import product
from vitrine.demo.raster import Part
from vitrine.demo.scene import Framing, Scene, aim, placed, render

Box = tuple[float, float, float, float]

SIZES = ((600, 480), (480, 600), (540, 540))
WALLS = ("paint", "room", "shelves", "brick", "panels")
WHITE = 244
PRODUCTS = 4000


@dataclass(frozen=True)
class Known:
    """A photo, and the boxes of the things in it, in fractions."""

    photo: Image.Image
    boxes: list[Box]


def drawn(seed: int) -> Known:
    """Stand one, two or three products of the demo side by side in a room and photograph them."""
    random = np.random.default_rng([seed, 21])
    count = 1 + seed % 3
    things, lies = _things(random, count)
    rows, x = [], 0.0
    for parts in things:
        across = np.concatenate([part.mesh.points for part in parts])[:, 0]
        width = float(across.max() - across.min())
        depth, gap = float(random.uniform(-0.4, 0.2)), float(random.uniform(0.15, 0.5))
        rows.append(placed(parts, float(random.uniform(-35, 35)), x + width / 2, depth))
        x += width + gap
    size = SIZES[int(random.integers(3))]
    framing = Framing(
        pitch=float(random.uniform(50, 75) if lies else random.uniform(10, 35)),
        roll=float(random.normal(0, 3)),
        distance=float(random.uniform(4, 6)),
        fill=float(random.uniform(0.35, 0.8) if count == 1 else random.uniform(0.7, 0.92)),
        shift=(float(random.normal(0, 0.1 if count == 1 else 0.02)), float(random.normal(0, 0.08))),
    )
    backdrop = Backdrop(
        str(random.choice(["sweep", *FLOORS])),
        str(random.choice(WALLS)),
        PAPERS[int(random.integers(len(PAPERS)))],
        variant=int(random.integers(VARIANTS)),
    )
    everything = [part for parts in rows for part in parts]
    picture = render(Scene(everything, framing, key_light(random, 0.3), backdrop), size)
    photo = Image.open(io.BytesIO(develop(picture, Lens(noise=0.01), random))).convert("RGB")
    camera = aim(everything, framing, size)
    boxes = []
    for parts in rows:
        seen, _ = camera.project(np.concatenate([part.mesh.points for part in parts]))
        boxes.append(_around(seen / size))
    return Known(photo, boxes)


def _things(random: np.random.Generator, count: int) -> tuple[list[list[Part]], bool]:
    """Choose products; what lies on its back is photographed alone."""
    things: list[list[Part]] = []
    while True:
        design = product(1, int(random.integers(PRODUCTS))).design
        lies = KINDS[design.kind].pose == "lies"
        if lies and count > 1:
            continue
        things.append(list(model(design)))
        if len(things) == count:
            return things, lies


def _around(points: Array) -> Box:
    low, high = np.clip(points.min(0), 0, 1), np.clip(points.max(0), 0, 1)
    return float(low[0]), float(low[1]), float(high[0] - low[0]), float(high[1] - low[1])


def cut_outs(folder: Path, most: int) -> list[tuple[Image.Image, Image.Image]]:
    """Take things on white out of a folder of catalogue pictures, each with its mask."""
    found = []
    with (folder / "images.csv").open() as file:
        paths = [row["path"] for row in csv.DictReader(file)]
    for path in np.random.default_rng(3).permutation(paths):
        image = Image.open(folder / path).convert("RGB")
        white = np.asarray(image).min(2) > WHITE
        if np.concatenate([white[0], white[-1], white[:, 0], white[:, -1]]).mean() < 0.97:
            continue
        dark = ImageChops.invert(Image.fromarray((white * 255).astype(np.uint8)))
        wide = Image.new("L", (image.width + 2, image.height + 2), 0)
        wide.paste(dark, (1, 1))
        ImageDraw.floodfill(wide, (0, 0), 128)
        mask = np.asarray(wide)[1:-1, 1:-1] != 128
        if mask.mean() < 0.1:
            continue
        shape = Image.fromarray((mask * 255).astype(np.uint8))
        found.append((image.crop(shape.getbbox()), shape.crop(shape.getbbox())))
        if len(found) == most:
            break
    return found


def pasted(seed: int, things: list[tuple[Image.Image, Image.Image]]) -> Known:
    """Lay one, two or three cut-outs on a floor, apart from each other."""
    random = np.random.default_rng([seed, 22])
    count = 1 + seed % 3
    size = SIZES[int(random.integers(3))]
    ground = floor(str(random.choice([*FLOORS, "tiles"])), int(random.integers(VARIANTS)))
    pixels = (np.clip(ground[..., :3], 0, 1) * 255).astype(np.uint8)
    photo = Image.fromarray(pixels).resize(size, Image.Resampling.BICUBIC)
    boxes: list[Box] = []
    for _ in range(200):
        thing, mask = things[int(random.integers(len(things)))]
        area = random.uniform(0.12, 0.5) if count == 1 else random.uniform(0.07, 0.25)
        scale = (area * size[0] * size[1] / (thing.width * thing.height)) ** 0.5
        width, height = int(thing.width * scale), int(thing.height * scale)
        if width > size[0] * 0.95 or height > size[1] * 0.95:
            continue
        x = int(random.integers(0, size[0] - width))
        y = int(random.integers(0, size[1] - height))
        box = (x / size[0], y / size[1], width / size[0], height / size[1])
        if any(iou(box, other) > 0.02 for other in boxes):
            continue
        photo.paste(thing.resize((width, height)), (x, y), mask.resize((width, height)))
        boxes.append(box)
        if len(boxes) == count:
            break
    return Known(photo, boxes)


def iou(one: Box, other: Box) -> float:
    """Intersection over union."""
    across = min(one[0] + one[2], other[0] + other[2]) - max(one[0], other[0])
    down = min(one[1] + one[3], other[1] + other[3]) - max(one[1], other[1])
    if across <= 0 or down <= 0:
        return 0.0
    return across * down / (one[2] * one[3] + other[2] * other[3] - across * down)
