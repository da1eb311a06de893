"""How products are photographed for the shop: which camera, light and backdrop each photo gets."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from vitrine.demo.backdrop import VARIANTS, Backdrop
from vitrine.demo.design import Design
from vitrine.demo.kinds import KINDS
from vitrine.demo.lens import Lens, develop
from vitrine.demo.mesh import Array
from vitrine.demo.palette import Rgb
from vitrine.demo.products import DemoProduct
from vitrine.demo.raster import Part
from vitrine.demo.scene import Framing, Scene, placed, render
from vitrine.demo.shading import Light

PAPERS: tuple[Rgb, ...] = (
    (243, 242, 239),
    (247, 246, 244),
    (228, 230, 232),
    (236, 224, 208),
    (206, 216, 222),
    (232, 212, 208),
    (212, 220, 206),
    (186, 190, 196),
)
WALLS: tuple[Rgb, ...] = ((238, 234, 226), (214, 220, 220), (198, 206, 194), (224, 208, 198))
FLOORS = ("light wood", "dark wood", "linen", "marble", "concrete")
SIZES = ((480, 480), (480, 480), (480, 560), (540, 480))


@dataclass(frozen=True)
class Shot:
    """Everything that makes one picture of a product."""

    yaw: float
    framing: Framing
    light: Light
    backdrop: Backdrop
    lens: Lens
    size: tuple[int, int]


def photo_count(seed: int, index: int) -> int:
    return int(np.random.default_rng([seed, index, 3]).integers(3, 6))


def photos(seed: int, product: DemoProduct) -> list[bytes]:
    """Take the shop's 3 to 5 photos of a product, as JPEG files."""
    return [photo(seed, product, number) for number in range(photo_count(seed, product.index))]


def photo(seed: int, product: DemoProduct, number: int) -> bytes:
    """Take one of the shop's photos."""
    lies = KINDS[product.design.kind].pose == "lies"
    rng = np.random.default_rng([seed, product.index, 4, number])
    return take(model(product.design), shot(rng, number, lies), rng)


@lru_cache(maxsize=2)
def model(design: Design) -> Sequence[Part]:
    return KINDS[design.kind].build(design)


def take(
    parts: Sequence[Part], shot: Shot, rng: np.random.Generator, others: Sequence[Part] = ()
) -> bytes:
    scene = Scene(placed(parts, shot.yaw), shot.framing, shot.light, shot.backdrop, others)
    return develop(render(scene, shot.size), shot.lens, rng)


def shot(rng: np.random.Generator, number: int, lies: bool) -> Shot:
    """Choose the conditions of a catalogue photo: two from the shop's studio, the rest vary."""
    studio = number < 2
    detail = number >= 2 and rng.random() < 0.25
    yaw = float(rng.uniform(-28, 28) if number == 0 else rng.uniform(-48, 48))
    if lies:
        yaw = float(rng.normal(0, 6 if number == 0 else 14))
    pitch = float(rng.uniform(66, 88) if lies else rng.uniform(8, 26 if studio else 38))
    framing = Framing(
        pitch=pitch,
        roll=0.0 if studio else float(rng.normal(0, 2.0)),
        distance=float(rng.uniform(4.2, 7.0)),
        fill=float(rng.uniform(1.05, 1.35) if detail else rng.uniform(0.66, 0.86)),
        shift=(float(rng.normal(0, 0.03)), float(rng.normal(0.01, 0.025))),
    )
    return Shot(
        yaw=yaw,
        framing=framing,
        light=key_light(rng, 0.12 if studio else 0.3),
        backdrop=_backdrop(rng, studio, lies),
        lens=Lens(
            exposure=float(rng.normal(1.0, 0.05)),
            balance=(float(rng.normal(1.0, 0.02)), float(rng.normal(1.0, 0.02))),
            contrast=float(rng.uniform(1.0, 1.1)),
            vignette=0.0 if studio else float(rng.uniform(0, 0.15)),
            noise=float(rng.uniform(0, 0.006 if studio else 0.012)),
            blur=float(rng.choice([0.0, 0.0, 0.5])),
            quality=int(rng.integers(78, 95)),
        ),
        size=SIZES[int(rng.integers(len(SIZES)))],
    )


def key_light(rng: np.random.Generator, spread: float) -> Light:
    """Return a lamp from above, left or right, of daylight give or take `spread` of warmth."""
    side = rng.choice([-1, 1]) * rng.uniform(0.3, 0.8)
    warmth = rng.normal(0, spread * 0.25)
    strength = rng.uniform(0.62, 0.82)
    colour = np.array([1 + warmth, 1.0, 1 - warmth]) * strength
    ambient = np.array([0.98, 1.0, 1.04]) * rng.uniform(0.36, 0.48)
    return Light(
        direction=unit(side, rng.uniform(0.7, 1.1), rng.uniform(0.3, 0.7)),
        colour=colour.astype(np.float32),
        ambient=ambient.astype(np.float32),
        softness=float(rng.uniform(0.7, 1.8)),
    )


def unit(x: float, y: float, z: float) -> Array:
    vector = np.array([x, y, z])
    return np.asarray(vector / np.linalg.norm(vector), np.float32)


def _backdrop(rng: np.random.Generator, studio: bool, lies: bool) -> Backdrop:
    if studio or rng.random() < 0.3:
        tint = PAPERS[int(rng.integers(3 if studio else len(PAPERS)))]
        return Backdrop("sweep", "paint", tint, spot=float(rng.uniform(0.1, 0.4)))
    wall = "paint" if lies else str(rng.choice(["paint", "panels", "room"]))
    return Backdrop(
        floor=str(rng.choice(FLOORS)),
        wall=wall,
        tint=WALLS[int(rng.integers(len(WALLS)))],
        variant=int(rng.integers(VARIANTS)),
        spot=float(rng.uniform(0.2, 0.6)),
    )
