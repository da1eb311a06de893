"""Make the picture that is served: a JPEG of a wanted width that holds nothing but pixels."""

import io

from PIL import Image

from vitrine.errors import ImageRejected
from vitrine.media.decode import BROKEN, MIN_SIDE, Limits, decode, probe

QUALITY = 85


def render(data: bytes, limits: Limits, *, width: int | None) -> bytes:
    """Make a JPEG of it.

    `width` None keeps the size; a width is held between `MIN_SIDE` and the picture's own, so that
    nothing is enlarged. Raises ImageRejected.
    """
    shown = probe(data, limits)
    if width is None or width >= shown.width:
        return encode(decode(data, limits))
    width = max(width, min(MIN_SIDE, shown.width))
    height = max(1, round(shown.height * width / shown.width))
    image = decode(data, limits, short_side=min(width, height))
    return encode(image.resize((width, height), Image.Resampling.LANCZOS, reducing_gap=2.0))


def shrink(data: bytes, limits: Limits, *, longest: int) -> Image.Image:
    """Decode to a picture with no side longer than `longest`. Raises ImageRejected."""
    shown = probe(data, limits)
    scale = min(1.0, longest / max(shown.width, shown.height))
    size = max(1, round(shown.width * scale)), max(1, round(shown.height * scale))
    image = decode(data, limits, short_side=min(size))
    if image.size == size:
        return image
    return image.resize(size, Image.Resampling.LANCZOS, reducing_gap=2.0)


def encode(image: Image.Image) -> bytes:
    """Write a decoded picture as progressive sRGB JPEG without any metadata."""
    out = io.BytesIO()
    try:
        image.save(out, "JPEG", quality=QUALITY, progressive=True, optimize=True)
    except BROKEN as error:
        raise ImageRejected(
            "not-shown",
            f"The picture cannot be written as a JPEG of {image.width} × {image.height} pixels: "
            "scale it down and upload it again.",
        ) from error
    return out.getvalue()
