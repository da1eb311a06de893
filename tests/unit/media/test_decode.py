"""What is accepted, and how it comes out: upright, 8-bit sRGB, on white."""

import io
import subprocess
import sys
import warnings

import numpy as np
import pytest
from PIL import Image, ImageCms, PngImagePlugin
from PIL.TiffImagePlugin import ImageFileDirectory_v2
from tests.unit.media.pictures import (
    BLUE,
    FORMATS,
    GREEN,
    LIMITS,
    RED,
    YELLOW,
    alike,
    corners,
    encode,
    noise,
    png_chunk,
    quarters,
)

from vitrine.media import colour
from vitrine.media.decode import Limits, decode, probe

ORIENTATION = 0x0112


@pytest.mark.parametrize("name", FORMATS)
def test_every_format(name: str) -> None:
    data = encode(corners(), name)
    assert probe(data, LIMITS).format == name
    assert (probe(data, LIMITS).width, probe(data, LIMITS).height) == (64, 48)
    image = decode(data, LIMITS)
    assert (image.mode, image.size, image.info) == ("RGB", (64, 48), {})
    for got, wanted in zip(quarters(image), (RED, GREEN, BLUE, YELLOW), strict=True):
        assert alike(got, wanted)


# Quarters of what a viewer shows: top left, top right, bottom left, bottom right.
SHOWN = {
    1: (RED, GREEN, BLUE, YELLOW),
    2: (GREEN, RED, YELLOW, BLUE),
    3: (YELLOW, BLUE, GREEN, RED),
    4: (BLUE, YELLOW, RED, GREEN),
    5: (RED, BLUE, GREEN, YELLOW),
    6: (BLUE, RED, YELLOW, GREEN),
    7: (YELLOW, GREEN, BLUE, RED),
    8: (GREEN, YELLOW, RED, BLUE),
}


@pytest.mark.parametrize("orientation", SHOWN)
@pytest.mark.parametrize("name", ["jpeg", "png", "webp", "tiff", "avif", "heic"])
def test_orientation_is_applied_once(name: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    if name == "tiff":
        tags = ImageFileDirectory_v2()
        tags[ORIENTATION] = orientation
        data = encode(corners(), name, tiffinfo=tags)
    else:
        data = encode(corners(), name, exif=exif.tobytes())
    image = decode(data, LIMITS)
    assert image.size == ((48, 64) if orientation >= 5 else (64, 48))
    assert (probe(data, LIMITS).width, probe(data, LIMITS).height) == image.size
    for got, wanted in zip(quarters(image), SHOWN[orientation], strict=True):
        assert alike(got, wanted)


def test_broken_exif_does_not_matter() -> None:
    data = encode(corners(), "jpeg", exif=b"Exif\0\0MM\0*\xff\xff\xff\xff" + b"\xff" * 40)
    assert decode(data, LIMITS).size == (64, 48)


@pytest.mark.parametrize("name", ["png", "webp", "tiff", "avif", "heic"])
def test_transparency_lies_on_white(name: str) -> None:
    image = corners().convert("RGBA")
    image.paste((0, 0, 0, 0), (0, 0, 32, 24))
    shown = quarters(decode(encode(image, name), LIMITS))
    assert alike(shown[0], (255, 255, 255))
    assert alike(shown[3], YELLOW)


def test_half_transparent_is_mixed_with_white() -> None:
    data = encode(Image.new("RGBA", (32, 32), (0, 0, 0, 128)), "png")
    assert quarters(decode(data, LIMITS))[0] == (127, 127, 127)


def test_grey_with_alpha() -> None:
    data = encode(Image.new("LA", (32, 32), (0, 0)), "png")
    assert quarters(decode(data, LIMITS))[0] == (255, 255, 255)


def test_transparent_palette_of_gif_and_png() -> None:
    image = corners().quantize(8)
    clear = image.getpixel((1, 1))
    for name in ("gif", "png"):
        shown = quarters(decode(encode(image, name, transparency=clear), LIMITS))
        assert shown[0] == (255, 255, 255)
        assert alike(shown[1], GREEN)


@pytest.mark.parametrize(("mode", "key"), [("RGB", RED), ("L", 0), ("1", 0)])
def test_png_with_one_transparent_colour(mode: str, key: object) -> None:
    image = Image.new(mode, (32, 32), 255 if mode != "RGB" else GREEN)
    image.paste(key, (0, 0, 16, 16))  # type: ignore[arg-type]
    shown = quarters(decode(encode(image, "png", transparency=key), LIMITS))
    assert shown[0] == (255, 255, 255)
    assert shown[3] == (GREEN if mode == "RGB" else (255, 255, 255))


def test_sixteen_bit_grey_is_scaled_not_clipped() -> None:
    ramp = np.linspace(0, 65535, 256 * 32).astype(np.uint16).reshape(32, 256)
    for name in ("png", "tiff"):
        shown = np.asarray(decode(encode(Image.fromarray(ramp), name), LIMITS))[..., 0]
        assert np.abs(shown.astype(int) - ramp // 257).max() <= 1


def _png16(pixels: np.ndarray, *extra: bytes) -> bytes:
    height, width, channels = pixels.shape
    kind = {3: 2, 4: 6}[channels]
    head = width.to_bytes(4, "big") + height.to_bytes(4, "big") + bytes((16, kind, 0, 0, 0))
    import zlib

    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in pixels)
    return (
        b"\x89PNG\r\n\x1a\n"
        + png_chunk(b"IHDR", head)
        + b"".join(extra)
        + png_chunk(b"IDAT", zlib.compress(rows))
        + png_chunk(b"IEND", b"")
    )


def test_sixteen_bit_colour() -> None:
    wanted = np.asarray(corners(), np.uint16) * 257
    shown = quarters(decode(_png16(wanted), LIMITS))
    assert shown == [RED, GREEN, BLUE, YELLOW]
    key = b"".join((value * 257).to_bytes(2, "big") for value in GREEN)
    shown = quarters(decode(_png16(wanted, png_chunk(b"tRNS", key)), LIMITS))
    assert shown == [RED, (255, 255, 255), BLUE, YELLOW]


def test_one_bit_grey_and_palette() -> None:
    for mode in ("1", "L", "P"):
        image = decode(encode(corners().convert(mode), "png"), LIMITS)
        assert (image.mode, image.size) == ("RGB", (64, 48))


@pytest.mark.parametrize("high", [1.0, 255.0, 65535.0, 3e38])
def test_float_tiff(high: float) -> None:
    ramp = np.linspace(0, high, 32 * 32, dtype=np.float32).reshape(32, 32)
    ramp[3, 3] = np.nan
    shown = np.asarray(decode(encode(Image.fromarray(ramp), "tiff"), LIMITS))[..., 0]
    assert shown[0, 0] == 0
    assert shown[-1, -1] == 255
    assert abs(int(shown[16, 0]) - 128) <= 2


def test_int_tiff() -> None:
    ramp = np.linspace(0, 65535, 32 * 32).astype(np.int32).reshape(32, 32)
    shown = np.asarray(decode(encode(Image.fromarray(ramp), "tiff"), LIMITS))[..., 0]
    assert (shown[0, 0], shown[-1, -1]) == (0, 255)


def test_lab_tiff() -> None:
    lab = ImageCms.profileToProfile(
        corners(),
        ImageCms.createProfile("sRGB"),
        ImageCms.createProfile("LAB"),
        outputMode="LAB",
    )
    assert lab is not None
    for got, wanted in zip(
        quarters(decode(encode(lab, "tiff"), LIMITS)), (RED, GREEN, BLUE, YELLOW), strict=True
    ):
        assert alike(got, wanted)


def test_cmyk_as_adobe_writes_it() -> None:
    # Adobe's JPEGs hold inverted CMYK; Pillow writes them so, too.
    data = encode(corners().convert("CMYK"), "jpeg", quality=95)
    assert b"Adobe" in data
    for name_data in (data, encode(corners().convert("CMYK"), "tiff")):
        shown = quarters(decode(name_data, LIMITS))
        for got, wanted in zip(shown, (RED, GREEN, BLUE, YELLOW), strict=True):
            assert alike(got, wanted)


def _wide_gamut_profile() -> bytes:
    """sRGB's profile with its red and green swapped: any use of it is plain to see."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    at = {bytes(profile[p : p + 4]): p for p in range(132, 132 + 12 * 20, 12)}
    red, green = at[b"rXYZ"], at[b"gXYZ"]
    offsets = profile[red + 4 : red + 8], profile[green + 4 : green + 8]
    profile[red + 4 : red + 8], profile[green + 4 : green + 8] = offsets[1], offsets[0]
    return bytes(profile).replace(b"s\0R\0G\0B", b"s\0W\0A\0P").replace(b"\0s\0R\0G", b"\0s\0W\0A")


def test_colour_profile_is_applied() -> None:
    profile = _wide_gamut_profile()
    for name in ("jpeg", "png", "webp", "tiff", "heic"):
        shown = quarters(decode(encode(corners(), name, icc_profile=profile), LIMITS))
        assert shown[0][1] > shown[0][0], name
        assert shown[1][0] > shown[1][1], name


def test_broken_or_foreign_profile_is_ignored() -> None:
    grey = encode(corners().convert("L"), "jpeg", icc_profile=_wide_gamut_profile())
    assert decode(grey, LIMITS).mode == "RGB"
    for profile in (b"nonsense", _wide_gamut_profile()[:200], b"\0" * 4000):
        shown = quarters(decode(encode(corners(), "jpeg", icc_profile=profile), LIMITS))
        assert alike(shown[0], RED)


def test_animations_give_their_first_frame() -> None:
    frames = [Image.new("RGB", (32, 32), GREEN), Image.new("RGB", (32, 32), RED)]
    for name in ("gif", "webp", "png", "tiff", "avif"):
        data = encode(frames[0], name, save_all=True, append_images=frames[1:])
        assert alike(quarters(decode(data, LIMITS))[0], GREEN), name


def test_jpeg_with_a_second_picture_behind_it() -> None:
    out = io.BytesIO()
    corners().save(out, "MPO", save_all=True, append_images=[Image.new("RGB", (64, 48), RED)])
    assert probe(out.getvalue(), LIMITS).format == "jpeg"
    assert alike(quarters(decode(out.getvalue(), LIMITS))[3], YELLOW)


@pytest.mark.parametrize("name", ["jpeg", "png"])
def test_short_side_comes_smaller_and_looks_the_same(name: str) -> None:
    data = encode(noise(1600, 1200), name)
    image = decode(data, LIMITS, short_side=224)
    assert 224 <= min(image.size) <= 672
    plain = decode(data, LIMITS).resize((298, 224), Image.Resampling.BICUBIC)
    fast = image.resize((298, 224), Image.Resampling.BICUBIC)
    difference = np.abs(np.asarray(plain, float) - np.asarray(fast, float)).mean()
    assert difference < 2.5


@pytest.mark.parametrize("size", [(1600, 1200), (400, 500), (1023, 129), (257, 256), (2048, 1024)])
def test_a_jpeg_is_never_drafted_below_what_a_model_takes(size: tuple[int, int]) -> None:
    data = encode(noise(*size), "jpeg")
    for short_side in (64, 96, 128, 160, 224, 235, 256, 288, 384, 512):
        image = decode(data, LIMITS, short_side=short_side)
        assert min(image.size) >= min(short_side, *size), short_side
        # And no more of it is decoded than the scales of JPEG ask for.
        assert min(image.size) < 2 * short_side or 8 * min(image.size) <= min(size) + 7


def test_short_side_never_enlarges() -> None:
    for name in ("jpeg", "png"):
        assert decode(encode(corners(), name), LIMITS, short_side=500).size == (64, 48)


def test_no_warning_about_bombs() -> None:
    # 100 megapixels, which Pillow would warn of; one bit each, so that the test stays small.
    data = encode(Image.new("1", (10_000, 10_000)), "png")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert probe(data, Limits(LIMITS.max_bytes, 200_000_000)).width == 10_000


def test_only_the_accepted_readers_are_loaded() -> None:
    program = (
        "import sys; from PIL import Image; from vitrine.media.decode import Limits, probe\n"
        f"probe(bytes.fromhex('{encode(corners(), 'png').hex()}'), Limits(10**7, 10**7))\n"
        "print(*sorted(Image.OPEN))"
    )
    out = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    readers = set(out.stdout.decode().split())
    assert readers >= set(FORMATS.values())
    assert not readers & {"EPS", "PSD", "WMF", "FLI", "ICO", "PCX", "TGA", "JPEG2000"}


def test_png_text_is_not_needed() -> None:
    info = PngImagePlugin.PngInfo()
    info.add_text("Comment", "x" * 10_000, zip=True)
    assert decode(encode(corners(), "png", pnginfo=info), LIMITS).size == (64, 48)


@pytest.mark.parametrize("mode", ["F", "I", "I;16", "RGBA", "LA", "P", "CMYK", "LAB"])
@pytest.mark.parametrize("short_side", [None, 100])
def test_strips_cannot_be_told_from_a_whole(mode: str, short_side: int | None) -> None:
    # Two pixels above a multiple of the reduction, so that the last rows and columns are partial.
    coarse = noise(902, 1506)
    image = coarse.convert("L").convert(mode) if mode in {"F", "I", "I;16"} else None
    if mode == "I;16":
        image = Image.fromarray(np.asarray(coarse.convert("L"), np.uint16) * 257)
    elif mode == "LAB":
        image = ImageCms.profileToProfile(
            coarse, ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), outputMode="LAB"
        )
    data = encode(image or coarse.convert(mode), "png" if mode in "RGBA LA P" else "tiff")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(colour, "_STRIP_PIXELS", 902 * 70)
        strips = decode(data, LIMITS, short_side=short_side)
        patch.setattr(colour, "_STRIP_PIXELS", 902 * 1506)
        whole = decode(data, LIMITS, short_side=short_side)
    assert strips.size == whole.size == ((902, 1506) if short_side is None else (226, 377))
    assert np.array_equal(np.asarray(strips), np.asarray(whole))
    assert np.asarray(whole).std() > 20


@pytest.mark.parametrize("name", ["jpeg", "png"])
def test_a_long_picture_comes_small_too(name: str) -> None:
    image = decode(encode(noise(440, 8800), name), LIMITS, short_side=224)
    assert image.width >= 224
    assert image.width * image.height <= 32 * 224**2
    assert abs(image.height / image.width - 20) < 0.2


@pytest.mark.parametrize("high", [1.0, 3e38, 2**31 - 1])
def test_large_numbers_are_reduced_without_overflow(high: float) -> None:
    numbers = np.linspace(0, high, 256).repeat(256).reshape(256, 256)
    ramp = numbers.astype(np.int32 if high == 2**31 - 1 else np.float32)
    image = decode(encode(Image.fromarray(ramp), "tiff"), LIMITS, short_side=16)
    shown = np.asarray(image)[..., 0].astype(int)
    assert image.size == (32, 32)
    assert shown[0, 0] <= 4
    assert shown[-1, -1] >= 251
    assert np.abs(np.diff(shown[:, 0]) - 8).max() <= 1
