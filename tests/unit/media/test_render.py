import io

import pytest
from PIL import Image, ImageCms
from tests.unit.media.pictures import FORMATS, LIMITS, alike, corners, encode, noise, quarters

from vitrine.errors import ImageRejected
from vitrine.media.render import encode as write_jpeg
from vitrine.media.render import render, shrink


def shown(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data))


@pytest.mark.parametrize("name", FORMATS)
def test_becomes_a_progressive_jpeg(name: str) -> None:
    image = shown(render(encode(corners(), name), LIMITS, width=None))
    assert (image.format, image.mode, image.size) == ("JPEG", "RGB", (64, 48))
    assert image.info.get("progressive")
    assert alike(quarters(image.convert("RGB"))[3], (230, 220, 30))


@pytest.mark.parametrize(
    ("width", "size"), [(32, (32, 24)), (64, (64, 48)), (5000, (64, 48)), (1, (16, 12))]
)
def test_width_is_held_in_bounds(width: int, size: tuple[int, int]) -> None:
    assert shown(render(encode(corners(), "png"), LIMITS, width=width)).size == size


@pytest.mark.parametrize("name", ["jpeg", "png"])
def test_width_is_exact_for_large_pictures(name: str) -> None:
    data = encode(noise(1000, 2000), name)
    assert shown(render(data, LIMITS, width=333)).size == (333, 666)


def test_what_a_jpeg_cannot_hold_is_a_refusal() -> None:
    with pytest.raises(ImageRejected) as caught:
        write_jpeg(Image.new("RGB", (16, 65_501)))
    assert caught.value.code == "not-shown"


@pytest.mark.parametrize("name", ["jpeg", "png", "webp", "avif", "heic", "tiff"])
def test_no_metadata_survives(name: str) -> None:
    secret = b"SECRETPLACE"
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010E] = secret.decode()
    exif.get_ifd(0x8825)[29] = secret.decode()
    options: dict[str, object] = {"exif": exif.tobytes()}
    if name != "tiff":
        options["xmp"] = b"<x:xmpmeta>" + secret + b"</x:xmpmeta>"
    if name == "jpeg":
        options["comment"] = secret
    options["icc_profile"] = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    data = encode(corners(), name, **options)
    assert secret in data
    for width in (None, 24):
        out = render(data, LIMITS, width=width)
        for trace in (secret, b"Exif", b"http://ns.adobe.com", b"ICC_PROFILE", b"xmpmeta", b"8BIM"):
            assert trace not in out
    assert shown(render(data, LIMITS, width=None)).size == (48, 64)


@pytest.mark.parametrize("name", ["jpeg", "png"])
@pytest.mark.parametrize(
    ("size", "small"),
    [((1000, 2000), (512, 1024)), ((2000, 120), (1024, 61)), ((90, 64), (90, 64))],
)
def test_a_shrunk_picture_has_no_long_side(
    name: str, size: tuple[int, int], small: tuple[int, int]
) -> None:
    assert shrink(encode(noise(*size), name), LIMITS, longest=1024).size == small
