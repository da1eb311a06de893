"""Decode a stranger's picture safely: bounds before memory, one error for every way to be broken.

The size is read from the header, and what is too large is refused there. Only the readers of the
accepted formats are ever loaded, each is tried for the format that the bytes claim, and whatever
it raises becomes `ImageRejected` with one of these stable codes:

    empty · too-many-bytes · too-many-pixels · too-small · too-long · unsupported-format ·
    truncated · corrupt

Want of memory is `OutOfMemory` instead, where the reader says so: that of WebP does not.
"""

import importlib
import io
import math
import struct
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache

import pillow_heif
from PIL import Image, ImageCms, ImageFile

from vitrine.errors import ImageRejected, OutOfMemory
from vitrine.media import colour, cost, headers
from vitrine.media.budget import DECODING
from vitrine.media.crop import Box, pixels
from vitrine.media.formats import is_cut_short, sniff

MIN_SIDE = 16
# No photo is longer. A JPEG could not hold it, and scaling it to a short side would not shrink it.
MAX_SIDE = 30_000
MAX_ASPECT = 20
# A decoded picture that may come smaller has at most so many times short_side² pixels.
_MOST_SQUARES = 32
# What one decode may take. An operator who raises max_pixels raises it for the plainest pictures.
_MOST_BYTES = 425_000_000
_LEAST_BYTES_A_PIXEL = 8
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

# What Pillow says for a decoder of its own that got none.
_NO_MEMORY = "out of memory"
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

    @property
    def most_bytes(self) -> int:
        """Memory that decoding may take, for one picture and for all at once."""
        return max(_MOST_BYTES, _LEAST_BYTES_A_PIXEL * self.max_pixels)


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
    scans: int

    @property
    def upright_size(self) -> tuple[int, int]:
        width, height = self.image.size
        return (height, width) if self.orientation >= 5 else (width, height)

    def bytes_to_decode(self, whole: int, factor: int = 1) -> int:
        return cost.bytes_to_decode(
            self.image, self.format, whole=whole, scans=self.scans, factor=factor
        )


def probe(data: bytes, limits: Limits) -> Probe:
    """Read the header; raise ImageRejected for what `decode` could not or may not take."""
    name = _admit(data, limits)
    with _refusing(data, name):
        opened = _open(data, name, limits)
        width, height = opened.upright_size
    return Probe(name, width, height)


def decode(
    data: bytes, limits: Limits, *, short_side: int | None = None, part: Box | None = None
) -> Image.Image:
    """Decode to upright 8-bit sRGB on white; of a `part`, only that is returned.

    With `short_side` the picture, or its part, may come smaller, with both sides at least that long
    (or as long as they were), and has at most 32 × short_side² pixels: a JPEG is then decoded at
    reduced scale, which is several times faster. Raises ImageRejected, and Invalid for a part that
    leaves the picture. Waits while other threads decode too much.
    """
    with _decoded(data, limits, short_side, [] if part is None else [part]) as whole:
        return _cut(whole, part, short_side)


def decode_parts(
    data: bytes, limits: Limits, parts: Sequence[Box], *, short_side: int
) -> list[Image.Image]:
    """Decode once, and return every part as `decode` would; at least one. Raises what it raises."""
    with _decoded(data, limits, short_side, parts) as whole:
        return [_cut(whole, part, short_side) for part in parts]


@contextmanager
def _decoded(
    data: bytes, limits: Limits, short_side: int | None, parts: Sequence[Box]
) -> Iterator[Image.Image]:
    """The whole picture, large enough for the smallest part, while memory is reserved for it."""
    name = _admit(data, limits)
    with _refusing(data, name):
        opened = _open(data, name, limits)
        image = opened.image
        whole = image.width * image.height
        factor = 1
        for part in parts:
            pixels(part, *opened.upright_size)
        if short_side is not None:
            sides = (short_side, short_side)
            if parts:
                sides = _sides_around(parts, short_side, turned=opened.orientation >= 5)
            if name == "jpeg":
                image.draft(None, sides)
            factor = max(min(image.width // sides[0], image.height // sides[1]) // 2, 1)
        size = opened.bytes_to_decode(whole, factor)
        with DECODING.reserve(size, bound=limits.most_bytes):
            yield _pixels(opened, factor)


def _sides_around(parts: Sequence[Box], short_side: int, *, turned: bool) -> tuple[int, int]:
    """Width and height that the file needs for both sides of its parts to be that long."""
    # One pixel more: edges are rounded.
    width, height = (
        math.ceil((short_side + 1) / min(part[side] for part in parts)) for side in (2, 3)
    )
    return (height, width) if turned else (width, height)


def _pixels(opened: _Opened, factor: int) -> Image.Image:
    announced = opened.image.size
    opened.image.load()
    if opened.image.size != announced:
        raise ValueError("the header announces another size")
    image = colour.develop(opened.image, factor=factor)
    # The decoder's copy goes before the next one is made.
    opened.image.close()
    if opened.orientation in _UPRIGHT:
        image = image.transpose(_UPRIGHT[opened.orientation])
    # A picture without a trace of its file: no metadata can leak into what is made from it.
    image.info = {}
    return image


def _cut(image: Image.Image, part: Box | None, short_side: int | None) -> Image.Image:
    """Cut a part out, and scale a long one down: its short side does not bound its pixels."""
    box = (0, 0, *image.size) if part is None else pixels(part, *image.size)
    sides = box[2] - box[0], box[3] - box[1]
    too_many = 0.0 if short_side is None else math.prod(sides) / (_MOST_SQUARES * short_side**2)
    if too_many <= 1:
        return image if sides == image.size else image.crop(box)
    width, height = (max(int(side / too_many**0.5), 1) for side in sides)
    # Without a copy of the part as it is: beside a small part a large one has many pixels.
    return image.resize((width, height), Image.Resampling.BOX, box=box)


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
    scans = _check_header(data, name, limits)
    image = Image.open(io.BytesIO(data), formats=(_PILLOW_NAMES[name],))
    _check_size(*image.size, limits)
    opened = _Opened(image, name, _orientation(image, name), scans)
    pixels = image.width * image.height
    needed = opened.bytes_to_decode(pixels)
    if needed > limits.most_bytes:
        raise _too_many_pixels(pixels, pixels * limits.most_bytes // needed, f" as {name.upper()}")
    return opened


def _check_header(data: bytes, name: str, limits: Limits) -> int:
    """Refuse what a reader would allocate too much for when it opens; return a JPEG's scans."""
    if name == "webp" and (canvas := headers.webp_canvas(data)):
        _check_size(*canvas, limits)
    elif name == "jpeg":
        scans = headers.jpeg_scans(data)
        if scans > headers.MAX_JPEG_SCANS:
            raise ValueError("too many scans")
        return scans
    elif name == "tiff":
        layout = headers.tiff_layout(data)
        if layout.segments > headers.MAX_TIFF_SEGMENTS:
            raise ValueError("too many strips")
        if layout.tile_pixels > limits.max_pixels:
            raise _too_many_pixels(layout.tile_pixels, limits.max_pixels)
    return 1


def _check_size(width: int, height: int, limits: Limits) -> None:
    if width * height > limits.max_pixels:
        raise _too_many_pixels(width * height, limits.max_pixels)
    if min(width, height) < MIN_SIDE:
        raise ImageRejected(
            "too-small",
            f"The picture has {width} × {height} pixels and needs at least {MIN_SIDE} × "
            f"{MIN_SIDE}: upload the original photo instead of a thumbnail.",
        )
    if max(width, height) > min(MAX_SIDE, MAX_ASPECT * min(width, height)):
        raise ImageRejected(
            "too-long",
            f"The picture has {width} × {height} pixels; no side may have more than {MAX_SIDE}, "
            f"or more than {MAX_ASPECT} times the other: crop it and upload it again.",
        )


def _too_many_pixels(pixels: int, most: int, of_this_kind: str = "") -> ImageRejected:
    return ImageRejected(
        "too-many-pixels",
        f"The picture has {pixels / 1e6:.1f} megapixels and may have {most / 1e6:.1f}"
        f"{of_this_kind}: scale it down and upload it again.",
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
    """Turn what a reader raises into a refusal that a seller understands.

    What the file demands was bounded before, so that memory runs out is not its fault.
    """
    try:
        yield
    except BROKEN as error:
        said = str(error).lower()
        if isinstance(error, MemoryError) or _NO_MEMORY in said:
            raise OutOfMemory(
                "There is not enough memory to decode this picture now; try again."
            ) from error
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
