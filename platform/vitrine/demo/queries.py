"""Photos that a shopper sends: the same products under conditions that no catalogue photo has."""

import numpy as np

from vitrine.demo.backdrop import VARIANTS, Backdrop
from vitrine.demo.clutter import before, clutter
from vitrine.demo.kinds import KINDS
from vitrine.demo.lens import Lens
from vitrine.demo.mesh import f32
from vitrine.demo.photos import Shot, model, take, unit
from vitrine.demo.products import DemoProduct
from vitrine.demo.scene import Framing, placed
from vitrine.demo.shading import Light

PRINTED = ("checked cloth", "floral cloth", "rug", "striped cloth")
PALE = ("sweep", "sweep", "sweep", "linen", "concrete")
QUIET = ("tiles", "tiles", "dark wood", "light wood", "concrete")
WALLS = ("shelves", "brick", "room")
# Many shoppers take care; the others meet one trouble each.
CONDITIONS = {"plain": 0.4, "clutter": 0.1, "dim": 0.1, "occluded": 0.1, "moving": 0.1,
              "off-centre": 0.1, "far": 0.1}  # fmt: skip


def condition_of(seed: int, product: DemoProduct) -> str:
    """Return what makes the query photo of a product hard."""
    return _condition(_dice(seed, product))


def query_photo(seed: int, product: DemoProduct) -> bytes:
    """Take a shopper's photo, as a JPEG: another floor, angle and light, and one more trouble."""
    rng = _dice(seed, product)
    condition = _condition(rng)
    parts = model(product.design)
    lies = KINDS[product.design.kind].pose == "lies"
    shot = _shot(rng, condition, lies)
    others = []
    if condition in {"clutter", "far"} or (condition != "plain" and rng.random() < 0.35):
        others += clutter(rng, int(rng.integers(3, 7)), near=1.25 if lies else 0.95, far=1.8)
    if condition == "occluded":
        others += before(rng, placed(parts, shot.yaw), lies)
    return take(parts, shot, rng, others)


def _condition(rng: np.random.Generator) -> str:
    return str(rng.choice(list(CONDITIONS), p=list(CONDITIONS.values())))


def _dice(seed: int, product: DemoProduct) -> np.random.Generator:
    return np.random.default_rng([seed, product.index, 5])


def _shot(rng: np.random.Generator, condition: str, lies: bool) -> Shot:
    side = float(rng.choice([-1, 1]))
    yaw = side * float(rng.uniform(20, 62))
    pitch = float(rng.uniform(14, 50))
    if lies:
        yaw, pitch = float(rng.uniform(-60, 60)), float(rng.uniform(48, 74))
    off = 0.16 if condition == "off-centre" else 0.04
    fill = {"far": (0.42, 0.52), "plain": (0.74, 0.96)}.get(condition, (0.62, 0.88))
    framing = Framing(
        pitch=pitch,
        roll=float(rng.normal(0, 6)),
        distance=float(rng.uniform(2.6, 3.8)),
        fill=float(rng.uniform(*fill)),
        shift=(float(rng.normal(0, off)), float(rng.normal(0, off * 0.7))),
    )
    size = (480, 600) if rng.random() < 0.5 else (600, 480)
    lamp = _lamp(rng, side, condition)
    return Shot(yaw, framing, lamp, _home(rng, condition), _phone(rng, condition), size)


def _home(rng: np.random.Generator, condition: str) -> Backdrop:
    quiet = condition == "plain"
    printed = not quiet and rng.random() < 0.4
    return Backdrop(
        floor=str(rng.choice(PALE if quiet else PRINTED if printed else QUIET)),
        wall="paint" if quiet else str(rng.choice(WALLS)),
        tint=(232, 228, 222) if quiet else (214, 204, 188),
        variant=int(rng.integers(VARIANTS)),
        spot=0.3 if quiet else 0.5,
    )


def _lamp(rng: np.random.Generator, side: float, condition: str) -> Light:
    """Return the light of a room: a warm lamp, or a window on the far side."""
    if rng.random() < 0.6:
        colour, ambient = np.array([1.06, 0.96, 0.8]), np.array([1.04, 0.97, 0.88])
    else:
        colour, ambient = np.array([0.92, 1.0, 1.08]), np.array([0.95, 1.0, 1.07])
    behind = 0.15 if condition == "plain" else -0.3
    direction = unit(side * rng.uniform(0.5, 1.2), rng.uniform(0.5, 1.0), rng.uniform(behind, 0.5))
    return Light(
        direction,
        f32(colour * rng.uniform(0.6, 0.85)),
        f32(ambient * rng.uniform(0.34, 0.46)),
        softness=float(rng.uniform(0.5, 1.2)),
    )


def _phone(rng: np.random.Generator, condition: str) -> Lens:
    dim, calm = condition == "dim", 0.5 if condition == "plain" else 1.0
    moving = float(rng.uniform(5, 11)) if condition == "moving" else 0.0
    return Lens(
        exposure=float(rng.uniform(0.4, 0.6) if dim else rng.normal(1.05, 0.1 * calm)),
        balance=(float(rng.normal(1.0, 0.05 * calm)), float(rng.normal(0.98, 0.06 * calm))),
        contrast=float(rng.normal(1.0, 0.08 * calm)),
        vignette=float(rng.uniform(0.05, 0.35 * calm)),
        blur=float(rng.uniform(0, 1.1)),
        motion=(moving, float(rng.uniform(0, 180))),
        noise=float(rng.uniform(0.02, 0.045) if dim else rng.uniform(0.006, 0.022)),
        quality=int(rng.integers(55, 85)),
    )
