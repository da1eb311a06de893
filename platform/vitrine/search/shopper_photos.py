"""Turn a catalogue photo into one such as shoppers take of the same thing.

What a shop shows is easier to find than what a phone sends; and a model that was trained on the
shop's own pictures knows those by heart, but not these.
"""

import random

from PIL import Image, ImageEnhance, ImageFilter

_CHANGES = (ImageEnhance.Brightness, ImageEnhance.Contrast, ImageEnhance.Color)


def as_shopper(photo: Image.Image, other: Image.Image, dice: random.Random) -> Image.Image:
    """Half of them too near (a part of the thing), half too far, lying on the picture `other`."""
    if dice.random() < 0.5:
        return _developed(_cut(photo, 0.5, 0.8, dice), dice)
    thing = _developed(_cut(photo, 0.7, 0.95, dice), dice)
    return _lay(thing, other.convert("RGB").resize(photo.size), dice)


def _cut(photo: Image.Image, least: float, most: float, dice: random.Random) -> Image.Image:
    """Lean it, and keep so much of each side."""
    leaning = photo.convert("RGB").rotate(dice.uniform(-12, 12), Image.Resampling.BILINEAR)
    width, height = (max(8, int(side * dice.uniform(least, most))) for side in leaning.size)
    left = dice.randint(0, max(0, leaning.width - width))
    top = dice.randint(0, max(0, leaning.height - height))
    return leaning.crop((left, top, left + width, top + height))


def _developed(photo: Image.Image, dice: random.Random) -> Image.Image:
    """Change light and colour, and lose the focus a little."""
    for change in _CHANGES:
        photo = change(photo).enhance(dice.uniform(0.65, 1.35))
    return photo.filter(ImageFilter.GaussianBlur(dice.uniform(0, 0.02) * min(photo.size)))


def _lay(thing: Image.Image, ground: Image.Image, dice: random.Random) -> Image.Image:
    """Lay it on a quarter to three fifths of another picture."""
    shrunk = dice.uniform(0.25, 0.6) ** 0.5
    size = tuple(max(8, int(side * shrunk)) for side in ground.size)
    small = thing.resize((size[0], size[1]))
    left = dice.randint(0, max(0, ground.width - small.width))
    top = dice.randint(0, max(0, ground.height - small.height))
    ground.paste(small, (left, top))
    return ground
