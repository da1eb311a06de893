"""What is refused: each with a stable code and a sentence that names the fix."""

import re
import struct
import zlib
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from tests.unit.media.pictures import FORMATS, LIMITS, corners, encode, noise, png_chunk

from vitrine.errors import ImageRejected
from vitrine.media.decode import Limits, decode, probe
from vitrine.media.headers import MAX_JPEG_SCANS

PNG = b"\x89PNG\r\n\x1a\n"


def refusal(data: bytes, limits: Limits = LIMITS) -> ImageRejected:
    with pytest.raises(ImageRejected) as caught:
        decode(data, limits)
    return caught.value


@pytest.mark.parametrize(
    ("data", "code", "word"),
    [
        (b"", "empty", "upload it again"),
        (b"<!DOCTYPE html><html><body>404</body></html>", "unsupported-format", "web page"),
        (b"just some words\n", "unsupported-format", "text file"),
        (b'<?xml version="1.0"?><svg width="9"></svg>', "unsupported-format", "SVG"),
        (b"%PDF-1.7 ...", "unsupported-format", "PDF"),
        (b"8BPS\0\1" + b"\0" * 40, "unsupported-format", "Photoshop"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "unsupported-format", "PostScript"),
        (b"PK\x03\x04" + b"\0" * 40, "unsupported-format", "ZIP"),
        (b"\0\0\0\x18ftypisom\0\0\0\0isommp42", "unsupported-format", "video"),
        (bytes(range(256)), "unsupported-format", "JPEG or PNG"),
        (b"\xff\xd8\xff", "truncated", "missing"),
        (PNG, "truncated", "missing"),
        (b"GIF89a" + b"\xff" * 4, "truncated", "missing"),
    ],
)
def test_not_a_picture(data: bytes, code: str, word: str) -> None:
    error = refusal(data)
    assert error.code == code
    assert word in str(error)
    assert refusal_of_probe(data).code in {code, "truncated", "corrupt"}


def refusal_of_probe(data: bytes, limits: Limits = LIMITS) -> ImageRejected:
    with pytest.raises(ImageRejected) as caught:
        probe(data, limits)
    return caught.value


@pytest.mark.parametrize("name", FORMATS)
def test_limits_hold_before_decoding(name: str) -> None:
    data = encode(noise(640, 480), name)
    bytes_bound = refusal(data, Limits(len(data) - 1, LIMITS.max_pixels))
    assert bytes_bound.code == "too-many-bytes"
    pixel_bound = refusal(data, Limits(LIMITS.max_bytes, 640 * 480 - 1))
    assert pixel_bound.code == "too-many-pixels"
    assert "scale it down" in str(pixel_bound)
    assert decode(data, Limits(len(data), 640 * 480)).size == (640, 480)


def test_too_small() -> None:
    error = refusal(encode(Image.new("RGB", (200, 15)), "png"))
    assert error.code == "too-small"
    assert "original photo" in str(error)


@pytest.mark.parametrize("size", [(30_016, 1504), (16, 321), (20, 70_000), (300, 30_001)])
def test_too_long(size: tuple[int, int]) -> None:
    data = encode(Image.new("1", size), "png")
    assert refusal(data).code == refusal_of_probe(data).code == "too-long"
    assert "crop it" in str(refusal(data))


def test_as_long_as_allowed() -> None:
    for size in ((16, 320), (30_000, 1500)):
        assert decode(encode(Image.new("1", size), "png"), LIMITS, short_side=16).width >= 16


def test_formats_that_need_more_memory_may_have_fewer_pixels() -> None:
    blank = Image.new("RGB", (5200, 5200))
    error = refusal_of_probe(encode(blank, "webp", method=0))
    assert error.code == "too-many-pixels"
    assert "may have 25.0 as WEBP" in str(error)
    raised = Limits(LIMITS.max_bytes, 2 * LIMITS.max_pixels)
    assert probe(encode(blank, "webp", method=0), raised).width == 5200
    probe(encode(blank, "png"), LIMITS)


@pytest.mark.parametrize("name", FORMATS)
def test_cut_in_half(name: str) -> None:
    data = encode(noise(320, 240), name)
    assert refusal(data[: len(data) // 2]).code in {"truncated", "corrupt"}
    if name != "tiff":
        assert refusal(data[: len(data) // 2]).code == "truncated"


def test_png_that_lies_about_its_size() -> None:
    data = bytearray(encode(corners(), "png"))
    data[16:20] = (900).to_bytes(4, "big")
    data[29:33] = zlib.crc32(data[12:29]).to_bytes(4, "big")
    assert refusal(bytes(data)).code in {"truncated", "corrupt"}


def test_bmp_that_lies_about_its_size() -> None:
    data = bytearray(encode(corners(), "bmp"))
    data[18:22] = (900).to_bytes(4, "little")
    assert refusal(bytes(data)).code in {"truncated", "corrupt"}


def memory_mib(line: str) -> float:
    """Read `VmRSS` (now) or `VmHWM` (the most since the last `forget_peak`)."""
    status = Path("/proc/self/status").read_text()
    return int(re.search(rf"{line}:\s+(\d+) kB", status)[1]) / 1024  # type: ignore[index]


def forget_peak() -> None:
    Path("/proc/self/clear_refs").write_text("5")


def zeros(mebibytes: int) -> bytes:
    packer = zlib.compressobj(9)
    piece = bytes(1024 * 1024)
    return b"".join(packer.compress(piece) for _ in range(mebibytes)) + packer.flush()


@cache
def bombs() -> dict[str, bytes]:
    head = struct.pack(">II", 64, 64) + bytes((8, 2, 0, 0, 0))
    bomb = zeros(300)
    start, end = PNG + png_chunk(b"IHDR", head), png_chunk(b"IEND", b"")
    pixels = png_chunk(b"IDAT", zlib.compress(b"\0" * (64 * 193)))
    text = b"".join(png_chunk(b"zTXt", b"k\0\0" + bomb) for _ in range(3))
    webp = b"RIFF" + struct.pack("<I", 22) + b"WEBPVP8X" + struct.pack("<I", 10)
    webp += bytes(4) + (16_000).to_bytes(3, "little") * 2
    tiff = encode(corners(), "tiff")
    huge_gif = b"GIF89a" + struct.pack("<HH", 65_535, 65_535) + b"\x80\0\0" + b"\0" * 6
    huge_gif += b"," + struct.pack("<HHHH", 0, 0, 16, 16) + b"\0\x02\x01\x44\0;"
    return {
        "png text": start + text + pixels + end,
        "png profile": start + png_chunk(b"iCCP", b"k\0\0" + bomb) + pixels + end,
        "png pixels": start + png_chunk(b"IDAT", bomb) + end,
        "png size": PNG
        + png_chunk(b"IHDR", struct.pack(">II", 60_000, 60_000) + bytes((1, 0, 0, 0, 0)))
        + pixels
        + end,
        "webp canvas": webp,
        "gif screen": huge_gif,
        "gif frame": encode(corners(), "gif").replace(
            b",\0\0\0\0\x40\0\x30\0", b",\0\0\0\0\xff\xff\xff\xff"
        ),
        "tiff strips": with_tag(tiff, 273, count=5_000_000),
        "tiff rows": with_tag(tiff, 278, value=2**31 - 1),
        "tiff tile": tiled(tiff, 2**17),
        "bmp": b"BM" + bytes(12) + struct.pack("<IiiHHIIiiII", 40, 2**30, 2**30, 1, 24, *[0] * 6),
    }


def with_tag(tiff: bytes, tag: int, *, count: int | None = None, value: int | None = None) -> bytes:
    out = bytearray(tiff)
    first = struct.unpack_from("<L", out, 4)[0]
    for at in range(first + 2, first + 2 + 12 * struct.unpack_from("<H", out, first)[0], 12):
        if struct.unpack_from("<H", out, at)[0] == tag:
            if count is not None:
                struct.pack_into("<L", out, at + 4, count)
            if value is not None:
                struct.pack_into("<HLL", out, at + 2, 4, 1, value)
            return bytes(out)
    raise AssertionError(f"no tag {tag}")


def tiled(tiff: bytes, side: int) -> bytes:
    """Turn strips into one tile of `side` × `side`: tags 273, 278, 279 become 322, 323, 324."""
    out = with_tag(tiff, 278, value=side)
    swaps = {273: 324, 278: 322, 279: 323}
    changed = bytearray(out)
    first = struct.unpack_from("<L", out, 4)[0]
    for at in range(first + 2, first + 2 + 12 * struct.unpack_from("<H", out, first)[0], 12):
        tag = struct.unpack_from("<H", out, at)[0]
        if tag in swaps:
            struct.pack_into("<H", changed, at, swaps[tag])
        if swaps.get(tag) == 323:
            struct.pack_into("<HLL", changed, at + 2, 4, 1, side)
    return bytes(changed)


@pytest.mark.parametrize("name", bombs())
def test_bombs_stay_small(name: str) -> None:
    data = bombs()[name]
    forget_peak()
    before = memory_mib("VmRSS")
    try:
        probe(data, LIMITS)
        decode(data, LIMITS)
    except ImageRejected as error:
        assert error.code in {"too-many-pixels", "corrupt", "truncated"}
    else:
        # Only what is harmless after all may come through: the surplus was never unpacked.
        assert name in {"png pixels", "png profile", "tiff rows"}
    assert memory_mib("VmHWM") - before < 60


def test_jpeg_of_endless_scans() -> None:
    data = encode(noise(640, 480), "jpeg", progressive=True)
    last = data.rfind(b"\xff\xda")
    scan = data[last:-2]
    bomb = data[:-2] + scan * (MAX_JPEG_SCANS + 1) + b"\xff\xd9"
    assert refusal(bomb).code == "corrupt"


SAMPLES = {name: encode(noise(48, 40), name) for name in FORMATS}
SAMPLES |= {
    "png-alpha": encode(noise(48, 40).convert("RGBA"), "png"),
    "png-palette": encode(noise(48, 40).quantize(16), "png", transparency=3),
    "jpeg-progressive": encode(noise(48, 40), "jpeg", progressive=True),
    "webp-lossless": encode(noise(48, 40), "webp", lossless=True),
    "tiff-lzw": encode(noise(48, 40), "tiff", compression="tiff_lzw"),
    "tiff-16": encode(Image.fromarray(np.arange(48 * 40, dtype=np.uint16).reshape(40, 48)), "tiff"),
}


def survive(data: bytes, short_side: int | None = None) -> None:
    """Decoding ends in a picture of the probed size, or in a refusal: nothing else."""
    tight = Limits(max_bytes=1_000_000, max_pixels=4_000_000)
    try:
        shown = probe(data, tight)
    except ImageRejected:
        with pytest.raises(ImageRejected):
            decode(data, tight)
        return
    try:
        image = decode(data, tight, short_side=short_side)
    except ImageRejected:
        return
    if short_side is None:
        assert image.size == (shown.width, shown.height)
    assert image.mode == "RGB"


@settings(max_examples=300, deadline=None)
@given(name=st.sampled_from(sorted(SAMPLES)), share=st.floats(0, 1))
def test_any_truncation(name: str, share: float) -> None:
    data = SAMPLES[name]
    survive(data[: int(len(data) * share)])


@settings(max_examples=600, deadline=None)
@given(
    name=st.sampled_from(sorted(SAMPLES)),
    flips=st.lists(st.tuples(st.floats(0, 1), st.integers(1, 255)), min_size=1, max_size=8),
    head=st.booleans(),
    short_side=st.sampled_from([None, 16]),
)
def test_any_flipped_bytes(
    name: str, flips: list[tuple[float, int]], head: bool, short_side: int | None
) -> None:
    data = bytearray(SAMPLES[name])
    reach = min(len(data), 200) if head else len(data)
    for share, mask in flips:
        data[min(int(reach * share), reach - 1)] ^= mask
    survive(bytes(data), short_side)
