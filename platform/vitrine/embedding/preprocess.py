"""From pictures to the numbers that a model takes: the one implementation, for every runtime.

It repeats timm's evaluation transform (timm/data/transforms_factory.py) with Pillow and numpy, so
that answering a query needs no torch. A test holds the two side by side.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps

from vitrine.embedding.specs import Preprocessing

Pixels = npt.NDArray[np.float32]
FittedPixels = npt.NDArray[np.uint8]

_RESAMPLING = {
    "nearest": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "box": Image.Resampling.BOX,
    "hamming": Image.Resampling.HAMMING,
    "lanczos": Image.Resampling.LANCZOS,
}


def preprocess(images: Sequence[Image.Image], how: Preprocessing) -> Pixels:
    """Scale, crop and normalise: float32 [n, 3, height, width]."""
    return normalise(fit(images, how), how)


def fit(images: Sequence[Image.Image], how: Preprocessing) -> FittedPixels:
    """Scale and crop to what the model sees: uint8 [n, height, width, 3]."""
    _, height, width = how.input_size
    pixels = np.empty((len(images), height, width, 3), np.uint8)
    for at, image in enumerate(images):
        pixels[at] = np.asarray(_fit(image, how))
    return pixels


def normalise(pixels: FittedPixels, how: Preprocessing) -> Pixels:
    """From uint8 [n, height, width, 3] to float32 [n, 3, height, width]."""
    mean = np.asarray(how.mean, np.float32)
    std = np.asarray(how.std, np.float32)
    # (pixel / 255 - mean) / std, as one multiplication and one subtraction; plane by plane, since
    # numpy is five times slower where its innermost loop has three steps.
    factors, offsets = np.float32(1) / (np.float32(255) * std), mean / std
    numbers = np.empty((len(pixels), 3, *pixels.shape[1:3]), np.float32)
    for channel in range(3):
        plane = numbers[:, channel]
        np.multiply(pixels[..., channel], factors[channel], out=plane)
        plane -= offsets[channel]
    return numbers


def _fit(image: Image.Image, how: Preprocessing) -> Image.Image:
    if image.mode != "RGB":
        image = image.convert("RGB")
    _, height, width = how.input_size
    resampling = _RESAMPLING[how.interpolation]
    size = _scaled(image.size, how)
    if size != image.size:
        image = image.resize(size, resampling)
    red, green, blue = how.mean if how.crop_mode == "border" else (0, 0, 0)
    fill = round(255 * red), round(255 * green), round(255 * blue)
    return _crop_or_pad(image, width, height, fill)


def seen_part(size: tuple[int, int], how: Preprocessing) -> tuple[float, float, float, float]:
    """Say which part of a picture of this size the model sees.

    x, y, width and height in fractions of it; where it is padded they reach beyond it.
    """
    _, height, width = how.input_size
    across, down = _scaled(size, how)
    x, y = (across - width) / 2 / across, (down - height) / 2 / down
    return x, y, width / across, height / down


def _scaled(size: tuple[int, int], how: Preprocessing) -> tuple[int, int]:
    """Width and height before the crop, of a picture of this width and height."""
    height, width = how.scale_size
    if how.crop_mode == "squash":
        return width, height
    if how.crop_mode != "border" and height == width:
        short, long = sorted(size)
        scaled = int(height * long / short)
        return (height, scaled) if size[0] <= size[1] else (scaled, height)
    ratios = size[1] / height, size[0] / width
    ratio = max(ratios) if how.crop_mode == "border" else min(ratios)
    return round(size[0] / ratio), round(size[1] / ratio)


def _crop_or_pad(
    image: Image.Image, width: int, height: int, fill: tuple[int, int, int]
) -> Image.Image:
    missing_x, missing_y = max(width - image.width, 0), max(height - image.height, 0)
    if missing_x or missing_y:
        left, top = missing_x // 2, missing_y // 2
        image = ImageOps.expand(image, (left, top, missing_x - left, missing_y - top), fill)
    left, top = round((image.width - width) / 2), round((image.height - height) / 2)
    if (left, top, width, height) == (0, 0, *image.size):
        return image
    return image.crop((left, top, left + width, top + height))
