"""Things for the room: vase, lamp, chair, cushion."""

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from vitrine.demo.design import BRASS, DARK, STEEL, Design, Kind, metal, painted, shaded, timber
from vitrine.demo.kinds.tableware import GLAZED, tilted
from vitrine.demo.mesh import curve, panel, pillow, revolve, rotation, slab, tube
from vitrine.demo.palette import Rgb, darker, lighter
from vitrine.demo.patterns import texture
from vitrine.demo.raster import Part, Surface

WOODS: tuple[Rgb, ...] = ((204, 162, 114), (150, 104, 66), (98, 66, 46), (222, 190, 146))
CLOTHS = ("plain", "striped", "hooped", "gingham", "tartan", "dotted", "floral", "leaves",
          "chevron", "triangles", "waves", "brushed", "scales", "diagonal", "stars")  # fmt: skip


def vase(d: Design) -> list[Part]:
    rng = d.rng()
    tall, belly = rng.uniform(1.0, 1.5), rng.uniform(0.3, 0.5)
    mouth, foot = belly * rng.uniform(0.3, 0.7), belly * rng.uniform(0.45, 0.75)
    if d.style == "cylinder":
        line = [
            (belly * 0.8, tall),
            (belly * 0.8, tall * 0.5),
            (belly * 0.8, 0.04),
            (belly * 0.76, 0),
        ]
    elif d.style == "amphora":
        line = [
            (mouth * 1.2, tall),
            (mouth * 0.8, tall * 0.86),
            (belly, tall * 0.6),
            (foot, tall * 0.12),
            (foot * 0.9, 0),
        ]
    elif d.style == "gourd":
        line = [
            (mouth, tall),
            (mouth * 0.8, tall * 0.9),
            (belly * 0.7, tall * 0.72),
            (belly * 0.5, tall * 0.55),
            (belly, tall * 0.28),
            (foot, 0.03),
            (foot * 0.9, 0),
        ]
    elif d.style == "flared":
        line = [
            (belly, tall),
            (mouth, tall * 0.6),
            (belly * 0.7, tall * 0.25),
            (foot, 0.03),
            (foot * 0.9, 0),
        ]
    else:
        line = [
            (mouth, tall),
            (mouth * 0.9, tall * 0.82),
            (belly, tall * rng.uniform(0.35, 0.6)),
            (foot, 0.04),
            (foot * 0.9, 0),
        ]
    outer = curve(line, 60)
    if rng.random() < 0.3:
        # Turned grooves.
        count = rng.uniform(8, 20)
        outer = [(r * (1 + 0.018 * float(np.sin(y * count * 4))), y) for r, y in outer]
    lip = outer[0][0]
    inner = [(lip * 0.9, tall - 0.004), (lip * 0.82, tall * 0.8), (0.001, tall * 0.75)]
    dark = shaded(
        revolve(inner, detail=12), lambda p: 0.1 + 0.8 * np.clip((p[:, 1] / tall - 0.8) * 5, 0, 1)
    )
    rim = [(lip * 0.89, tall - 0.01), (lip * 0.95, tall + 0.012), (lip * 1.003, tall - 0.008)]
    skin = d.skin(2 * np.pi * belly / tall, width=640, at=[(0.5, 0.55)], size=0.28)
    parts = [Part(revolve(outer, 46, 48), skin), Part(dark, d.one(darker(d.palette.base, 0.2))),
             Part(revolve(rim, detail=8), d.one(d.palette.base))]  # fmt: skip
    if d.style == "amphora" and rng.random() < 0.6:
        a = max(r for r, _ in outer)
        for side in (-1, 1):
            path = [
                (side * mouth * 0.85, tall * 0.88, 0),
                (side * (a + 0.02), tall * 0.9, 0),
                (side * a * 0.92, tall * 0.68, 0),
            ]
            parts.append(Part(tube(path, 0.035), d.one(d.palette.second)))
    return parts


def lamp(d: Design) -> list[Part]:
    rng = d.rng()
    stem_top = rng.uniform(0.7, 1.0)
    parts = _lamp_foot(d, stem_top, rng)
    tall = rng.uniform(0.42, 0.6)
    wide = rng.uniform(0.42, 0.58)
    narrow = wide * {"drum": 0.95, "cone": rng.uniform(0.35, 0.55)}.get(
        d.style, rng.uniform(0.6, 0.8)
    )
    base = stem_top - 0.02
    if d.style == "mushroom":
        line = curve(
            [
                (0.001, base + tall),
                (wide * 0.6, base + tall * 0.88),
                (wide * 1.05, base + tall * 0.3),
                (wide * 1.08, base),
            ]
        )
    else:
        line = [(narrow, base + tall), ((narrow + wide) / 2, base + tall / 2), (wide, base)]
    skin = d.skin(2 * np.pi * wide / tall, width=768)
    # A shade of cloth glows towards its middle.
    glow = (
        skin.texture
        * (1 - np.abs(np.linspace(-0.6, 1, len(skin.texture))) ** 2 * 0.35)[:, None, None]
    )
    cloth = Surface(glow.astype(np.float32), 0.02, glow=rng.uniform(0.15, 0.4))
    parts.append(Part(revolve(line, 46, 30), cloth))
    inner = [(r * 0.985, y) for r, y in line]
    parts.append(
        Part(revolve(inner, 48, 16), Surface(np.full((4, 4, 3), 0.97, np.float32), 0, glow=0.5))
    )
    if rng.random() < 0.5 and d.style != "mushroom":
        for r, y in (line[0], line[-1]):
            ring = revolve([(r + 0.004, y + 0.015), (r + 0.006, y - 0.015)], 46, 4)
            parts.append(Part(ring, painted(darker(d.palette.second, 0.1), 0.05)))
    return parts


def _lamp_foot(d: Design, top: float, rng: np.random.Generator) -> list[Part]:
    shape = int(rng.integers(4))
    if shape == 0:
        wood = timber(WOODS[int(rng.integers(4))], d.seed)
        legs = []
        for k in range(3):
            a = 2 * np.pi * k / 3 + 0.5
            legs.append(
                Part(
                    tube(
                        [
                            (0.06 * np.sin(a), top, 0.06 * np.cos(a)),
                            (0.36 * np.sin(a), 0, 0.36 * np.cos(a)),
                        ],
                        lambda t: 0.035 - 0.012 * t,
                        detail=8,
                    ),
                    wood,
                )
            )
        return legs
    if shape == 1:
        r = rng.uniform(0.22, 0.3)
        plate = revolve([(0, 0.05), (r, 0.045), (r + 0.01, 0.02), (r, 0)], 48, 20)
        pole = revolve([(0.022, top), (0.022, 0.03)], 16, 8)
        finish = metal(rng)
        return [Part(plate, finish), Part(pole, finish)]
    r = rng.uniform(0.2, 0.32)
    if shape == 2:
        line = curve(
            [(0.05, top), (0.06, top * 0.85), (r, top * 0.45), (r * 0.8, top * 0.12), (r * 0.6, 0)]
        )
    else:
        line = curve(
            [
                (0.04, top),
                (0.05, top * 0.8),
                (r * 0.62, top * 0.62),
                (r * 0.35, top * 0.45),
                (r, top * 0.2),
                (r * 0.7, 0),
            ]
        )
    body = (
        painted(d.palette.second, 0.8)
        if rng.random() < 0.7
        else (BRASS if rng.random() < 0.5 else DARK)
    )
    return [Part(revolve(line, 48, 40), body)]


def chair(d: Design) -> list[Part]:
    rng = d.rng()
    wide, deep, seat = rng.uniform(0.62, 0.74), rng.uniform(0.58, 0.68), rng.uniform(0.62, 0.7)
    tone = WOODS[int(rng.integers(4))]
    frame = timber(tone, d.seed) if rng.random() < 0.7 else metal(rng)
    splay = rng.uniform(0.0, 0.1)
    parts = []
    for sx in (-1, 1):
        for sz in (-1, 1):
            foot = (sx * (wide / 2 - 0.02 + splay), 0.0, sz * (deep / 2 - 0.02 + splay))
            head = (sx * (wide / 2 - 0.08), seat, sz * (deep / 2 - 0.08))
            parts.append(Part(tube([head, foot], lambda t: 0.042 - 0.017 * t, detail=8), frame))
    thick = {"upholstered": 0.16}.get(d.style, 0.07)
    skin = d.skin(1.6, width=512)
    cushion = slab((wide, thick, deep), corner=rng.uniform(0.25, 0.7), edge=0.45).moved(y=seat)
    soft = skin if d.style != "wooden" else frame
    parts.append(Part(cushion, soft))
    return parts + _chair_back(d, (wide, deep, seat + thick * 0.5), frame, skin)


def _chair_back(
    d: Design, size: tuple[float, float, float], frame: Surface, skin: Surface
) -> list[Part]:
    rng = np.random.default_rng(d.seed + 1)
    wide, deep, seat = size
    tall, lean = rng.uniform(0.55, 0.85), rng.uniform(6, 14)
    parts: list[Part] = []
    turn = rotation(pitch=-lean)

    def put(mesh, surface: Surface, y: float) -> None:  # type: ignore[no-untyped-def]
        parts.append(Part(mesh.moved(y=y).turned(turn).moved(y=seat, z=-deep / 2 + 0.05), surface))

    posts = d.style in {"wooden", "slatted"}
    if posts:
        for side in (-1, 1):
            post = tube(
                [(side * (wide / 2 - 0.07), -0.05, 0), (side * (wide / 2 - 0.05), tall, 0)],
                0.033,
                detail=8,
            )
            put(post, frame, 0)
        if rng.random() < 0.5:
            for k in range(int(rng.integers(2, 5))):
                put(
                    slab((wide - 0.1, 0.09, 0.035)),
                    frame if d.style == "wooden" else skin,
                    0.14 + k * tall * 0.24,
                )
        else:
            put(
                slab((wide - 0.08, 0.12, 0.045)), frame if d.style == "wooden" else skin, tall - 0.1
            )
            for x in np.linspace(-wide / 2 + 0.16, wide / 2 - 0.16, int(rng.integers(3, 6))):
                put(
                    tube([(x, -0.03, 0), (x, tall - 0.06, 0)], 0.018, detail=4, segments=8),
                    frame,
                    0,
                )
        return parts
    squareness = rng.choice([2.2, 3.2, 6.0])
    for half in pillow(
        (wide * rng.uniform(0.9, 1.08), tall, 0.14), squareness=squareness, bulge=3.5, detail=28
    ):
        put(half, skin, tall / 2 + (0.12 if rng.random() < 0.4 else 0.02))
    return parts


def cushion(d: Design) -> list[Part]:
    rng = d.rng()
    wide = rng.uniform(1.25, 1.5) if d.style == "lumbar" else 1.0
    tall = {"lumbar": 0.72}.get(d.style, 1.0)
    square = 2.0 if d.style == "round" else 9.0
    front, back = pillow(
        (wide, tall, rng.uniform(0.36, 0.5)), squareness=square, bulge=1.9, detail=28
    )
    if d.style != "round":
        front, back = (_pinched(m, wide, tall) for m in (front, back))
    skin = d.skin(wide / tall, width=560, at=[(0.5, 0.5)], size=rng.uniform(0.4, 0.62))
    parts = [Part(front, skin), Part(back, d.one(d.palette.base))]
    if rng.random() < 0.5:
        angle = np.linspace(0, 2 * np.pi, 60)
        c, s = np.cos(angle), np.sin(angle)
        ring = np.stack(
            [
                np.sign(c) * np.abs(c) ** (2 / square) * wide / 2,
                np.sign(s) * np.abs(s) ** (2 / square) * tall / 2,
                0 * c,
            ],
            axis=1,
        )
        if d.style != "round":
            ring = ring * (1 - 0.07 * (1 - np.abs(c * s * 2))[:, None])
        parts.append(
            Part(
                tube(ring.tolist(), 0.018, detail=90, smooth=False, segments=8),
                d.one(d.palette.accent),
            )
        )
    return tilted(parts, -rng.uniform(12, 22), tall / 2 * 0.97)


def _pinched(mesh, wide: float, tall: float):  # type: ignore[no-untyped-def]
    """Draw the sides of a cushion in, so that its corners stand out."""
    points = mesh.points.copy()
    x, y = points[:, 0] / wide * 2, points[:, 1] / tall * 2
    points[:, 0] *= 1 - 0.07 * (1 - y**2)
    points[:, 1] *= 1 - 0.07 * (1 - x**2)
    points[:, 2] *= 1 - 0.35 * (x * y) ** 2
    return type(mesh)(points, mesh.normals, mesh.uv, mesh.shade, mesh.quads, mesh.coarse)


def clock(d: Design) -> list[Part]:
    rng = d.rng()
    square = {"round": 2.0, "soft": 4.0, "square": 14.0}[d.style]
    front, back = pillow((1, 1, 0.24), squareness=square, bulge=9, detail=28)
    rim = STEEL if rng.random() < 0.3 else painted(d.palette.second, 0.5)
    wide = rng.uniform(0.6, 0.8)
    face = Surface(texture(_clock_face(d, rng)), 0.15)
    parts = [Part(front, d.skin(1.0)), Part(back, rim),
             Part(panel(wide, wide, detail=3).moved(z=0.127), face)]  # fmt: skip
    ring = revolve([(wide / 2 + 0.03, 0), (wide / 2 + 0.02, 0.03), (wide / 2 - 0.012, 0.0)], 46, 10)
    parts.append(Part(ring.turned(rotation(pitch=90)).moved(z=0.115), rim))
    for x in (-0.22, 0.22):
        parts.append(Part(tube([(x, -0.42, 0), (x * 1.25, -0.56, 0)], 0.035, detail=4), rim))
    return tilted(parts, -5, 0.55)


def _clock_face(d: Design, rng: np.random.Generator) -> Image.Image:
    n, middle = 512, 256.0
    plate = lighter(d.palette.base, 0.75) if rng.random() < 0.6 else darker(d.palette.second, 0.1)
    ink = darker(d.palette.accent, 0.4) if sum(plate) > 380 else (240, 238, 230)
    face = Image.new("RGBA", (n, n), (*plate, 0))
    pen = ImageDraw.Draw(face)
    pen.ellipse([2, 2, n - 3, n - 3], fill=(*plate, 255))
    marks, font = int(rng.integers(3)), ImageFont.load_default(size=54)

    def spoke(turn: float, start: float, end: float, wide: int, colour: Rgb) -> None:
        s, c = float(np.sin(turn)) * middle, float(np.cos(turn)) * middle
        pen.line([(middle + s * r, middle - c * r) for r in (start, end)], fill=colour, width=wide)

    for k in range(12):
        turn = np.pi * k / 6
        if marks == 0 or (marks == 1 and k % 3 == 0):
            at = (middle + 196 * float(np.sin(turn)), middle - 196 * float(np.cos(turn)))
            pen.text(at, str(k or 12), font=font, fill=ink, anchor="mm", stroke_width=1)
        else:
            spoke(turn, 0.78 if k % 3 == 0 else 0.84, 0.93, 14 if k % 3 == 0 else 7, ink)
    spoke(rng.uniform(0, 6.28), -0.08, 0.5, 20, ink)
    spoke(rng.uniform(0, 6.28), -0.1, 0.74, 13, ink)
    spoke(rng.uniform(0, 6.28), -0.14, 0.8, 4, d.palette.accent)
    pen.ellipse([middle - 14, middle - 14, middle + 14, middle + 14], fill=ink)
    return face


KINDS = (
    Kind(
        "vase",
        "home/decor/vases",
        ("vase", "flower vase"),
        ("classic", "cylinder", "amphora", "gourd", "flared"),
        ("ceramic", "stoneware", "glass", "terracotta", "porcelain"),
        GLAZED,
        (15, 120),
        vase,
        motifs=0.2,
    ),
    Kind(
        "lamp",
        "home/lighting/table-lamps",
        ("table lamp", "lamp", "bedside lamp"),
        ("empire", "drum", "cone", "mushroom"),
        ("linen", "cotton", "paper"),
        CLOTHS,
        (29, 189),
        lamp,
        motifs=0.0,
    ),
    Kind(
        "chair",
        "home/furniture/chairs",
        ("chair", "dining chair", "side chair"),
        ("upholstered", "wooden", "slatted", "padded"),
        ("linen", "velvet", "leather", "wool"),
        CLOTHS,
        (69, 399),
        chair,
        motifs=0.0,
    ),
    Kind(
        "cushion",
        "home/decor/cushions",
        ("cushion", "throw pillow", "scatter cushion"),
        ("square", "lumbar", "round"),
        ("cotton", "linen", "velvet", "wool"),
        CLOTHS,
        (12, 59),
        cushion,
        motifs=0.35,
    ),
    Kind(
        "clock",
        "home/decor/clocks",
        ("clock", "table clock", "desk clock"),
        ("round", "soft", "square"),
        ("plastic", "ceramic", "enamel"),
        GLAZED,
        (19, 89),
        clock,
        motifs=0.0,
    ),
)
