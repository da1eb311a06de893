"""Pictures of every accepted format, made in memory."""

import io
import zlib
from typing import Any

import numpy as np
import pillow_heif
from PIL import Image

from vitrine.media.decode import Limits

LIMITS = Limits(max_bytes=20 * 1024 * 1024, max_pixels=50_000_000)
FORMATS = {
    "jpeg": "JPEG",
    "png": "PNG",
    "webp": "WEBP",
    "gif": "GIF",
    "bmp": "BMP",
    "tiff": "TIFF",
    "avif": "AVIF",
    "heic": "HEIF",
}
RED, GREEN, BLUE, YELLOW = (220, 30, 30), (30, 180, 30), (30, 30, 220), (230, 220, 30)


def corners(width: int = 64, height: int = 48) -> Image.Image:
    """Four quarters of four colours, so that every turn and mirror can be told apart."""
    picture = Image.new("RGB", (width, height), RED)
    picture.paste(GREEN, (width // 2, 0, width, height // 2))
    picture.paste(BLUE, (0, height // 2, width // 2, height))
    picture.paste(YELLOW, (width // 2, height // 2, width, height))
    return picture


def noise(width: int, height: int, seed: int = 0) -> Image.Image:
    """Coarse colour noise: compresses badly, scales well."""
    small = np.random.default_rng(seed).integers(0, 256, (height // 8, width // 8, 3), np.uint8)
    return Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC)


def encode(image: Image.Image, name: str, **options: Any) -> bytes:
    if name == "heic":
        pillow_heif.register_heif_opener()
    out = io.BytesIO()
    image.save(out, FORMATS[name], **options)
    return out.getvalue()


def quarters(image: Image.Image) -> list[tuple[int, ...]]:
    """Colours in the middle of the quarters: top left, top right, bottom left, bottom right."""
    pixels = np.asarray(image)
    height, width = pixels.shape[:2]
    spots = [(y, x) for y in (height // 4, 3 * height // 4) for x in (width // 4, 3 * width // 4)]
    return [tuple(int(v) for v in pixels[spot]) for spot in spots]


def alike(one: tuple[int, ...], other: tuple[int, ...], tolerance: int = 24) -> bool:
    return all(abs(a - b) <= tolerance for a, b in zip(one, other, strict=True))


def png_chunk(kind: bytes, body: bytes) -> bytes:
    return len(body).to_bytes(4, "big") + kind + body + zlib.crc32(kind + body).to_bytes(4, "big")
