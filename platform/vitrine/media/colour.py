"""From whatever a file holds to 8-bit sRGB: depth, transparency, CMYK and colour profiles.

It is done in strips, each reduced at once if the picture is wanted smaller: the steps between take
up to 28 bytes a pixel, of one strip instead of the whole picture.
"""

import io
import math
from collections.abc import Iterator
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageCms

_MAX_PROFILE_BYTES = 4 * 1024 * 1024
_WHITE = (255, 255, 255)
_ALPHA_MODES = frozenset({"RGBA", "LA", "PA", "RGBa", "La"})
_DEEP_MODES = frozenset({"I", "F"})
_STRIP_PIXELS = 256 * 1024
_SMALL = 2.0**24
_Range = tuple[float, float]


def develop(image: Image.Image, *, factor: int = 1) -> Image.Image:
    """Make an 8-bit sRGB picture of a loaded one, on white, both sides divided by `factor`.

    By the profile in the picture's `info`. The answer is always a picture of its own.
    """
    profile = image.info.get("icc_profile")
    if _is_plain(image, profile):
        return image.reduce(factor) if factor > 1 else image.copy()
    whites = _range(image) if image.mode in _DEEP_MODES else (0.0, 65535.0)
    # Pillow adds numbers up in their own type, where large ones overflow.
    small = image.mode in _DEEP_MODES and max(map(abs, whites)) < _SMALL
    size = -(-image.width // factor), -(-image.height // factor)
    made = Image.new("RGB", size)
    for top, strip in _strips(image, factor):
        # Means of numbers are as good as means of colours, and there are fewer to convert.
        early = factor > 1 and small and _is_finite(strip)
        flat = _flatten(strip.reduce(factor) if early else strip, whites)
        if factor > 1 and not early:
            flat = flat.reduce(factor)
        made.paste(_to_srgb(flat, profile), (0, top // factor))
    return made


def _is_plain(image: Image.Image, profile: bytes | None) -> bool:
    if image.mode != "RGB" or "transparency" in image.info:
        return False
    return not profile or _usable(profile, "RGB") is None


def _strips(image: Image.Image, factor: int = 1) -> Iterator[tuple[int, Image.Image]]:
    """Cut into strips whose heights are multiples of `factor`, the last excepted."""
    rows = max(_STRIP_PIXELS // image.width // factor, 1) * factor
    for top in range(0, image.height, rows):
        yield top, image.crop((0, top, image.width, min(top + rows, image.height)))


def _flatten(image: Image.Image, whites: _Range) -> Image.Image:
    """Bring any mode to RGB or CMYK, 8 bits a channel, with transparency laid onto white."""
    if image.mode in _DEEP_MODES or image.mode.startswith("I;16"):
        return _flatten_deep(image, whites)
    if image.mode == "LAB":
        return _from_lab(image)
    if image.mode in _ALPHA_MODES or "transparency" in image.info:
        return _onto_white(image)
    if image.mode in {"RGB", "CMYK"}:
        return image
    return image.convert("RGB")


def _onto_white(image: Image.Image) -> Image.Image:
    _shorten_transparent_colour(image)
    rgba = image if image.mode == "RGBA" else image.convert("RGBA")
    white = Image.new("RGB", image.size, _WHITE)
    white.paste(rgba, mask=rgba)
    return white


def _shorten_transparent_colour(image: Image.Image) -> None:
    # A 16-bit RGB PNG names its transparent colour in 16 bits; Pillow keeps 8 of the pixels'.
    key = image.info.get("transparency")
    if image.mode == "RGB" and isinstance(key, tuple) and max(key) > 255:
        image.info["transparency"] = tuple(value >> 8 for value in key)


def _flatten_deep(image: Image.Image, whites: _Range) -> Image.Image:
    values = np.asarray(image)
    sixteen = image.mode.startswith("I;16")
    grey = _shortened(values) if sixteen else _scaled(values, whites)
    key = image.info.get("transparency")
    if isinstance(key, int):
        grey = np.where(values == key, np.uint8(255), grey)
    return Image.fromarray(grey).convert("RGB")


def _shortened(values: npt.NDArray[np.generic]) -> npt.NDArray[np.uint8]:
    return (values.astype(np.uint16, copy=False) >> 8).astype(np.uint8)


def _scaled(values: npt.NDArray[np.generic], whites: _Range) -> npt.NDArray[np.uint8]:
    low, high = whites
    # In float64, because high - low of two large floats can overflow float32.
    numbers = _finite(values).astype(np.float64)
    return np.rint((numbers - low) * (255.0 / max(high - low, 1e-12))).astype(np.uint8)


def _is_finite(image: Image.Image) -> bool:
    return image.mode == "I" or bool(np.isfinite(np.asarray(image)).all())


def _finite(values: npt.NDArray[np.generic]) -> npt.NDArray[np.float32]:
    if values.dtype.kind != "f" or np.isfinite(values.astype(np.float32, copy=False)).all():
        return values.astype(np.float32, copy=False)
    return np.nan_to_num(values.astype(np.float32), nan=0.0, posinf=0.0, neginf=0.0)


def _range(image: Image.Image) -> _Range:
    """What is black and what is white: scale, never clip. The file does not say: it is guessed."""
    low, high = math.inf, -math.inf
    for _, strip in _strips(image):
        numbers = _finite(np.asarray(strip))
        low, high = min(low, float(numbers.min())), max(high, float(numbers.max()))
    if low < 0:
        return low, high
    bounds = (1.0, 255.0, 65535.0) if image.mode == "F" else (255.0, 65535.0)
    return next(((0.0, bound) for bound in bounds if high <= bound), (low, high))


def _from_lab(image: Image.Image) -> Image.Image:
    converted = ImageCms.applyTransform(image, _lab_transform())
    assert converted is not None
    return converted


@lru_cache(maxsize=1)
def _lab_transform() -> ImageCms.ImageCmsTransform:
    return ImageCms.buildTransform(ImageCms.createProfile("LAB"), _srgb(), "LAB", "RGB")


def _usable(profile: bytes | None, mode: str) -> ImageCms.ImageCmsTransform | None:
    if not profile or len(profile) > _MAX_PROFILE_BYTES:
        return None
    return _transform(profile, mode)


def _to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """Convert RGB or CMYK to sRGB by the file's own profile; a broken profile is ignored."""
    transform = _usable(profile, image.mode)
    if transform is not None:
        try:
            converted = ImageCms.applyTransform(image, transform)
        except (ImageCms.PyCMSError, ValueError):
            converted = None
        if converted is not None:
            return converted
    return image if image.mode == "RGB" else image.convert("RGB")


@lru_cache(maxsize=16)
def _transform(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    """Prepare the way to sRGB; None where it leads nowhere else or the profile cannot be used."""
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        space = source.profile.xcolor_space.strip()
        if space != mode or (mode == "RGB" and _is_srgb(source)):
            return None
        return ImageCms.buildTransform(source, _srgb(), mode, "RGB")
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError, AttributeError):
        return None


def _is_srgb(profile: ImageCms.ImageCmsProfile) -> bool:
    return "sRGB" in (profile.profile.profile_description or "")


@lru_cache(maxsize=1)
def _srgb() -> ImageCms.ImageCmsProfile:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
