"""How many bytes a decoder takes for a picture, told by its header.

Measured, rounded up, and held by a test. Two copies of the pixels are the least: the decoder's and
the one that is made of it, strip by strip. Some decoders keep more than that beside them.
"""

from typing import Any

from PIL import Image, ImageFile

_OUT = 4  # Pillow keeps RGB in four bytes a pixel.
_ONE_BYTE = frozenset({"1", "L", "P"})
_ALPHA = frozenset({"RGBA", "LA", "PA"})
_TIFF_BITS, _TIFF_SAMPLES, _TIFF_ROWS = 258, 277, 278
_TIFF_TILE_WIDTH, _TIFF_TILE_LENGTH = 322, 323


def bytes_to_decode(
    image: ImageFile.ImageFile,
    name: str,
    *,
    whole: int,
    scans: int = 1,
    factor: int = 1,
) -> int:
    """The most bytes at once from here to an upright RGB picture.

    `whole`: pixels of the file, of which a drafted JPEG decodes fewer; `scans`: of a JPEG;
    `factor`: by which both sides come reduced.
    """
    pixels = image.width * image.height
    loaded = pixels * _pixel_bytes(image)
    made = pixels * _OUT // factor**2
    # A turn needs the picture twice, when the decoder's copy is gone already.
    afterwards = max(loaded + made, 2 * made)
    return max(loaded + _beside(image, name, whole, scans), afterwards)


def _pixel_bytes(image: Image.Image) -> int:
    if image.mode in _ONE_BYTE:
        return 1
    return 2 if image.mode.startswith("I;16") else 4


def _beside(image: ImageFile.ImageFile, name: str, whole: int, scans: int) -> int:
    """Bytes that the decoder holds beside the pixels that it gives to Pillow."""
    alpha = image.mode in _ALPHA
    if name == "webp":
        return 13 * whole  # two canvases and a copy of one
    if name == "avif":
        return (12 if alpha else 9) * whole
    if name == "heic":
        deep = image.info.get("bit_depth", 8) > 8
        return int((16.5 if alpha else 11.2) * whole if deep else (8.5 if alpha else 4.5) * whole)
    if name == "jpeg" and scans > 1:
        return _jpeg_coefficients(image, whole)
    if name == "tiff" and image.tile and image.tile[0][0] == "libtiff":
        return _tiff_segment(image)
    return 0


def _jpeg_coefficients(image: ImageFile.ImageFile, whole: int) -> int:
    """Between scans a decoder keeps two bytes of every coefficient of the whole picture."""
    layers: list[tuple[int, int, int, int]] = getattr(image, "layer", [])
    samplings = [(across, down) for _, across, down, _ in layers]
    if not samplings:
        return 2 * 4 * whole
    full = max(across for across, _ in samplings) * max(down for _, down in samplings)
    return 2 * whole * sum(across * down for across, down in samplings) // full


def _tiff_segment(image: ImageFile.ImageFile) -> int:
    """A compressed strip or tile is unpacked as a whole, in the depth of the file."""
    tags: dict[int, Any] = getattr(image, "tag_v2", {})
    if _TIFF_TILE_WIDTH in tags:
        pixels = int(tags[_TIFF_TILE_WIDTH]) * int(tags.get(_TIFF_TILE_LENGTH, image.height))
    else:
        pixels = min(int(tags.get(_TIFF_ROWS, image.height)), image.height) * image.width
    bits = max(tags.get(_TIFF_BITS, (8,))) * int(tags.get(_TIFF_SAMPLES, 1))
    return int(pixels * max(bits, 8) // 8)
