"""Shoes: sneaker."""

import numpy as np

from vitrine.demo.design import Design, Kind, painted
from vitrine.demo.mesh import Mesh, f32, grid, tube
from vitrine.demo.palette import darker, lighter
from vitrine.demo.raster import Part


def sneaker(d: Design) -> list[Part]:
    rng = d.rng()
    long, high = (
        1.5,
        {"high-top": rng.uniform(0.72, 0.82), "slip-on": 0.42}.get(
            d.style, rng.uniform(0.48, 0.56)
        ),
    )
    sole, toe = rng.uniform(0.1, 0.17), rng.uniform(0.2, 0.26)
    s = np.linspace(0, 1, 64)  # from heel to toe
    wide = (
        0.235
        * np.sqrt(np.clip(1 - ((s - 0.5) / 0.5) ** 4, 0, 1))
        * (1 + 0.16 * np.sin((s - 0.45) * 4))
    ).clip(0.004)
    x = (s - 0.5) * long
    top = np.interp(
        s,
        [0, 0.06, 0.18, 0.32, 0.5, 0.68, 0.86, 1.0],
        [high * 0.8, high, high * 0.93, high, high * 0.86, toe * 1.35, toe, sole * 0.9],
    )
    upper = _upper(x, wide, top, sole, (0.09, 0.34 if d.style != "slip-on" else 0.42))
    skin = d.skin(2.1, width=640, at=[(0.45, 0.2), (0.45, 0.8)], size=rng.uniform(0.16, 0.24))
    pixels = skin.texture.copy()
    accent = f32(d.palette.second) / 255
    tip = int(pixels.shape[1] * rng.uniform(0.78, 0.86))
    if rng.random() < 0.6:
        pixels[:, tip:] = accent if rng.random() < 0.5 else f32(lighter(d.palette.base, 0.6)) / 255
    if rng.random() < 0.6:
        pixels[:, : int(pixels.shape[1] * 0.09)] = accent
    if not d.motif:
        _side_stripes(pixels, accent, rng)
    parts = [Part(upper, d.surface(pixels))]
    ink = (240, 238, 232) if rng.random() < 0.7 else d.palette.accent
    parts.append(Part(_sole(x, wide * 1.08 + 0.006, sole, long), painted(ink, 0.15)))
    parts.append(
        Part(
            _sole(x, wide * 1.09 + 0.004, sole * 0.3, long),
            painted((200, 160, 110) if rng.random() < 0.4 else darker(ink, 0.35), 0.1),
        )
    )
    if d.style != "slip-on":
        lace = painted((245, 244, 240) if rng.random() < 0.6 else d.palette.accent, 0.0)
        for at in np.linspace(0.41, 0.66, 5):
            w = float(np.interp(at, s, wide)) * 0.55
            y = float(np.interp(at, s, top))
            path = [
                (float((at - 0.5) * long) - 0.01, y * 0.93, -w),
                (float((at - 0.5) * long), y + 0.018, 0),
                (float((at - 0.5) * long) + 0.012, y * 0.93, w),
            ]
            parts.append(Part(tube(path, 0.019, segments=8, detail=12), lace))
    return parts


def _upper(
    x: np.ndarray, wide: np.ndarray, top: np.ndarray, sole: float, mouth: tuple[float, float]
) -> Mesh:
    t = np.linspace(0, 1, 45)
    angle = (1 - t) * np.pi
    across = np.sign(np.cos(angle)) * np.abs(np.cos(angle)) ** 0.72
    rise = np.abs(np.sin(angle)) ** 0.62
    s = np.linspace(0, 1, len(x))
    opening = np.clip(np.minimum((s - mouth[0]) / 0.05, (mouth[1] - s) / 0.05), 0, 1)
    inside = np.clip((0.72 - np.abs(across)) / 0.12, 0, 1)
    dip = opening[:, None] * inside[None]
    y = sole * 0.8 + (top - sole * 0.8)[:, None] * rise[None]
    y = y * (1 - dip) + (sole + 0.12) * dip
    # The collar leans in, the sides swell out above the sole.
    z = across[None] * wide[:, None] * (1 - 0.22 * (rise[None] ** 2))
    points = np.stack([np.broadcast_to(x[:, None], y.shape), y, z], axis=-1)
    # u runs along the shoe, v across it.
    return grid(points.transpose(1, 0, 2), shade=(1 - 0.7 * dip).T)


def _sole(x: np.ndarray, wide: np.ndarray, tall: float, long: float) -> Mesh:
    ring_x = np.concatenate([x, x[::-1], x[:1]]) * 1.025
    ring_z = np.concatenate([wide, -wide[::-1], wide[:1]])
    lift = np.clip((np.abs(ring_x) / long * 2 - 0.72) / 0.28, 0, 1) ** 2 * 0.05 * (ring_x > 0)
    rows = []
    for part, y in ((0.0, 1.0), (0.93, 1.0), (1.0, 0.85), (1.02, 0.3), (0.98, 0.0)):
        rows.append(
            np.stack(
                [ring_x * max(part, 0.3), 0 * ring_x + y * tall + lift, ring_z * part], axis=-1
            )
        )
    return grid(np.stack(rows), closed=True)


def _side_stripes(pixels: np.ndarray, ink: np.ndarray, rng: np.random.Generator) -> None:
    """Paint a sign of slanting bars, or one swing, on both sides of a shoe."""
    height, width, _ = pixels.shape
    v, u = np.mgrid[0 : 1 : height * 1j, 0 : 1 : width * 1j]
    side = np.minimum(v, 1 - v)  # 0 at the sole, 0.5 on top
    count, lean = int(rng.integers(1, 5)), rng.uniform(-0.6, 0.8)
    for k in range(count):
        at = 0.42 + k * 0.07
        bar = np.abs(u - at - lean * (side - 0.2)) < rng.uniform(0.012, 0.024)
        pixels[bar & (side > 0.06) & (side < 0.33)] = ink
    if count == 1:
        swing = np.abs(side - 0.1 - 0.55 * (u - 0.3) ** 2) < 0.03 * (1.2 - u)
        pixels[swing & (u > 0.25) & (u < 0.8)] = ink


KINDS = (
    Kind(
        "sneaker",
        "shoes/sneakers",
        ("sneaker", "trainer"),
        ("low-top", "high-top", "slip-on", "runner"),
        ("canvas", "leather", "suede", "mesh"),
        (
            "plain",
            "plain",
            "plain",
            "colour-block",
            "gingham",
            "dotted",
            "striped",
            "floral",
            "gradient",
            "leaves",
            "triangles",
        ),
        (39, 169),
        sneaker,
        motifs=0.35,
    ),
)
