"""Colours: few names that many products share, each in several shades, and what goes with what."""

from dataclasses import dataclass

import numpy as np

Rgb = tuple[int, int, int]

SHADES: dict[str, tuple[Rgb, ...]] = {
    "white": ((244, 242, 236), (236, 232, 224), (248, 247, 244)),
    "black": ((38, 38, 42), (30, 32, 38), (48, 45, 44)),
    "grey": ((142, 146, 150), (116, 120, 126), (168, 168, 164)),
    "beige": ((214, 194, 164), (202, 178, 146), (222, 206, 180)),
    "brown": ((122, 82, 54), (98, 64, 44), (146, 100, 66)),
    "red": ((190, 48, 44), (168, 38, 48), (206, 66, 54)),
    "orange": ((222, 122, 48), (208, 104, 52), (232, 142, 74)),
    "yellow": ((232, 188, 66), (220, 172, 48), (238, 204, 104)),
    "green": ((74, 122, 82), (98, 130, 84), (48, 96, 76)),
    "teal": ((44, 128, 132), (68, 142, 140), (34, 108, 116)),
    "blue": ((62, 106, 168), (86, 132, 186), (48, 88, 148)),
    "navy": ((38, 52, 92), (32, 44, 78), (48, 62, 104)),
    "pink": ((222, 146, 158), (208, 122, 142), (232, 170, 176)),
    "purple": ((118, 84, 142), (98, 70, 126), (142, 106, 160)),
}
NEUTRAL = ("white", "black", "grey", "beige")
_CONTRAST: dict[str, tuple[str, ...]] = {
    "white": ("navy", "red", "black", "blue", "green", "orange", "teal", "pink"),
    "black": ("white", "beige", "yellow", "red", "grey", "pink"),
    "grey": ("white", "black", "yellow", "navy", "pink", "teal"),
    "beige": ("brown", "green", "white", "navy", "red", "black"),
    "brown": ("beige", "white", "orange", "teal", "yellow"),
    "red": ("white", "navy", "beige", "yellow", "black"),
    "orange": ("white", "navy", "brown", "beige", "teal"),
    "yellow": ("white", "grey", "navy", "brown", "green"),
    "green": ("white", "beige", "yellow", "pink", "orange"),
    "teal": ("white", "beige", "orange", "navy", "yellow"),
    "blue": ("white", "yellow", "navy", "beige", "orange"),
    "navy": ("white", "red", "beige", "orange", "pink"),
    "pink": ("white", "green", "grey", "red", "navy"),
    "purple": ("white", "yellow", "beige", "pink", "grey"),
}


@dataclass(frozen=True)
class Palette:
    """Three colours of one product; `names` are those of the first two."""

    names: tuple[str, str]
    base: Rgb
    second: Rgb
    accent: Rgb


def choose(rng: np.random.Generator) -> Palette:
    # Shops sell much white and black; no colour may give a product away.
    names = list(SHADES)
    weight = np.array([1.6 if name in NEUTRAL else 1.0 for name in names])
    base = names[int(rng.choice(len(names), p=weight / weight.sum()))]
    partners = _CONTRAST[base]
    second, accent = (partners[int(k)] for k in rng.permutation(len(partners))[:2])
    return Palette((base, second), *(_shade(rng, name) for name in (base, second, accent)))


def _shade(rng: np.random.Generator, name: str) -> Rgb:
    shades = SHADES[name]
    wobble = rng.normal(0, 4, 3)
    return mixed(shades[int(rng.integers(len(shades)))], (0, 0, 0), 0.0, wobble)


def mixed(a: Rgb, b: Rgb, part: float, wobble: np.ndarray | None = None) -> Rgb:
    """Return `a` with `part` of `b` in it."""
    blend = np.array(a) * (1 - part) + np.array(b) * part
    red, green, blue = np.clip(blend + (0 if wobble is None else wobble), 0, 255).astype(int)
    return int(red), int(green), int(blue)


def lighter(colour: Rgb, part: float) -> Rgb:
    return mixed(colour, (255, 255, 255), part)


def darker(colour: Rgb, part: float) -> Rgb:
    return mixed(colour, (0, 0, 0), part)
