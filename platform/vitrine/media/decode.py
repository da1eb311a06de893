"""Decode a stranger's picture safely: bounds before memory, one error for every way to be broken.

The size is read from the header, and what is too large is refused there. Only the readers of the
accepted formats are ever loaded, each is tried for the format that the bytes claim, and whatever
it raises becomes `ImageRejected` with one of these stable codes:

    empty · too-many-bytes · too-many-pixels · too-small · unsupported-format · truncated · corrupt
"""

import importlib
import io
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache

import pillow_heif
from PIL import Image, ImageCms, ImageFile

from vitrine.errors import ImageRejected
from vitrine.media import colour, headers
from vitrine.media.budget import DECODING
from vitrine.media.formats import is_cut_short, sniff

MIN_SIDE = 16
_MIB = 1024 * 1024

_PILLOW_NAMES = {
    "jpeg": "JPEG",
    "png": "PNG",
    "webp": "WEBP",
    "gif": "GIF",
    "bmp": "BMP",
    "tiff": "TIFF",
    "avif": "AVIF",
    "heic": "HEIF",
}
_READERS = ("Jpeg", "Mpo", "Png", "WebP", "Gif", "Bmp", "Tiff", "Avif")

# What Pillow and the libraries under it have been seen to raise on hostile bytes.
BROKEN = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    BufferError,
    EOFError,
    Image.DecompressionBombError,
    ImageCms.PyCMSError,
    LookupError,
    MemoryError,
    OSError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
    struct.error,
    zlib.error,
)

_ORIENTATION_TAG = 0x0112
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


@dataclass(frozen=True)
class Limits:
    """What one picture may cost."""

    max_bytes: int
    max_pixels: int


@dataclass(frozen=True)
class Probe:
    """What the header says; the format is one of `formats.ACCEPTED`, the size is as shown."""

    format: str
    width: int
    height: int


@dataclass(frozen=True)
class _Opened:
    image: ImageFile.ImageFile
    format: str
    orientation: int

    @property
    def pixels(self) -> int:
        return self.image.width * self.image.height


def probe(data: bytes, limits: Limits) -> Probe:
    """Read the header; raise ImageRejected for what `decode` could not or may not take."""
    name = _admit(data, limits)
    with _refusing(data, name):
        opened = _open(data, name, limits)
        width, height = opened.image.size
    if opened.orientation >= 5:
        width, height = height, width
    return Probe(name, width, height)


def decode(data: bytes, limits: Limits, *, short_side: int | None = None) -> Image.Image:
    """Decode to upright 8-bit sRGB on white.

    With `short_side` the picture may come smaller, with both sides at least that long (or as long
    as they were): a JPEG is then decoded at reduced scale, which is several times faster.
    Raises ImageRejected. Waits while too many pixels are being decoded by other threads.
    """
    name = _admit(data, limits)
    with _refusing(data, name):
        opened = _open(data, name, limits)
        whole = opened.pixels
        if short_side is not None and name == "jpeg":
            opened.image.draft(None, (short_side, short_side))
        # A progressive JPEG keeps the coefficients of the whole picture, whatever the scale.
        progressive = "progressive" in opened.image.info
        cost = max(opened.pixels, whole // 2 if progressive else 0)
        with DECODING.reserve(cost, bound=limits.max_pixels):
            return _pixels(opened, short_side)


def _pixels(opened: _Opened, short_side: int | None) -> Image.Image:
    image: Image.Image = opened.image
    announced = image.size
    image.load()
    if image.size != announced:
        raise ValueError("the header announces another size")
    profile = image.info.get("icc_profile")
    image = colour.flatten(image)
    if short_side is not None and (factor := min(image.size) // (2 * short_side)) >= 2:
        image = image.reduce(factor)
    image = colour.to_srgb(image, profile)
    if opened.orientation in _UPRIGHT:
        image = image.transpose(_UPRIGHT[opened.orientation])
    # A picture without a trace of its file: no metadata can leak into what is made from it.
    image = image.copy() if isinstance(image, ImageFile.ImageFile) else image
    image.info = {}
    return image


def _admit(data: bytes, limits: Limits) -> str:
    if len(data) > limits.max_bytes:
        raise ImageRejected(
            "too-many-bytes",
            f"The file has {len(data) / _MIB:.1f} MiB and may have {limits.max_bytes / _MIB:.1f}: "
            "save it smaller or with a lower quality.",
        )
    return sniff(data)


def _open(data: bytes, name: str, limits: Limits) -> _Opened:
    """Read the header and hold it against the limits."""
    _load_readers()
    _check_header(data, name, limits)
    image = Image.open(io.BytesIO(data), formats=(_PILLOW_NAMES[name],))
    _check_size(*image.size, limits)
    return _Opened(image, name, _orientation(image, name))


def _check_header(data: bytes, name: str, limits: Limits) -> None:
    if name == "webp" and (canvas := headers.webp_canvas(data)):
        _check_size(*canvas, limits)
    elif name == "jpeg" and headers.jpeg_scans(data) > headers.MAX_JPEG_SCANS:
        raise ValueError("too many scans")
    elif name == "tiff":
        layout = headers.tiff_layout(data)
        if layout.segments > headers.MAX_TIFF_SEGMENTS:
            raise ValueError("too many strips")
        if layout.tile_pixels > limits.max_pixels:
            raise _too_many_pixels(layout.tile_pixels, limits)


def _check_size(width: int, height: int, limits: Limits) -> None:
    if width * height > limits.max_pixels:
        raise _too_many_pixels(width * height, limits)
    if min(width, height) < MIN_SIDE:
        raise ImageRejected(
            "too-small",
            f"The picture has {width} × {height} pixels and needs at least {MIN_SIDE} × "
            f"{MIN_SIDE}: upload the original photo instead of a thumbnail.",
        )


def _too_many_pixels(pixels: int, limits: Limits) -> ImageRejected:
    return ImageRejected(
        "too-many-pixels",
        f"The picture has {pixels / 1e6:.1f} megapixels and may have "
        f"{limits.max_pixels / 1e6:.1f}: scale it down and upload it again.",
    )


def _orientation(image: ImageFile.ImageFile, name: str) -> int:
    """Read the EXIF orientation, 1 to 8; 1 where the reader has already turned the picture.

    libheif turns a HEIC by its own boxes (and by the standard those win), Pillow turns a TIFF.
    A PNG is asked only for what stood before its pixels, because Pillow would decode it to look
    behind them.
    """
    if name in {"heic", "tiff"} or (name == "png" and "exif" not in image.info):
        return 1
    try:
        found = image.getexif().get(_ORIENTATION_TAG, 1)
    except BROKEN:
        return 1
    return found if isinstance(found, int) and 1 <= found <= 8 else 1


@contextmanager
def _refusing(data: bytes, name: str) -> Iterator[None]:
    """Turn what a reader raises into a refusal that a seller understands."""
    try:
        yield
    except BROKEN as error:
        said = str(error).lower()
        if "truncat" in said or is_cut_short(data, name):
            raise ImageRejected(
                "truncated",
                f"The end of this {name.upper()} file is missing: it was cut off on the way or "
                "while it was saved. Upload the original again.",
            ) from error
        raise ImageRejected(
            "corrupt",
            f"This {name.upper()} file is damaged and cannot be shown: open it in an image "
            "program, save it as JPEG or PNG, and upload that.",
        ) from error


@cache
def _load_readers() -> None:
    """Load the readers of the accepted formats, once; no other format is ever registered by us."""
    for reader in _READERS:
        importlib.import_module(f"PIL.{reader}ImagePlugin")
    # An embedded thumbnail may show something else than the picture: it is not looked at.
    pillow_heif.register_heif_opener(
        thumbnails=False, depth_images=False, aux_images=False, decode_threads=2
    )
    # Pillow's own bound warns, through machinery that is not safe in threads. Ours stands instead.
    Image.MAX_IMAGE_PIXELS = None
