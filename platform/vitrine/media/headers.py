"""What a header demands, read before any decoder may allocate for it.

Pillow's readers are lazy for most formats. These are the exceptions: a WebP reader makes its canvas
when it opens, a TIFF reader makes an object of every strip and a buffer of every tile, and a JPEG
may hold any number of scans over the whole picture, a few bytes each.
"""

import struct
from dataclasses import dataclass

# libjpeg-turbo's own fuzzers stop at 500; cameras and encoders write 1 to 10.
MAX_JPEG_SCANS = 200
# 50 megapixels in tiles of 16 × 16 are 200,000.
MAX_TIFF_SEGMENTS = 262_144

_STRIP_OFFSETS, _TILE_WIDTH, _TILE_LENGTH, _TILE_OFFSETS = 273, 322, 323, 324
_SHORT, _LONG, _LONG8 = 3, 4, 16
_TIFF_CODES = {_SHORT: "H", _LONG: "L", _LONG8: "Q"}


def webp_canvas(data: bytes) -> tuple[int, int] | None:
    """Read width and height of a WebP canvas; None when the header is not one."""
    chunk, head = data[12:16], data[:30]
    if chunk == b"VP8X" and len(head) == 30:
        return int.from_bytes(head[24:27], "little") + 1, int.from_bytes(head[27:30], "little") + 1
    if chunk == b"VP8 " and len(head) == 30 and head[23:26] == b"\x9d\x01\x2a":
        width, height = struct.unpack_from("<HH", head, 26)
        return width & 0x3FFF, height & 0x3FFF
    if chunk == b"VP8L" and len(head) >= 25 and head[20] == 0x2F:
        bits = int.from_bytes(head[21:25], "little")
        return (bits & 0x3FFF) + 1, ((bits >> 14) & 0x3FFF) + 1
    return None


def jpeg_scans(data: bytes) -> int:
    """Count the scans; inside compressed data the byte FF is always followed by 00 or a restart."""
    return data.count(b"\xff\xda")


@dataclass(frozen=True)
class TiffLayout:
    """How the pixels of the first page are cut up."""

    segments: int
    tile_pixels: int


def tiff_layout(data: bytes) -> TiffLayout:
    """Read the first directory of a TIFF or BigTIFF.

    Raises ValueError or struct.error when there is none.
    """
    order = "<" if data[:2] == b"II" else ">"
    if data[2:4] in {b"+\0", b"\0+"}:
        first = struct.unpack_from(order + "Q", data, 8)[0]
        count = struct.unpack_from(order + "Q", data, first)[0]
        entries, entry_bytes, count_code, value_at = first + 8, 20, "Q", 12
    else:
        first = struct.unpack_from(order + "L", data, 4)[0]
        count = struct.unpack_from(order + "H", data, first)[0]
        entries, entry_bytes, count_code, value_at = first + 2, 12, "L", 8
    if entries + count * entry_bytes > len(data):
        raise ValueError("truncated directory")
    segments, tile_width, tile_length = 0, 0, 0
    for at in range(entries, entries + count * entry_bytes, entry_bytes):
        tag, kind = struct.unpack_from(order + "HH", data, at)
        if tag in {_STRIP_OFFSETS, _TILE_OFFSETS}:
            segments += struct.unpack_from(order + count_code, data, at + 4)[0]
        elif tag in {_TILE_WIDTH, _TILE_LENGTH} and kind in _TIFF_CODES:
            value = struct.unpack_from(order + _TIFF_CODES[kind], data, at + value_at)[0]
            tile_width, tile_length = (
                (value, tile_length) if tag == _TILE_WIDTH else (tile_width, value)
            )
    return TiffLayout(segments, tile_width * tile_length)
