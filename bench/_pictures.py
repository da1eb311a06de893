"""The files that benchmarks decode: drawn products, photographed for a shop and by a phone."""

import io

import numpy as np
from PIL import Image

from vitrine.demo.photos import photo
from vitrine.demo.products import catalogue
from vitrine.demo.queries import query_photo

CATALOGUE, PHONE = (400, 500), (1600, 1200)
DRAWN = 4
# A phone's sensor has grain, and it is grain that makes a JPEG of a photo as long as it is.
GRAIN = {CATALOGUE: 1.0, PHONE: 3.0}
QUALITY = 88


def pictures(size: tuple[int, int], count: int) -> list[bytes]:
    """`count` JPEGs of this size, no two alike: a few drawings, cut, mirrored and grained."""
    random = np.random.default_rng(1)
    products = catalogue(1, DRAWN)
    take = query_photo if size == PHONE else lambda seed, product: photo(seed, product, 0)
    drawn = [Image.open(io.BytesIO(take(1, product))).convert("RGB") for product in products]
    return [_jpeg(drawn[at % DRAWN], size, random) for at in range(count)]


def _jpeg(drawn: Image.Image, size: tuple[int, int], random: np.random.Generator) -> bytes:
    aspect = size[0] / size[1]
    width = min(drawn.width, drawn.height * aspect) * random.uniform(0.85, 1.0)
    height = width / aspect
    left = random.uniform(0, drawn.width - width)
    top = random.uniform(0, drawn.height - height)
    cut = drawn.resize(size, Image.Resampling.BICUBIC, box=(left, top, left + width, top + height))
    if random.random() < 0.5:
        cut = cut.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    pixels = np.asarray(cut, np.float32) + random.normal(0, GRAIN[size], (size[1], size[0], 3))
    out = io.BytesIO()
    grained = Image.fromarray(pixels.clip(0, 255).astype(np.uint8))
    grained.save(out, "JPEG", quality=QUALITY)
    return out.getvalue()
