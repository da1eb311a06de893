"""Turn meshes into per-pixel surfaces: Pillow fills quads with their numbers, numpy does the rest.

Within one part the painter's order decides, between parts a depth buffer. What comes out is not yet
lit: see `shading`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image, ImageDraw

from vitrine.demo.mesh import Array, Mesh, f32

# A texture of this side is one colour.
FLAT = 4


@dataclass(frozen=True)
class Surface:
    """What a part is made of. `texture` [h, w, 3 or 4] is sRGB 0..1; alpha below 0.5 cuts away."""

    texture: Array
    gloss: float = 0.1
    metal: float = 0.0
    opacity: float = 1.0
    glow: float = 0.0


@dataclass(frozen=True)
class Part:
    mesh: Mesh
    surface: Surface


@dataclass(frozen=True)
class Camera:
    """Looks at `target` from `distance` away and `pitch` degrees above; see `look`."""

    eye: Array
    right: Array
    up: Array
    forward: Array
    focal: float
    centre: tuple[float, float]

    def project(self, points: Array) -> tuple[Array, Array]:
        """Return screen positions [n, 2] in pixels, and depths [n]."""
        seen = points - self.eye
        depth = np.maximum(seen @ self.forward, 1e-3)
        x = self.centre[0] + self.focal * (seen @ self.right) / depth
        y = self.centre[1] - self.focal * (seen @ self.up) / depth
        return np.stack([x, y], axis=-1), depth

    def rays(self, x: Array, y: Array) -> Array:
        """Return directions [..., 3] of unit depth through pixels."""
        across = ((x - self.centre[0]) / self.focal)[..., None] * self.right
        return np.asarray(across + ((self.centre[1] - y) / self.focal)[..., None] * self.up
                          + self.forward, np.float32)  # fmt: skip

    def panned(self, x: float, y: float) -> "Camera":
        """Return the camera of a cut-out that begins at a pixel."""
        return replace(self, centre=(self.centre[0] - x, self.centre[1] - y))

    def zoomed(self, scale: float) -> "Camera":
        """Return the camera for a picture `scale` times as large."""
        centre = (self.centre[0] * scale, self.centre[1] * scale)
        return replace(self, focal=self.focal * scale, centre=centre)


def look(target: Array, distance: float, pitch: float, roll: float = 0.0) -> Camera:
    """Return a camera of focal length 1 about (0, 0)."""
    p, r = np.radians(pitch), np.radians(roll)
    forward = np.array([0, -np.sin(p), -np.cos(p)], np.float32)
    level, up = np.array([1, 0, 0]), np.array([0, np.cos(p), -np.sin(p)])
    right = (np.cos(r) * level + np.sin(r) * up).astype(np.float32)
    above = (np.cos(r) * up - np.sin(r) * level).astype(np.float32)
    eye = (target - forward * distance).astype(np.float32)
    return Camera(eye, right, above, forward, 1.0, (0.0, 0.0))


@dataclass
class Layer:
    """The nearest surfaces of a picture, pixel by pixel; depth is infinite where there is none."""

    depth: Array
    albedo: Array
    normal: Array
    finish: Array  # gloss, metal, opacity, glow, shade

    @classmethod
    def empty(cls, width: int, height: int) -> "Layer":
        def zeros(k: int) -> Array:
            return np.zeros((height, width, k), np.float32)

        return cls(np.full((height, width), np.inf, np.float32), zeros(3), zeros(3), zeros(5))


def draw(parts: Sequence[Part], camera: Camera, size: tuple[int, int]) -> Layer:
    layer = Layer.empty(*size)

    def distance(part: Part) -> float:
        return float(camera.project(part.mesh.points)[1].min())

    # What is near first: what it hides then costs little.
    for part in sorted(parts, key=distance):
        _draw_part(layer, part, camera, size)
    return layer


def _draw_part(layer: Layer, part: Part, camera: Camera, size: tuple[int, int]) -> None:
    mesh, surface = part.mesh, part.surface
    screen, depth = camera.project(mesh.points)
    left, top = np.maximum(np.floor(screen.min(0)), 0).astype(int)
    right, bottom = np.minimum(np.ceil(screen.max(0)) + 1, size).astype(int)
    if right <= left or bottom <= top:
        return
    screen = screen.astype(np.float32) - f32([left, top])
    numbers = _fill(screen, depth, mesh.quads, (right - left, bottom - top))
    ys, xs = np.nonzero(numbers)
    quad = numbers[ys, xs].astype(np.int32) - 1
    corners, weights, depths = _weights(screen, f32(depth), mesh.quads, quad, xs, ys)
    at = (ys + top) * size[0] + xs + left
    seen = np.nonzero(depths < layer.depth.ravel().take(at))[0]
    at, corners, weights = at[seen], corners.take(seen, axis=0), weights.take(seen, axis=0)

    # normal, uv, shade
    sources = np.concatenate([mesh.normals, mesh.uv, mesh.shade[:, None]], axis=1)
    values = sources.take(corners[:, 0], axis=0) * weights[:, 0:1]
    values += sources.take(corners[:, 1], axis=0) * weights[:, 1:2]
    values += sources.take(corners[:, 2], axis=0) * weights[:, 2:3]
    albedo, depths = sample(surface.texture, values[:, 3:5]), depths[seen]
    if albedo.shape[1] == 4:
        solid = np.nonzero(albedo[:, 3] > 0.5)[0]
        at, albedo, values, depths = at[solid], albedo[solid], values[solid], depths[solid]
    finish = np.empty((len(at), 5), np.float32)
    finish[:, :4] = surface.gloss, surface.metal, surface.opacity, surface.glow
    finish[:, 4] = values[:, 5]
    layer.depth.reshape(-1)[at] = depths
    layer.albedo.reshape(-1, 3)[at] = albedo[:, :3]
    layer.normal.reshape(-1, 3)[at] = values[:, :3]
    layer.finish.reshape(-1, 5)[at] = finish


def _fill(screen: Array, depth: Array, quads: Array, size: tuple[int, int]) -> Array:
    """Return for each pixel the number (from 1) of the nearest quad; far ones are drawn first."""
    canvas = Image.new("I;16", (int(size[0]), int(size[1])), 0)
    pen = ImageDraw.Draw(canvas)
    order = np.argsort(-depth[quads].sum(axis=1))
    outlines = np.rint(screen)[quads[order]].reshape(-1, 8).tolist()
    for number, outline in zip((order + 1).tolist(), outlines, strict=True):
        pen.polygon(outline, fill=number)
    return np.asarray(canvas)


def _weights(
    screen: Array, depth: Array, quads: Array, numbers: Array, xs: Array, ys: Array
) -> tuple[Array, Array, Array]:
    """Return for each pixel the triangle [n, 3] of its quad, its weights in it, and its depth.

    The weights are perspective-correct. A quad a, b, c, d is the triangles a, b, c and a, d, c.
    """
    a, b, c, d = (screen[quads[:, k]].astype(np.float64) for k in range(4))
    across = c - a
    # Twice the signed area of a, c and the pixel is positive on the side of b.
    side = np.sign(_cross(across, b - a))
    cut = f32(np.stack([-across[:, 1], across[:, 0], -_cross(across, a)], axis=1) * side[:, None])
    planes = np.stack([_planes(a, b, c), _planes(a, d, c)], axis=1).reshape(-1, 6)
    corners_of = np.stack([quads[:, [0, 1, 2]], quads[:, [0, 3, 2]]], axis=1).reshape(-1, 3)

    px, py = xs.astype(np.float32), ys.astype(np.float32)
    line = cut.take(numbers, axis=0)
    other = line[:, 0] * px + line[:, 1] * py + line[:, 2] < 0
    triangle = numbers * 2 + other
    plane = planes.astype(np.float32).take(triangle, axis=0)
    weights = np.empty((len(numbers), 3), np.float32)
    np.clip(plane[:, 0] * px + plane[:, 1] * py + plane[:, 2], 0, 1, out=weights[:, 1])
    np.clip(plane[:, 3] * px + plane[:, 4] * py + plane[:, 5], 0, 1, out=weights[:, 2])
    np.clip(1 - weights[:, 1] - weights[:, 2], 0, 1, out=weights[:, 0])
    corners = corners_of.take(triangle, axis=0)
    weights *= (1 / depth)[corners_of].astype(np.float32).take(triangle, axis=0)
    total = weights[:, 0] + weights[:, 1] + weights[:, 2]
    weights /= total[:, None]
    depths = np.einsum("ij,ij->i", weights, depth.take(corners))
    return corners, weights, depths


def _cross(a: Array, b: Array) -> Array:
    return np.asarray(a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0])


def _planes(a: Array, middle: Array, c: Array) -> Array:
    """Return [m, 6]: the weights of `middle` and of c, each as x, y and constant."""
    side, across = middle - a, c - a
    area = _cross(side, across)
    area = np.where(np.abs(area) < 1e-3, 1e-3, area)
    first = np.stack([across[:, 1], -across[:, 0], -_cross(a, across)], axis=1)
    second = np.stack([-side[:, 1], side[:, 0], _cross(a, side)], axis=1)
    return np.concatenate([first, second], axis=1) / area[:, None]


def sample(texture: Array, uv: Array) -> Array:
    """Read a texture between its pixels; it repeats outside of 0..1."""
    height, width, _ = texture.shape
    if height == width == FLAT:
        return np.broadcast_to(texture[0, 0], (len(uv), texture.shape[2]))
    x = (uv[:, 0] % 1.0) * width
    y = np.clip(uv[:, 1], 0.0, 1.0) * (height - 1)
    left, top = x.astype(np.int32), y.astype(np.int32)
    fx, fy = (x - left)[:, None], (y - top)[:, None]
    left %= width
    right = (left + 1) % width
    below = np.minimum(top + 1, height - 1) * width
    top *= width
    flat = texture.reshape(height * width, -1)
    upper = flat.take(top + left, axis=0)
    upper += (flat.take(top + right, axis=0) - upper) * fx
    lower = flat.take(below + left, axis=0)
    lower += (flat.take(below + right, axis=0) - lower) * fx
    upper += (lower - upper) * fy
    return np.asarray(upper, np.float32)
