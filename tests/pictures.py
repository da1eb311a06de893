"""Pictures for tests, drawn from a seed: different seeds look different."""

import io

import numpy as np
from PIL import Image, ImageDraw


def picture(seed: int, *, size: tuple[int, int] = (320, 240)) -> Image.Image:
    """Draw some coloured shapes on a gradient."""
    rng = np.random.default_rng(seed)
    width, height = size
    ends = rng.integers(0, 256, (2, 3))
    ramp = np.linspace(0, 1, height)[:, None, None]
    ground = (ends[0] * (1 - ramp) + ends[1] * ramp).repeat(width, axis=1)
    image = Image.fromarray(ground.astype(np.uint8))
    draw = ImageDraw.Draw(image)
    for _ in range(12):
        x, y = rng.integers(0, width), rng.integers(0, height)
        w, h = rng.integers(10, width // 2), rng.integers(10, height // 2)
        colour = tuple(int(value) for value in rng.integers(0, 256, 3))
        shape = draw.ellipse if rng.random() < 0.5 else draw.rectangle
        shape((x, y, x + w, y + h), fill=colour)
    return image


def jpeg(seed: int, *, size: tuple[int, int] = (320, 240)) -> bytes:
    """The same as JPEG bytes."""
    buffer = io.BytesIO()
    picture(seed, size=size).save(buffer, "JPEG", quality=90)
    return buffer.getvalue()
