"""What a camera adds: exposure, white balance, blur, noise, the JPEG."""

import io
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageFilter

from vitrine.demo.mesh import Array, f32


@dataclass(frozen=True)
class Lens:
    """`balance`: gains of red and blue; `motion`: pixels, degrees; `noise`: part of full scale."""

    exposure: float = 1.0
    balance: tuple[float, float] = (1.0, 1.0)
    contrast: float = 1.0
    vignette: float = 0.0
    blur: float = 0.0
    motion: tuple[float, float] = (0.0, 0.0)
    noise: float = 0.0
    quality: int = 90


def develop(picture: Array, lens: Lens, rng: np.random.Generator) -> bytes:
    """Turn linear RGB [h, w, 3] into the bytes of a JPEG."""
    height, width, _ = picture.shape
    light = picture * (f32([lens.balance[0], 1.0, lens.balance[1]]) * lens.exposure)
    if lens.vignette:
        x, y = np.linspace(-1, 1, width)[None], np.linspace(-1, 1, height)[:, None]
        light *= (1 - lens.vignette * (x * x + y * y) / 2).astype(np.float32)[..., None]
    # A soft shoulder: bright parts keep their colour instead of burning out.
    bright = light > 0.7
    light[bright] = 0.7 + 0.3 * np.tanh((light[bright] - 0.7) / 0.3)
    tone = (np.sqrt(light) - 0.5) * (255 * lens.contrast) + 127.5
    image = Image.fromarray(np.clip(tone, 0, 255).astype(np.uint8))
    if lens.blur:
        image = image.filter(ImageFilter.GaussianBlur(lens.blur))
    if lens.motion[0] >= 1:
        image = _moved(image, *lens.motion)
    if lens.noise:
        image = _noisy(image, lens.noise, rng)
    out = io.BytesIO()
    image.save(out, "JPEG", quality=lens.quality, subsampling=2 if lens.quality < 90 else 0)
    return out.getvalue()


def _moved(image: Image.Image, pixels: float, degrees: float) -> Image.Image:
    steps = max(3, int(pixels))
    total = np.zeros((image.height, image.width, 3), np.float32)
    for t in np.linspace(-0.5, 0.5, steps):
        dx = float(t * pixels * np.cos(np.radians(degrees)))
        dy = float(t * pixels * np.sin(np.radians(degrees)))
        moved = image.transform(
            image.size, Image.Transform.AFFINE, (1, 0, dx, 0, 1, dy), Image.Resampling.BILINEAR
        )
        total += np.asarray(moved, np.float32)
    inner = (total / steps).astype(np.uint8)
    edge = int(pixels / 2) + 1
    box = (edge, edge, image.width - edge, image.height - edge)
    return Image.fromarray(inner).crop(box).resize(image.size, Image.Resampling.BICUBIC)


def _noisy(image: Image.Image, strength: float, rng: np.random.Generator) -> Image.Image:
    """Add sensor noise: grain by pixel, and the colour blotches that a phone leaves."""
    shape = (image.height, image.width)
    grain = rng.standard_normal(shape, np.float32)[..., None]
    coarse = rng.standard_normal((shape[0] // 4 + 1, shape[1] // 4 + 1, 3), np.float32)
    blotch = np.repeat(np.repeat(coarse, 4, 0), 4, 1)[: shape[0], : shape[1]]
    pixels = np.asarray(image, np.float32) + (grain + 0.5 * blotch) * (strength * 255)
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))
