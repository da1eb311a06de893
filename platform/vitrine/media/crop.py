"""Cut a part out of a photo, given in fractions of its width and height."""

from PIL import Image

from vitrine.errors import Invalid

Box = tuple[float, float, float, float]
"""x, y, width and height; (0, 0) is the top left corner."""

LEAST_PIXELS = 8
# So much a box may stick out: clients compute with floats.
_SLACK = 1e-3


def crop(image: Image.Image, box: Box) -> Image.Image:
    """Cut `box` out; raises Invalid for one that leaves the photo or has hardly a pixel."""
    return image.crop(pixels(box, *image.size))


def pixels(box: Box, width: int, height: int) -> tuple[int, int, int, int]:
    """Left, top, right and bottom in a photo of this size, in pixels.

    Raises Invalid for a box that leaves the photo or has hardly a pixel.
    """
    x, y, across, down = box
    inside = x >= 0 and y >= 0 and x + across <= 1 + _SLACK and y + down <= 1 + _SLACK
    if not (inside and across > 0 and down > 0):
        raise Invalid(
            f"The box x {x:g}, y {y:g}, width {across:g}, height {down:g} leaves the photo: they "
            "are fractions, and neither x + width nor y + height may be above 1."
        )
    left, top = round(x * width), round(y * height)
    right, bottom = min(round((x + across) * width), width), min(round((y + down) * height), height)
    if min(right - left, bottom - top) < LEAST_PIXELS:
        raise Invalid(
            f"The box has {right - left} × {bottom - top} pixels of the photo's {width} × {height} "
            f"and needs at least {LEAST_PIXELS} × {LEAST_PIXELS}: choose a larger part, or send "
            "a larger photo."
        )
    return left, top, right, bottom
