"""What decoding takes is what was claimed for it: peaks of a process of its own, by kind."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageCms
from tests.unit.media.pictures import encode, noise

SIDE = 3072  # 9 megapixels
MARGIN = 24 * 1024 * 1024  # strips, codecs' own buffers, the allocator

PROGRAM = """
import re, sys
from pathlib import Path
from PIL import Image
from vitrine.media import decode
from vitrine.media.cost import bytes_to_decode

def status(line):
    return int(re.search(line + r":\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) * 1024

limits = decode.Limits(10**9, 50_000_000)
small, data = Path(sys.argv[1]).read_bytes(), Path(sys.argv[2]).read_bytes()
short_side = int(sys.argv[3]) or None
decode.decode(small, limits, short_side=16)  # load the codecs
claimed = []
reserve = decode.DECODING.reserve
decode.DECODING.reserve = lambda size, bound: (claimed.append(size), reserve(size, bound=bound))[1]
Path("/proc/self/clear_refs").write_text("5")
before = status("VmRSS")
image = decode.decode(data, limits, short_side=short_side)
print(status("VmHWM") - before, claimed[0], image.width)
"""


def _encode(kind: str, side: int) -> bytes:
    name = kind.partition("-")[0]
    options: dict[str, dict[str, Any]] = {
        "tiff-F": {"compression": "tiff_deflate"},
        "tiff-I": {"compression": "tiff_deflate"},
        "tiff-one-strip": {"compression": "tiff_deflate", "tiffinfo": {278: side}},
        "jpeg-progressive": {"progressive": True, "subsampling": 0},
        "jpeg-turned": {"exif": _turned()},
        "webp": {"method": 0},
        "avif": {"speed": 10},
    }
    return encode(_picture(kind, side), name, **options.get(kind, {}))


def _turned() -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6
    return exif.tobytes()


def _picture(kind: str, side: int) -> Image.Image:
    blank: dict[str, tuple[str, Any]] = {
        "tiff-F": ("F", 3.5),
        "tiff-I": ("I", 70_000),
        "tiff-one-strip": ("F", 3.5),
        "png-I;16": ("I;16", 700),
        "png-alpha": ("LA", (9, 99)),
    }
    if kind in blank:
        mode, colour = blank[kind]
        return Image.new(mode, (side, side), colour)
    if kind == "tiff-lab":
        standard, lab = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
        found = ImageCms.profileToProfile(noise(side, side), standard, lab, outputMode="LAB")
        assert found is not None
        return found
    return noise(side, side) if kind.startswith("jpeg") else Image.new("RGB", (side, side))


@pytest.mark.parametrize("short_side", [0, 224])
@pytest.mark.parametrize(
    ("kind", "most"),
    [
        ("tiff-F", 8),
        ("tiff-I", 8),
        ("tiff-one-strip", 8),
        ("png-I;16", 8),
        ("png-alpha", 8),
        ("jpeg-progressive", 10),
        ("jpeg-turned", 8),
        ("tiff-lab", 8),
        ("webp", 17),
        ("avif", 13),
        ("heic", 8.5),
    ],
)
def test_the_peak_is_what_was_claimed(
    kind: str, most: float, short_side: int, tmp_path: Path
) -> None:
    small, large = tmp_path / "small", tmp_path / "large"
    small.write_bytes(_encode(kind, 64))
    large.write_bytes(_encode(kind, SIDE))
    out = subprocess.run(
        [sys.executable, "-c", PROGRAM, small, large, str(short_side)],
        capture_output=True,
        check=True,
        text=True,
    )
    peak, claimed, width = map(int, out.stdout.split())
    assert peak < claimed + MARGIN
    assert claimed <= most * SIDE**2
    assert width == SIDE if not short_side else short_side <= width < 4 * short_side
