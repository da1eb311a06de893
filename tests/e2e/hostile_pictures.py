"""Broken and hostile pictures, each drawn from a random generator that its caller seeds."""

import struct
import zlib
from collections.abc import Callable
from functools import cache
from random import Random

from PIL import Image

from tests.unit.media.pictures import FORMATS, corners, encode, noise, png_chunk

Mutation = Callable[[Random, bytes], bytes]

_PNG_HEAD = b"\x89PNG\r\n\x1a\n"
_INTEGERS = (0, 1, 2, 15, 16, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF)
_SIDES = (0, 1, 15, 16, 17, 4096, 16383, 30_000, 60_000, 65_535, 2**24, 2**31 - 1, 2**31, 2**32 - 1)


def hostile_picture(rng: Random) -> bytes:
    """A picture that is broken in one to three ways; seldom one that is whole."""
    if rng.random() < 0.1:
        return rng.choice(_SPECIAL)(rng)
    data = rng.choice(sound_pictures())
    for _ in range(rng.choice((0, 1, 1, 1, 1, 2, 3))):
        data = rng.choice(_MUTATIONS)(rng, data)
    return data


@cache
def sound_pictures() -> tuple[bytes, ...]:
    """Small pictures of every format and of many kinds, not broken at all."""
    rgb, soft = corners(96, 72), noise(160, 120)
    found = [encode(picture, name) for name in FORMATS for picture in (rgb, soft)]
    modes = {
        "png": ("1", "L", "LA", "P", "RGBA", "I;16"),
        "tiff": ("1", "L", "P", "RGBA", "I;16", "F", "CMYK", "YCbCr"),
        "jpeg": ("L", "CMYK"),
        "webp": ("RGBA",),
        "gif": ("L", "P"),
        "bmp": ("1", "L", "P"),
        "avif": ("RGBA",),
        "heic": ("RGBA", "L"),
    }
    found += [encode(_in(rgb, mode), name) for name, some in modes.items() for mode in some]
    frames = [corners(64, 48), noise(64, 48), corners(64, 48).rotate(180)]
    for name in ("gif", "webp", "png", "tiff"):
        found.append(encode(frames[0], name, save_all=True, append_images=frames[1:]))
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010E] = "a description " * 50
    found += [
        encode(rgb, "jpeg", exif=exif.tobytes(), progressive=True),
        encode(rgb, "webp", exif=exif.tobytes()),
        encode(rgb, "png", exif=exif.tobytes(), icc_profile=b"no profile at all" * 20),
        encode(rgb, "jpeg", icc_profile=bytes(range(256)) * 4),
        encode(rgb, "tiff", compression="tiff_lzw"),
        encode(rgb, "tiff", compression="tiff_adobe_deflate"),
        encode(rgb, "tiff", compression="jpeg"),
        encode(_in(rgb, "1"), "tiff", compression="group4"),
    ]
    return tuple(found)


def _in(image: Image.Image, mode: str) -> Image.Image:
    if mode in {"I;16", "F"}:
        return image.convert("I").convert(mode)
    return image.convert(mode)


# Blind to the format.


def _flip(rng: Random, data: bytes) -> bytes:
    changed = bytearray(data)
    end = rng.choice((64, 256, len(data)))
    for _ in range(rng.choice((1, 2, 5, 20, 100))):
        changed[rng.randrange(min(end, len(data)))] = rng.randrange(256)
    return bytes(changed)


def _truncate(rng: Random, data: bytes) -> bytes:
    return data[: rng.randrange(1, len(data))] if len(data) > 1 else data


def _splice(rng: Random, data: bytes) -> bytes:
    other = rng.choice(sound_pictures())
    return data[: rng.randrange(len(data))] + other[rng.randrange(len(other)) :]


def _double(rng: Random, data: bytes) -> bytes:
    start = rng.randrange(len(data))
    end = min(start + rng.choice((1, 4, 12, 100, 5000)), len(data))
    return data[:end] + data[start:end] * rng.choice((1, 2, 50)) + data[end:]


def _cut_out(rng: Random, data: bytes) -> bytes:
    start = rng.randrange(len(data))
    return data[:start] + data[start + rng.choice((1, 2, 4, 50)) :] or b"\0"


def _insert(rng: Random, data: bytes) -> bytes:
    at = rng.randrange(len(data))
    return data[:at] + rng.randbytes(rng.choice((1, 4, 60, 3000))) + data[at:]


def _number(rng: Random, data: bytes) -> bytes:
    """Write a number of two or four bytes over some place of the header."""
    width, order = rng.choice((2, 4)), rng.choice(("big", "little"))
    at = rng.randrange(min(len(data), 200))
    value = rng.choice(_INTEGERS) % 256**width
    return data[:at] + value.to_bytes(width, order) + data[at + width :]


# Knowing the format: what they change gets past the first checks.


def _header(rng: Random, data: bytes) -> bytes:  # noqa: PLR0911 - a format each
    """Claim another size, depth or kind of pixel."""
    side = rng.choice(_SIDES)
    if data.startswith(_PNG_HEAD):
        body = bytearray(data[16:29])
        place = rng.choice((0, 4, 8, 9, 10, 11, 12))
        if place < 8:
            body[place : place + 4] = side.to_bytes(4, "big")
        else:
            body[place] = rng.choice((0, 1, 2, 3, 4, 6, 7, 8, 16, 255))
        return data[:8] + png_chunk(b"IHDR", bytes(body)) + data[33:]
    if data.startswith(b"BM"):
        place, form = rng.choice(((18, "<i"), (22, "<i"), (28, "<H"), (30, "<I"), (10, "<I")))
        value = -side if rng.random() < 0.3 else side
        most = 1 << (8 * struct.calcsize(form))
        raw = (value % most).to_bytes(struct.calcsize(form), "little")
        return data[:place] + raw + data[place + len(raw) :]
    if data.startswith(b"GIF8"):
        return data[:6] + struct.pack("<HH", side % 65536, rng.choice(_SIDES) % 65536) + data[10:]
    if data[12:16] == b"VP8X":
        return data[:24] + (side % 2**24).to_bytes(3, "little") * 2 + data[30:]
    at = data.find(b"\xff\xc0") if b"\xff\xc0" in data else data.find(b"\xff\xc2")
    if data.startswith(b"\xff\xd8") and at > 0:
        return data[: at + 5] + struct.pack(">HH", side % 65536, side % 65536) + data[at + 9 :]
    if data[:4] in {b"II*\0", b"MM\0*"}:
        return _tiff_value(rng, data)
    at = data.find(b"ispe")  # the size of an AVIF or HEIC
    return (
        data if at < 0 else data[: at + 8] + struct.pack(">II", side % 2**32, 64) + data[at + 16 :]
    )


def _tiff_value(rng: Random, data: bytes) -> bytes:
    order = "<" if data[:2] == b"II" else ">"
    first = struct.unpack_from(order + "L", data, 4)[0]
    if first + 2 > len(data):
        return data
    count = struct.unpack_from(order + "H", data, first)[0]
    at = first + 2 + 12 * rng.randrange(max(count, 1)) + rng.choice((0, 2, 4, 8))
    if at + 4 > len(data):
        return data
    raw = struct.pack(order + "L", rng.choice(_INTEGERS))
    return data[:at] + raw + data[at + 4 :]


def _chunk(rng: Random, data: bytes) -> bytes:
    """Put a chunk or segment in that is doubled, huge, rubbish, or a bomb."""
    if data.startswith(_PNG_HEAD):
        bomb = zlib.compress(bytes(rng.choice((1000, 4_000_000))))
        chunk = rng.choice(
            (
                data[8:33],
                png_chunk(b"iCCP", b"x\0\0" + bomb),
                png_chunk(b"zTXt", b"x\0\0" + bomb),
                png_chunk(b"iTXt", b"x\0\1\0\0\0" + bomb),
                png_chunk(b"eXIf", rng.randbytes(60_000)),
                png_chunk(b"PLTE", rng.randbytes(rng.choice((1, 3, 768, 3000)))),
                png_chunk(b"acTL", struct.pack(">II", 2**31 - 1, 0)),
                png_chunk(b"tRNS", rng.randbytes(300)),
                png_chunk(b"IDAT", bomb) * 3,
            )
        )
        return data[:33] + chunk * rng.choice((1, 1, 2, 40)) + data[33:]
    if data.startswith(b"\xff\xd8"):
        rubbish = rng.randbytes(rng.choice((2, 60, 60_000)))
        kinds = (b"\xe1", b"\xe2", b"\xee", b"\xdb", b"\xc4", b"\xfe", b"\xc0", b"\xdd")
        heads = (b"Exif\0\0II*\0\x08\0\0\0", b"ICC_PROFILE\0\1\1", b"MPF\0", b"Adobe\0", b"")
        body = rng.choice(heads) + rubbish
        segment = b"\xff" + rng.choice(kinds) + (len(body) + 2).to_bytes(2, "big") + body
        return data[:2] + segment * rng.choice((1, 2, 30)) + data[2:]
    return _double(rng, data)


def _polyglot(rng: Random, data: bytes) -> bytes:
    tail = (b"PK\x03\x04" + bytes(60), b"<script>alert(1)</script>", b"%PDF-1.7\n", b"MZ" * 99)
    if rng.random() < 0.3:
        return rng.choice(tail) + data
    return data + rng.choice(tail)


_MUTATIONS: tuple[Mutation, ...] = (
    *(_flip, _truncate, _splice, _double, _cut_out, _insert, _number),
    *(_header, _header, _chunk, _chunk, _polyglot),
)


# Whole pictures of a kind that nobody photographs.


def _extreme_size(rng: Random) -> bytes:
    width, height = rng.choice(
        ((1, 1), (1, 60_000), (60_000, 1), (16, 320), (16, 330), (17, 30_001))
    )
    return encode(Image.new("L", (width, height), 128), rng.choice(("png", "bmp", "tiff", "gif")))


def _many_pixels(rng: Random) -> bytes:
    """A few kilobytes that are many megapixels, around the bound of 50 and far above it."""
    mode, (width, height) = rng.choice(("1", "L")), rng.choice(
        ((6000, 4000), (7000, 7000), (7100, 7100), (20_000, 20_000))
    )  # fmt: skip
    if width * height > 60_000_000:
        head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
        return _PNG_HEAD + png_chunk(b"IHDR", head) + png_chunk(b"IDAT", zlib.compress(bytes(9000)))
    return _flat(mode, width, height)


@cache
def _flat(mode: str, width: int, height: int) -> bytes:
    return encode(Image.new(mode, (width, height)), "png")


def _many_scans(rng: Random) -> bytes:
    data = encode(noise(64, 48), "jpeg", progressive=True)
    at = data.rfind(b"\xff\xda")
    return data[:-2] + data[at:-2] * rng.choice((10, 150, 2000)) + data[-2:]


def _many_frames(rng: Random) -> bytes:
    frames = [Image.new("P", (32, 32), number % 256) for number in range(rng.choice((3, 200)))]
    return encode(frames[0], rng.choice(("gif", "webp")), save_all=True, append_images=frames[1:])


def _no_picture(rng: Random) -> bytes:
    texts = (
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"%!PS-Adobe-3.0 EPSF-3.0\n",
        b"\0" * 999,
    )
    rubbish = rng.randbytes(rng.choice((1, 11, 4096)))
    heads = (
        b"\xff\xd8\xff",
        _PNG_HEAD,
        b"RIFF\xff\xff\xff\xffWEBPVP8 ",
        b"GIF89a",
        b"BM",
        b"II*\0",
    )
    return rng.choice((*texts, rubbish, *(head + rubbish for head in heads)))


def _largest_metadata(rng: Random) -> bytes:
    data = encode(corners(64, 48), "jpeg")
    body = b"Exif\0\0II*\0\x08\0\0\0" + struct.pack("<H", 5000) + rng.randbytes(65_000)
    segment = b"\xff\xe1" + (len(body) + 2).to_bytes(2, "big") + body
    return data[:2] + segment * rng.choice((1, 20)) + data[2:]


_SPECIAL: tuple[Callable[[Random], bytes], ...] = (
    *(_extreme_size, _many_pixels, _many_scans, _many_frames, _no_picture, _largest_metadata),
)
