"""Meshes: parametric surfaces as grids of quads. y is up, the front of a product faces +z."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


def f32(values: npt.ArrayLike) -> Array:
    """Make a float32 array."""
    return np.asarray(values, np.float32)


@dataclass(frozen=True)
class Mesh:
    """points, normals [n, 3]; uv [n, 2] (v = 0 is the top row of a texture); shade [n].

    `quads` [m, 4] name their corners in order; `coarse` are fewer of them: enough for shadows.
    """

    points: Array
    normals: Array
    uv: Array
    shade: Array
    quads: Array
    coarse: Array

    def moved(self, x: float = 0.0, y: float = 0.0, z: float = 0.0) -> "Mesh":
        return replace(self, points=self.points + f32([x, y, z]))

    def turned(self, matrix: Array) -> "Mesh":
        """Rotate about the origin by a 3×3 matrix."""
        turn = matrix.T.astype(np.float32)
        return replace(self, points=self.points @ turn, normals=self.normals @ turn)

    def scaled(self, x: float, y: float, z: float) -> "Mesh":
        factors = f32([x, y, z])
        return replace(self, points=self.points * factors, normals=_unit(self.normals / factors))


def rotation(*, yaw: float = 0.0, pitch: float = 0.0, roll: float = 0.0) -> Array:
    """Return the matrix that rolls about z, then pitches about x, then yaws about y; degrees."""
    (cy, cp, cr), (sy, sp, sr) = (f(np.radians([yaw, pitch, roll])) for f in (np.cos, np.sin))
    about_y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    about_x = np.array([[1, 0, 0], [0, cp, -sp], [0, sp, cp]])
    about_z = np.array([[cr, -sr, 0], [sr, cr, 0], [0, 0, 1]])
    return f32(about_y @ about_x @ about_z)


def grid(
    points: Array,
    *,
    closed: bool = False,
    keep: Array | None = None,
    shade: Array | None = None,
) -> Mesh:
    """Make a mesh of points [rows, columns, 3]: rows run along v, columns along u.

    `closed`: the last column is the first again (only the normals need to know).
    `keep` [rows, columns]: quads without any kept corner are left out.
    """
    rows, columns, _ = points.shape
    along_v = np.gradient(points, axis=0)
    if closed:
        ring = np.concatenate([points[:, -2:-1], points, points[:, 1:2]], axis=1)
        along_u = ring[:, 2:] - ring[:, :-2]
    else:
        along_u = np.gradient(points, axis=1)
    normals = _unit(np.cross(along_u, along_v))
    v, u = np.meshgrid(np.linspace(0, 1, rows), np.linspace(0, 1, columns), indexing="ij")
    # The shadow of a cut-out comes from its inner quads: outer ones would show as steps.
    step = 3 if keep is None else 1
    coarse = _quads(rows, columns, step, keep, np.all)
    mesh = Mesh(
        points.reshape(-1, 3).astype(np.float32),
        normals.reshape(-1, 3).astype(np.float32),
        np.stack([u, v], axis=-1).reshape(-1, 2).astype(np.float32),
        np.ones(rows * columns, np.float32) if shade is None else shade.ravel().astype(np.float32),
        _quads(rows, columns, 1, keep, np.any),
        coarse,
    )
    return mesh if keep is None else _trimmed(mesh)


def revolve(profile: Sequence[tuple[float, float]], segments: int = 42, detail: int = 24) -> Mesh:
    """Turn a profile of (radius, height), top to bottom, about the y axis; u = 0.5 is the front."""
    line = resample(np.array(profile, float), detail)
    angle = np.linspace(-np.pi, np.pi, segments + 1)
    radius = np.maximum(line[:, 0], 1e-3)[:, None]
    height = np.broadcast_to(line[:, 1:2], (detail, segments + 1))
    return grid(
        np.stack([radius * np.sin(angle), height, radius * np.cos(angle)], axis=-1), closed=True
    )


def tube(
    path: Sequence[Sequence[float]],
    radius: float | Callable[[Array], Array],
    *,
    segments: int = 10,
    detail: int = 24,
    flatten: float = 1.0,
    smooth: bool = True,
) -> Mesh:
    """Sweep a circle along a path; `radius` may be a function of 0..1, `flatten` makes a strap."""
    line = spline(path, detail) if smooth else resample(np.array(path, float), detail)
    tangent = _unit(np.gradient(line, axis=0))
    side = np.cross(tangent, [0.0, 0.0, 1.0])
    weak = np.linalg.norm(side, axis=1) < 0.2
    side[weak] = np.cross(tangent[weak], [1.0, 0.0, 0.0])
    side = _unit(side)
    other = np.cross(tangent, side)
    t = np.linspace(0, 1, detail)
    r = radius(t) if callable(radius) else np.full(detail, radius)
    angle = np.linspace(0, 2 * np.pi, segments + 1)
    ring = (
        side[:, None] * (np.cos(angle) * flatten)[None, :, None]
        + other[:, None] * np.sin(angle)[None, :, None]
    )
    return grid(line[:, None] + ring * r[:, None, None], closed=True)


def pillow(
    size: tuple[float, float, float],
    *,
    squareness: float = 4.0,
    bulge: float = 2.0,
    detail: int = 26,
    taper: float = 0.0,
) -> tuple[Mesh, Mesh]:
    """Make front and back of a closed soft box of full `size` about the origin.

    `squareness`: exponent of the outline seen from the front (2 is an ellipse); `bulge`: exponent
    of its depth (high is a box); `taper`: how much narrower the top is.
    """
    width, height, depth = size
    t = np.linspace(-1, 1, detail)
    # Denser towards the rim, where the surface turns.
    t = np.sign(t) * (1 - (1 - np.abs(t)) ** 1.6)
    a, b = np.meshgrid(t, -t)
    # Square to superellipse: move each ring of the square onto the ring of the outline.
    ring = np.maximum(np.abs(a), np.abs(b))
    norm = (np.abs(a) ** squareness + np.abs(b) ** squareness) ** (1 / squareness)
    pull = np.divide(ring, norm, out=np.ones_like(ring), where=norm > 0)
    x, y = a * pull, b * pull
    # A product of both, not of the ring: that would leave creases along the diagonals.
    z = (np.maximum(1 - np.abs(a) ** bulge, 0) * np.maximum(1 - np.abs(b) ** bulge, 0)) ** (
        1 / bulge
    )
    x = x * (1 - taper * (y + 1) / 2)
    # A print is not drawn into the corners with the mesh: it lies flat over the front.
    flat = np.stack([(x + 1) / 2, (1 - y) / 2], axis=-1).reshape(-1, 2).astype(np.float32)
    front = np.stack([x * width / 2, y * height / 2, z * depth / 2], axis=-1)
    back = front * [1, 1, -1]
    return replace(grid(front), uv=flat), replace(grid(back), uv=flat)


def slab(size: tuple[float, float, float], *, corner: float = 0.35, edge: float = 0.08) -> Mesh:
    """Make a box with rounded corners and edges, standing on y = 0 and centred on x and z.

    `corner`: 0 is a sharp ground plan, 1 an ellipse; `edge`: rounding, as a part of the thickness.
    """
    width, height, depth = size
    around = np.linspace(-np.pi, np.pi, 57)
    c, s = np.sin(around), np.cos(around)
    power = max(corner, 0.02)
    plan_x, plan_z = np.sign(c) * np.abs(c) ** power, np.sign(s) * np.abs(s) ** power
    bevel = min(size) * edge
    turn = np.linspace(0, np.pi / 2, 4)
    top = [(bevel * (1 - np.sin(t)), height - bevel * (1 - np.cos(t))) for t in turn]
    side = [(0.0, height - bevel + (2 * bevel - height) * t) for t in (0.02, 0.35, 0.65, 0.98)]
    bottom = [(inset, height - y) for inset, y in reversed(top)]
    rows = [(min(width, depth) * 0.3, height), (bevel * 1.1, height), *top, *side, *bottom]
    rows = [*rows, (bevel * 1.1, 0.0)]
    points = [np.stack([0 * c, 0 * c + height, 0 * c], axis=-1)]
    for inset, y in rows:
        x, z = plan_x * (width / 2 - inset), plan_z * (depth / 2 - inset)
        points.append(np.stack([x, 0 * c + y, z], axis=-1))
    points.append(np.stack([0 * c, 0 * c, 0 * c], axis=-1))
    return grid(np.stack(points), closed=True)


def panel(width: float, height: float, *, detail: int = 8) -> Mesh:
    """Make an upright sheet about the origin that faces +z."""
    x, y = np.meshgrid(
        np.linspace(-width / 2, width / 2, detail), np.linspace(height / 2, -height / 2, detail)
    )
    return grid(np.stack([x, y, 0 * x], axis=-1))


def resample(line: Array, count: int) -> Array:
    """Return `count` points at equal distances along a polyline [n, k]."""
    length = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(line, axis=0), axis=1))])
    at = np.linspace(0, length[-1], count)
    return np.stack([np.interp(at, length, line[:, k]) for k in range(line.shape[1])], axis=1)


def spline(points: Sequence[Sequence[float]], count: int) -> Array:
    """Return `count` points at equal distances along the Catmull-Rom curve through `points`."""
    p = np.array(points, float)
    p = np.concatenate([[2 * p[0] - p[1]], p, [2 * p[-1] - p[-2]]])
    t = np.linspace(0, 1, 9)[:-1, None]
    pieces = []
    for a, b, c, d in zip(p, p[1:], p[2:], p[3:], strict=False):
        pieces.append(
            0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2
                   + (3 * b - a - 3 * c + d) * t**3)
        )  # fmt: skip
    return resample(np.concatenate([*pieces, p[-2:-1]]), count)


def curve(points: Sequence[tuple[float, float]], count: int = 40) -> list[tuple[float, float]]:
    """Smooth a profile of (radius, height)."""
    return [(float(r), float(y)) for r, y in spline(points, count)]


def _trimmed(mesh: Mesh) -> Mesh:
    """Drop the points that no quad uses."""
    used = np.unique(np.concatenate([mesh.quads.ravel(), mesh.coarse.ravel()]))
    number = np.zeros(len(mesh.points), np.int32)
    number[used] = np.arange(len(used))
    return Mesh(
        mesh.points[used], mesh.normals[used], mesh.uv[used], mesh.shade[used],
        number[mesh.quads], number[mesh.coarse],
    )  # fmt: skip


def _unit(vectors: Array) -> Array:
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.asarray(vectors / np.maximum(length, 1e-9))


def _quads(
    rows: int, columns: int, step: int, keep: Array | None, wanted: Callable[..., Array]
) -> Array:
    """Return the quads of a grid; of those in `keep`, the ones with any or all corners kept."""
    index = np.arange(rows * columns).reshape(rows, columns)
    row_picks = np.unique(np.append(np.arange(0, rows, step), rows - 1))
    column_picks = np.unique(np.append(np.arange(0, columns, step), columns - 1))
    index = index[np.ix_(row_picks, column_picks)]
    a, b, c, d = index[:-1, :-1], index[:-1, 1:], index[1:, 1:], index[1:, :-1]
    if keep is not None:
        kept = keep.ravel()
        inside = wanted(np.stack([kept[a], kept[b], kept[c], kept[d]]), axis=0)
        a, b, c, d = a[inside], b[inside], c[inside], d[inside]
    return np.stack([a, b, c, d], axis=-1).reshape(-1, 4).astype(np.int32)
