"""What is worn beside clothes: watch, sunglasses."""

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from vitrine.demo.design import BRASS, DARK, STEEL, Design, Kind, painted
from vitrine.demo.kinds.tableware import tilted
from vitrine.demo.mesh import Mesh, f32, grid, panel, revolve, rotation, tube
from vitrine.demo.palette import darker, lighter
from vitrine.demo.patterns import texture
from vitrine.demo.raster import Part, Surface


def watch(d: Design) -> list[Part]:
    rng = d.rng()
    r = rng.uniform(0.3, 0.38)
    case = (STEEL, BRASS, DARK, painted(d.palette.second, 0.6))[
        int(rng.choice(4, p=[0.4, 0.3, 0.15, 0.15]))
    ]
    width = r * rng.uniform(0.42, 0.6)
    angle = np.linspace(-np.pi, np.pi, 73)
    across = np.linspace(-1, 1, 9)
    a, s = np.meshgrid(angle, across)
    # The band is a ring in the y–z plane; its front is where the case sits.
    taper = 1 - 0.25 * np.abs(a) / np.pi
    y, z = 0.62 * np.sin(a), 0.5 * np.cos(a)
    band = grid(np.stack([s * width * taper, y, z], axis=-1), closed=True)
    loop = grid(np.stack([s * width * taper, y * 0.955, z * 0.94], axis=-1), closed=True)
    strap = d.skin(6, width=768) if d.material != "steel" else STEEL
    if d.material == "steel":
        links = np.ones((24, 240, 3), np.float32) * 0.78
        links[:, ::10] = 0.35
        links[7:9] = links[15:17] = 0.45
        strap = Surface(links, 0.8, 1.0)
    parts = [
        Part(band, strap),
        Part(loop, d.one(darker(d.palette.base, 0.3)) if d.material != "steel" else strap),
    ]
    square = 14.0 if d.style == "square" else 2.0
    body = _case(
        [(0, 0.1), (r * 0.9, 0.1), (r, 0.06), (r * 1.02, 0.0), (r * 0.92, -0.09), (0, -0.09)],
        square,
    )
    dial = panel(2 * r * 0.88, 2 * r * 0.88, detail=4)
    front = 0.5
    parts += [
        Part(body.moved(z=front), case),
        Part(dial.moved(z=front + 0.108), _dial(d, square, rng)),
    ]
    crown = revolve([(0, 0.07), (0.035, 0.07), (0.035, 0), (0, 0)], 16, 10).turned(
        rotation(roll=-90)
    )
    parts.append(Part(crown.moved(r * 1.0, 0, front), case))
    if d.style == "chronograph":
        for y_ in (-0.13, 0.13):
            parts.append(Part(crown.scaled(0.8, 0.7, 0.7).moved(r * 0.95, y_, front), case))
    return tilted(parts, -18, 0.62)


def _case(profile: list[tuple[float, float]], square: float) -> Mesh:
    mesh = revolve(profile, 46, 36)
    points = mesh.points.copy()
    angle = np.arctan2(points[:, 0], points[:, 2])
    c, s = np.abs(np.sin(angle)), np.abs(np.cos(angle))
    stretch = 0.93 / (c**square + s**square) ** (1 / square) if square > 2 else np.ones(len(points))
    points[:, [0, 2]] *= stretch[:, None]
    return Mesh(points, mesh.normals, mesh.uv, mesh.shade, mesh.quads, mesh.coarse).turned(
        rotation(pitch=90)
    )


def _dial(d: Design, square: float, rng: np.random.Generator) -> Surface:
    n = 384
    base = (
        d.palette.second
        if rng.random() < 0.5
        else ((244, 242, 236), (32, 34, 40), (36, 52, 88))[int(rng.integers(3))]
    )
    ink = (238, 236, 228) if sum(base) < 380 else (36, 38, 44)
    picture = Image.new("RGBA", (n, n), (*base, 255))
    pen = ImageDraw.Draw(picture)
    font = ImageFont.load_default(size=40)
    numerals = int(rng.integers(3))
    for k in range(60):
        a = np.pi * k / 30
        sin, cos = float(np.sin(a)), float(np.cos(a))
        if k % 5 == 0 and numerals == 0:
            pen.text(
                (n / 2 + 142 * sin, n / 2 - 142 * cos),
                str(k // 5 or 12),
                font=font,
                fill=ink,
                anchor="mm",
            )
        elif k % 5 == 0 or (numerals == 1 and k % 1 == 0):
            inner = 138 if k % 5 == 0 else 160
            pen.line(
                [(n / 2 + q * sin, n / 2 - q * cos) for q in (inner, 172)],
                fill=ink,
                width=9 if k % 5 == 0 else 3,
            )
    if d.style == "chronograph":
        for x, y in ((0.33, 0.5), (0.67, 0.5), (0.5, 0.68)):
            box = [(x - 0.1) * n, (y - 0.1) * n, (x + 0.1) * n, (y + 0.1) * n]
            pen.ellipse(
                box,
                fill=lighter(base, 0.3) if sum(base) < 380 else darker(base, 0.18),
                outline=ink,
                width=2,
            )
    hour, minute = rng.uniform(0, 6.28, 2)
    for turn, long, wide in ((hour, 88, 15), (minute, 130, 10), (rng.uniform(0, 6.28), 145, 3)):
        colour = ink if wide > 3 else d.palette.accent
        pen.line(
            [
                (n / 2, n / 2),
                (n / 2 + long * float(np.sin(turn)), n / 2 - long * float(np.cos(turn))),
            ],
            fill=colour,
            width=wide,
        )
    pen.ellipse([n / 2 - 11, n / 2 - 11, n / 2 + 11, n / 2 + 11], fill=ink)
    alpha = Image.new("L", (n, n), 0)
    shape = ImageDraw.Draw(alpha)
    (shape.ellipse if square <= 2 else shape.rectangle)([3, 3, n - 4, n - 4], fill=255)
    picture.putalpha(alpha)
    return Surface(texture(picture), 0.35)


def sunglasses(d: Design) -> list[Part]:
    rng = d.rng()
    n_wide, n_tall = 720, 288
    half, tall = rng.uniform(0.17, 0.195), rng.uniform(0.5, 0.74)
    rim = rng.uniform(0.018, 0.042)
    frame, lens = (
        Image.new("L", (n_wide * 2, n_tall * 2), 0),
        Image.new("L", (n_wide * 2, n_tall * 2), 0),
    )
    for image, grow in ((frame, rim), (lens, 0.0)):
        pen = ImageDraw.Draw(image)
        for side in (-1, 1):
            pts = _lens_outline(
                d.style, (half + grow, tall / 2 + grow * 2.4), side, 0.5 + side * 0.238
            )
            pen.polygon([(x * n_wide * 2, y * n_tall * 2) for x, y in pts], fill=255)
    pen = ImageDraw.Draw(frame)
    high = rng.uniform(0.3, 0.45)
    bar = [
        0.46 * n_wide * 2,
        high * n_tall * 2,
        0.54 * n_wide * 2,
        (high + rng.uniform(0.06, 0.1)) * n_tall * 2,
    ]
    pen.rectangle(bar, fill=255)
    for x in (0.0, 0.935):
        pen.rectangle(
            [
                x * n_wide * 2 + 20,
                high * n_tall * 2 - 20,
                (x + 0.06) * n_wide * 2,
                (high + 0.13) * n_tall * 2,
            ],
            fill=255,
        )
    small = (n_wide, n_tall)
    solid = frame.resize(small, Image.Resampling.BOX)
    holes = lens.resize(small, Image.Resampling.BOX)
    solid.paste(0, (0, 0), holes)
    skin = d.picture(2.5, n_wide)
    skin.putalpha(solid)
    finish = (
        d.surface(texture(skin))
        if d.material != "brass"
        else Surface(texture(_gilded(solid)), 0.8, 1.0)
    )
    tint = (darker(d.palette.second, 0.55), (40, 40, 44), (84, 60, 40))[int(rng.integers(3))]
    fade = np.linspace(0.75, rng.uniform(0.8, 1.7), n_tall)[:, None, None]
    glass = np.clip(
        np.ones((n_tall, n_wide, 4), np.float32) * np.append(f32(tint) / 255, 1) * fade, 0, 1
    )
    glass[..., 3] = np.asarray(holes.point(lambda v: 255 if v > 20 else 0), np.float32) / 255
    sheet = panel(1.5, 0.6, detail=20)
    parts = []
    for back in (0.0, 0.012, 0.024, 0.036):
        parts.append(Part(_curved(sheet, back), finish))
    parts.append(Part(_curved(sheet, 0.018), Surface(glass.astype(np.float32), 1.0, opacity=0.86)))
    solid_skin = d.one(d.palette.base) if d.material != "brass" else BRASS
    y = 0.3 - (high + 0.05) * 0.6
    for side in (-1, 1):
        path = [
            (side * 0.7, y, -0.2),
            (side * 0.69, y, -0.9),
            (side * 0.66, y - 0.03, -1.15),
            (side * 0.63, y - 0.25, -1.36),
        ]
        parts.append(Part(tube(path, rim * 0.9, flatten=0.5, detail=30), solid_skin))
    return tilted(parts, -3, 0.34)


def _gilded(alpha: Image.Image) -> Image.Image:
    picture = Image.new("RGB", alpha.size, (206, 168, 92))
    picture.putalpha(alpha)
    return picture


def _curved(mesh: Mesh, back: float) -> Mesh:
    points = mesh.points.copy()
    points[:, 2] = -0.32 * points[:, 0] ** 2 - back
    return Mesh(points, mesh.normals + f32([0, 0, 0]), mesh.uv, mesh.shade, mesh.quads, mesh.coarse)


def _lens_outline(
    style: str, size: tuple[float, float], side: int, centre: float
) -> list[tuple[float, float]]:
    half, tall = size
    angle = np.linspace(0, 2 * np.pi, 60)
    power = {"round": 1.0, "square": 0.5}.get(style, 0.72)
    x = (
        np.sign(np.cos(angle))
        * np.abs(np.cos(angle)) ** power
        * half
        * (0.9 if style == "round" else 1)
    )
    y = np.sign(np.sin(angle)) * np.abs(np.sin(angle)) ** power * tall
    if style == "cat-eye":
        y = y - 0.24 * tall * (x / half) * side
        x = x * (1 - 0.12 * y / tall)
    if style == "aviator":
        x = x * (1 - 0.22 * y / tall) + side * 0.02 * y / tall
    return [(centre + float(a), 0.5 + float(b)) for a, b in zip(x, y, strict=True)]


KINDS = (
    Kind(
        "watch",
        "accessories/watches",
        ("watch", "wrist watch"),
        ("round", "square", "chronograph"),
        ("leather", "steel", "nylon", "canvas"),
        ("plain", "plain", "striped", "hooped", "chevron", "diagonal"),
        (49, 420),
        watch,
        motifs=0.0,
    ),
    Kind(
        "sunglasses",
        "accessories/sunglasses",
        ("sunglasses", "shades"),
        ("round", "square", "cat-eye", "aviator"),
        ("acetate", "acetate", "plastic", "brass"),
        ("plain", "plain", "terrazzo", "gradient", "brushed", "striped"),
        (19, 160),
        sunglasses,
        motifs=0.0,
    ),
)
