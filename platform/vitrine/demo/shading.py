"""Light: what colour a surface shows under one soft key light, a sky and what a gloss mirrors."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from vitrine.demo.mesh import Array, f32
from vitrine.demo.raster import Camera, Layer, Part

SHADOW_MAP = 288


@dataclass(frozen=True)
class Light:
    """`direction` points to the light; colours are linear RGB; `softness` blurs its shadows."""

    direction: Array
    colour: Array
    ambient: Array
    softness: float = 1.0


@dataclass(frozen=True)
class ShadowMap:
    """Depths as the light sees them."""

    depths: Array
    across: Array
    along: Array
    toward: Array
    origin: Array
    scale: float

    def lit(self, points: Array, slack: float) -> Array:
        """Return 0..1 for each point [n, 3]: how much of it the light reaches."""
        x = np.clip((points @ self.across - self.origin[0]) * self.scale, 1, SHADOW_MAP - 2.01)
        y = np.clip((points @ self.along - self.origin[1]) * self.scale, 1, SHADOW_MAP - 2.01)
        height = points @ self.toward + slack
        ix, iy = x.astype(np.int32), y.astype(np.int32)
        fx, fy = x - ix, y - iy
        flat, at = self.depths.ravel(), iy * SHADOW_MAP + ix
        near = [(flat.take(at + k) <= height) for k in (0, 1, SHADOW_MAP, SHADOW_MAP + 1)]
        upper = near[0] * (1 - fx) + near[1] * fx
        lower = near[2] * (1 - fx) + near[3] * fx
        return np.asarray(upper * (1 - fy) + lower * fy, np.float32)


def shadow_map(parts: Sequence[Part], light: Light) -> ShadowMap:
    toward = light.direction
    across = np.cross([0.0, 1.0, 0.02], toward)
    across = (across / np.linalg.norm(across)).astype(np.float32)
    along = np.cross(toward, across).astype(np.float32)
    points = np.concatenate([part.mesh.points for part in parts])
    flat = np.stack([points @ across, points @ along], axis=1)
    low = flat.min(0)
    scale = (SHADOW_MAP - 8) / float((flat.max(0) - low).max())
    origin = low - 4 / scale
    canvas = Image.new("F", (SHADOW_MAP, SHADOW_MAP), -1e6)
    pen = ImageDraw.Draw(canvas)
    corners = []
    for part in parts:
        if part.surface.opacity < 1 or part.surface.texture.shape[2] == 4:
            continue
        corners.append(part.mesh.points[part.mesh.coarse])
    if corners:
        quads = np.concatenate(corners)
        # The far corner: a surface must not shade itself.
        heights = (quads @ toward).min(axis=1)
        order = np.argsort(heights)
        seen = np.stack([quads @ across, quads @ along], axis=-1)[order]
        outlines = np.rint((seen - origin) * scale).reshape(-1, 8).tolist()
        for outline, height in zip(outlines, heights[order].tolist(), strict=True):
            pen.polygon(outline, fill=height)
    return ShadowMap(np.asarray(canvas), across, along, toward, origin, scale)


def shade(layer: Layer, camera: Camera, light: Light, shadows: ShadowMap, slack: float) -> Array:
    """Return linear RGBA [h, w, 4], not premultiplied, of everything in the layer."""
    height, width = layer.depth.shape
    out = np.zeros((height, width, 4), np.float32)
    ys, xs = np.nonzero(np.isfinite(layer.depth))
    if not len(ys):
        return out
    view = camera.rays(xs.astype(np.float32), ys.astype(np.float32))
    at = ys * width + xs
    points = camera.eye + view * layer.depth.ravel().take(at)[:, None]
    view /= np.sqrt(np.einsum("ij,ij->i", view, view))[:, None]
    normal = layer.normal.reshape(-1, 3).take(at, axis=0)
    normal /= np.sqrt(np.maximum(np.einsum("ij,ij->i", normal, normal), 1e-12))[:, None]
    facing = np.einsum("ij,ij->i", normal, view)
    normal *= np.where(facing > 0, f32(-1), f32(1))[:, None]
    facing = np.abs(facing)
    gloss, metal, opacity, glow, dim = layer.finish.reshape(-1, 5).take(at, axis=0).T.copy()
    albedo = layer.albedo.reshape(-1, 3).take(at, axis=0) ** 2

    towards = normal @ light.direction
    reached = shadows.lit(points + normal * slack, slack)
    wrap = np.clip(towards * 0.85 + 0.15, 0, 1) * (0.15 + 0.85 * reached)
    # A floor in front of a product throws light back; close to the floor less of the sky is seen.
    sky = 0.62 + 0.38 * normal[:, 1]
    contact = 0.72 + 0.28 * np.clip(points[:, 1] / (slack * 25), 0, 1)
    ambient = (sky * contact * dim)[:, None] * light.ambient
    diffuse = wrap[:, None] * light.colour * (0.4 + 0.6 * dim[:, None]) + ambient

    mirror = view + 2 * facing[:, None] * normal
    grazing = (1 - facing) ** 2
    fresnel = 0.04 + 0.96 * grazing * grazing * (1 - facing)
    strength = (gloss * (fresnel * (1 - metal) + metal * 0.85))[:, None]
    room = _room(mirror, light, gloss, reached) * np.where(metal[:, None] > 0.5, albedo, 1)
    colour = albedo * diffuse * (1 - 0.85 * metal[:, None]) + strength * room * dim[:, None]
    colour += albedo * glow[:, None]
    flat = out.reshape(-1, 4)
    flat[at, :3] = colour
    flat[at, 3] = np.clip(opacity + (opacity < 1) * fresnel * 0.7, 0, 1)
    return out


def _room(direction: Array, light: Light, gloss: Array, reached: Array) -> Array:
    """Return what a mirror shows in each direction: the lamp, a softbox, a bright ceiling."""
    bright = 0.25 + 0.75 * _step(direction[:, 1], -0.35, 0.8)
    along = direction @ light.direction
    sharp = 12 + 300 * gloss**2
    lamp = np.exp((along - 1) * sharp) * (1 + 7 * gloss) * (0.2 + 0.8 * reached)
    box = _step(direction[:, 0] * -np.sign(light.direction[0] + 1e-6), 0.55, 0.62) * _step(
        np.abs(direction[:, 1] - 0.15), 0.6, 0.5
    )
    sheen = (bright + 1.6 * box * gloss)[:, None] * light.ambient * 1.5
    return np.asarray(sheen + (lamp * 2.2)[:, None] * light.colour)


def _step(value: Array, low: float, high: float) -> Array:
    t = np.clip((value - low) / (high - low), 0, 1)
    return np.asarray(t * t * (3 - 2 * t))


def ground_shadow(
    parts: Sequence[Part], camera: Camera, light: Light, size: tuple[int, int]
) -> tuple[Array, Array]:
    """Return two masks [h, w] in 0..1 of the plane y = 0: cast shadow, and the dark of contact."""
    straight = np.array([0, 1, 0], np.float32)
    cast = _flattened(parts, camera, light.direction, size)
    under = _flattened(parts, camera, straight, size)
    # What lies flat throws a narrow shadow with a sharp edge.
    tall = min(1.0, max(float(part.mesh.points[:, 1].max()) for part in parts) / 0.6)
    blur = size[0] * 0.012 * light.softness * tall
    soft = cast.filter(ImageFilter.GaussianBlur(blur + size[0] * 0.003))
    wide = cast.filter(ImageFilter.GaussianBlur(blur * 2.5 + size[0] * 0.004))
    contact = under.filter(ImageFilter.GaussianBlur(size[0] * (0.004 + 0.016 * tall)))
    shadow = np.asarray(soft, np.float32) * 0.6 + np.asarray(wide, np.float32) * 0.4
    return shadow / 255, np.asarray(contact, np.float32) / 255 * (0.35 + 0.65 * tall)


def _flattened(
    parts: Sequence[Part], camera: Camera, toward: Array, size: tuple[int, int]
) -> Image.Image:
    mask = Image.new("L", (size[0] // 2, size[1] // 2), 0)
    pen = ImageDraw.Draw(mask)
    small = camera.zoomed(0.5)
    for part in parts:
        if part.surface.opacity < 0.3:
            continue
        points = part.mesh.points
        fallen = points - toward * (points[:, 1:2] / toward[1])
        screen, _ = small.project(fallen)
        ink = int(255 * min(1, 0.35 + 0.65 * part.surface.opacity))
        for outline in np.rint(screen[part.mesh.coarse]).reshape(-1, 8).tolist():
            pen.polygon(outline, fill=ink)
    return mask.resize(size, Image.Resampling.BILINEAR)
