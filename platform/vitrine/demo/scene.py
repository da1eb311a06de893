"""One picture: things in front of a backdrop, under a light, before a camera."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image

from vitrine.demo.backdrop import Backdrop
from vitrine.demo.mesh import Array, rotation
from vitrine.demo.raster import Camera, Part, draw, look
from vitrine.demo.shading import Light, ground_shadow, shade, shadow_map

_SUPERSAMPLE = 1.25
# How far shadows start from a surface.
_SLACK = 0.012


@dataclass(frozen=True)
class Framing:
    """Where the camera stands and how the product lies in the picture.

    `fill`: the product's larger side as a part of the picture's; above 1 it is cropped.
    `shift`: how far its centre is from the middle, as a part of the picture.
    """

    pitch: float
    roll: float = 0.0
    distance: float = 5.0
    fill: float = 0.72
    shift: tuple[float, float] = (0.0, 0.0)


@dataclass(frozen=True)
class Scene:
    """`others` are in the picture too but do not decide where the camera looks."""

    product: Sequence[Part]
    framing: Framing
    light: Light
    backdrop: Backdrop
    others: Sequence[Part] = ()


def placed(parts: Sequence[Part], yaw: float, x: float = 0.0, z: float = 0.0) -> list[Part]:
    """Turn a thing about its own axis and set it down on the floor."""
    turn = rotation(yaw=yaw)
    return [replace(part, mesh=part.mesh.turned(turn).moved(x, 0, z)) for part in parts]


def render(scene: Scene, size: tuple[int, int]) -> Array:
    """Return the picture as linear RGB [h, w, 3]."""
    camera = aim(scene.product, scene.framing, size)
    parts = [*scene.product, *scene.others]
    behind = _background(scene, parts, camera, size)
    shadows = shadow_map(parts, scene.light)
    left, top, right, bottom = _bounds(parts, camera, size)
    close = camera.zoomed(_SUPERSAMPLE).panned(left * _SUPERSAMPLE, top * _SUPERSAMPLE)
    large = (int((right - left) * _SUPERSAMPLE), int((bottom - top) * _SUPERSAMPLE))

    solid = draw([p for p in parts if p.surface.opacity >= 1], close, large)
    picture = shade(solid, close, scene.light, shadows, _SLACK)
    clear = [p for p in parts if p.surface.opacity < 1]
    if clear:
        veil = draw(clear, close, large)
        veil.depth[veil.depth > solid.depth] = np.inf
        picture = _over(shade(veil, close, scene.light, shadows, _SLACK), picture)
    area = behind[top:bottom, left:right]
    behind[top:bottom, left:right] = _mounted(picture, area)
    return behind


def _bounds(
    parts: Sequence[Part], camera: Camera, size: tuple[int, int]
) -> tuple[int, int, int, int]:
    """Return the part of the picture that has things in it, in multiples of 4 for the scaling."""
    seen = np.concatenate([camera.project(part.mesh.points)[0] for part in parts])
    low = np.clip(np.floor(seen.min(0)) - 4, 0, np.array(size) - 4).astype(int) // 4 * 4
    high = np.clip(np.ceil(seen.max(0)) + 5, low + 4, size).astype(int) // 4 * 4
    return int(low[0]), int(low[1]), int(high[0]), int(high[1])


def _background(
    scene: Scene, parts: Sequence[Part], camera: Camera, size: tuple[int, int]
) -> Array:
    detail = scene.backdrop.detail
    small = (round(size[0] * detail), round(size[1] * detail))
    far = camera.zoomed(detail)
    dark = ground_shadow(parts, far, scene.light, small)
    picture = scene.backdrop.render(far, scene.light, small, dark)
    bands = (Image.fromarray(np.ascontiguousarray(picture[..., k])) for k in range(3))
    wide = [np.asarray(band.resize(size, Image.Resampling.BILINEAR)) for band in bands]
    return np.stack(wide, axis=-1)


def aim(parts: Sequence[Part], framing: Framing, size: tuple[int, int]) -> Camera:
    """Point a camera so that the parts fill the picture as the framing wants."""
    points = np.concatenate([part.mesh.points for part in parts])
    middle = (points.min(0) + points.max(0)) / 2
    camera = look(middle, framing.distance, framing.pitch, framing.roll)
    seen, _ = camera.project(points)
    low, high = seen.min(0), seen.max(0)
    focal = framing.fill / float(np.max((high - low) / np.array(size)))
    centre = np.array(size) * (np.array(framing.shift) + 0.5) - (low + high) / 2 * focal
    return replace(camera, focal=focal, centre=(float(centre[0]), float(centre[1])))


def _mounted(picture: Array, behind: Array) -> Array:
    """Shrink linear RGBA to the size of a background and lay it over."""
    height, width, _ = behind.shape
    # As roots, like a JPEG keeps them: eight bits are then enough. 2 is the brightest.
    roots = np.sqrt(np.clip(picture[..., :3], 0, 2)) * (picture[..., 3:] * (255 / np.sqrt(2)))
    packed = np.empty(picture.shape, np.uint8)
    packed[..., :3] = roots
    packed[..., 3] = picture[..., 3] * 255
    small = Image.fromarray(packed, "RGBX").resize((width, height), Image.Resampling.HAMMING)
    front = np.asarray(small, np.float32) / 255
    total = front[..., :3] + np.sqrt(behind / 2) * (1 - front[..., 3:])
    return np.asarray(2 * total**2, np.float32)


def _over(front: Array, back: Array) -> Array:
    alpha = front[..., 3:]
    total = alpha + back[..., 3:] * (1 - alpha)
    colour = front[..., :3] * alpha + back[..., :3] * back[..., 3:] * (1 - alpha)
    return np.concatenate([colour / np.maximum(total, 1e-4), total], axis=-1)
