"""From whatever a file holds to 8-bit sRGB: depth, transparency, CMYK and colour profiles."""

import io
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageCms

_MAX_PROFILE_BYTES = 4 * 1024 * 1024
_WHITE = (255, 255, 255)
_ALPHA_MODES = frozenset({"RGBA", "LA", "PA", "RGBa", "La"})
_DEEP_MODES = frozenset({"I", "F"})


def flatten(image: Image.Image) -> Image.Image:
    """Bring any mode to RGB or CMYK, 8 bits a channel, with transparency laid onto white."""
    if image.mode in _DEEP_MODES or image.mode.startswith("I;16"):
        return _flatten_deep(image)
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


def _flatten_deep(image: Image.Image) -> Image.Image:
    values = np.asarray(image)
    grey = _to_eight_bits(values, sixteen=image.mode.startswith("I;16"))
    key = image.info.get("transparency")
    if isinstance(key, int):
        grey = np.where(values == key, np.uint8(255), grey)
    return Image.fromarray(grey).convert("RGB")


def _to_eight_bits(values: npt.NDArray[np.generic], *, sixteen: bool) -> npt.NDArray[np.uint8]:
    """Scale, never clip. Where the file does not say what white is, its range is guessed."""
    if sixteen:
        return (values.astype(np.uint16, copy=False) >> 8).astype(np.uint8)
    numbers = np.nan_to_num(values.astype(np.float32), nan=0.0, posinf=0.0, neginf=0.0)
    low, high = float(numbers.min()), float(numbers.max())
    if low >= 0 and high <= 1 and values.dtype.kind == "f":
        low, high = 0.0, 1.0
    elif low >= 0 and high <= 255:
        low, high = 0.0, 255.0
    elif low >= 0 and high <= 65535:
        low, high = 0.0, 65535.0
    # In float64, because high - low of two large floats can overflow float32.
    scaled = (numbers.astype(np.float64) - low) * (255.0 / max(high - low, 1e-12))
    return np.rint(scaled).astype(np.uint8)


def _from_lab(image: Image.Image) -> Image.Image:
    converted = ImageCms.profileToProfile(
        image, ImageCms.createProfile("LAB"), _srgb(), outputMode="RGB"
    )
    assert converted is not None
    return converted


def to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """Convert RGB or CMYK to sRGB by the file's own profile; a broken profile is ignored."""
    transform = None
    if profile and len(profile) <= _MAX_PROFILE_BYTES:
        transform = _transform(profile, image.mode)
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
