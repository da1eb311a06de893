"""A design: everything that the drawing of one product needs to know, and its printed skins."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from PIL import Image

from vitrine.demo.mesh import Array, Mesh
from vitrine.demo.motifs import motif
from vitrine.demo.palette import Palette, Rgb
from vitrine.demo.patterns import Print, paint, plain, texture, wood
from vitrine.demo.raster import Part, Surface


@dataclass(frozen=True)
class Material:
    gloss: float
    weave: float = 0.0
    metal: float = 0.0
    opacity: float = 1.0


MATERIALS: dict[str, Material] = {
    "porcelain": Material(0.95),
    "ceramic": Material(0.8),
    "stoneware": Material(0.3, 0.028),
    "enamel": Material(0.9),
    "glass": Material(1.0, 0.0, 0, 0.62),
    "steel": Material(0.8, 0.0, 1.0),
    "aluminium": Material(0.55, 0.008, 0.6),
    "brass": Material(0.8, 0.0, 1.0),
    "plastic": Material(0.5),
    "acetate": Material(0.9),
    "wood": Material(0.25),
    "terracotta": Material(0.08, 0.04),
    "cotton": Material(0.0, 0.028),
    "linen": Material(0.0, 0.048),
    "wool": Material(0.0, 0.064),
    "velvet": Material(0.06, 0.012),
    "silk": Material(0.22, 0.008),
    "canvas": Material(0.03, 0.044),
    "leather": Material(0.35, 0.02),
    "suede": Material(0.0, 0.036),
    "nylon": Material(0.2, 0.016),
    "mesh": Material(0.02, 0.056),
    "straw": Material(0.05, 0.08),
    "felt": Material(0.0, 0.032),
    "paper": Material(0.08, 0.012),
    "rattan": Material(0.1, 0.08),
}


@dataclass(frozen=True)
class Design:
    """`motif` is empty where there is none; `seed` decides on every measure left open."""

    kind: str
    style: str
    material: str
    pattern: str
    motif: str
    palette: Palette
    scale: float
    seed: int

    def rng(self) -> np.random.Generator:
        return np.random.default_rng(self.seed)

    @property
    def matter(self) -> Material:
        return MATERIALS[self.material]

    def picture(self, aspect: float = 1.0, width: int = 512) -> Image.Image:
        """Draw the pattern alone."""
        return paint(Print(self.pattern, self.palette, self.scale, self.seed), aspect, width)

    def skin(
        self,
        aspect: float,
        *,
        width: int = 512,
        at: Sequence[tuple[float, float]] = (),
        size: float = 0.3,
    ) -> Surface:
        """Print pattern and motif; the motif is centred `at` these u, v and `size` heights tall."""
        picture = self.picture(aspect, width)
        if self.motif and at:
            side = max(8, int(picture.height * size))
            stamp = motif(self.motif, side, self.palette.second, self.palette.accent)
            for u, v in at:
                corner = (int(u * picture.width - side / 2), int(v * picture.height - side / 2))
                picture.paste(stamp, corner, stamp)
        return self.surface(texture(picture, weave=self.matter.weave, seed=self.seed))

    def surface(self, skin: Array) -> Surface:
        """Make a surface of the product's own material."""
        m = self.matter
        return Surface(skin, m.gloss, m.metal, m.opacity)

    def one(self, colour: Rgb) -> Surface:
        """Make a surface of one colour in the product's own material."""
        if not self.matter.weave:
            return self.surface(plain(colour))
        flat = Image.new("RGB", (128, 128), colour)
        return self.surface(texture(flat, weave=self.matter.weave, seed=self.seed))


STEEL = Surface(plain((196, 198, 202)), 0.8, 1.0)
BRASS = Surface(plain((206, 168, 92)), 0.8, 1.0)
DARK = Surface(plain((34, 33, 34)), 0.35)


def metal(rng: np.random.Generator) -> Surface:
    return (STEEL, BRASS, DARK)[int(rng.integers(3))]


def timber(tone: Rgb, seed: int) -> Surface:
    return Surface(wood(tone, seed), 0.22)


def painted(colour: Rgb, gloss: float = 0.3) -> Surface:
    return Surface(plain(colour), gloss)


def shaded(mesh: Mesh, light: Callable[[Array], Array]) -> Mesh:
    """Darken a mesh where its surroundings hide it; `light` maps points [n, 3] to 0..1."""
    return replace(mesh, shade=np.clip(light(mesh.points), 0, 1).astype(np.float32))


@dataclass(frozen=True)
class Kind:
    """A kind of product: how it is sold, and the function that models it.

    A product that `lies` is photographed from above, lying on the floor.
    """

    name: str
    category: str
    nouns: tuple[str, ...]
    styles: tuple[str, ...]
    materials: tuple[str, ...]
    patterns: tuple[str, ...]
    prices: tuple[int, int]
    build: Callable[[Design], list[Part]]
    pose: Literal["stands", "lies"] = "stands"
    motifs: float = 0.35
