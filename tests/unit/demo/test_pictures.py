import io
from itertools import combinations

import numpy as np
import pytest
from PIL import Image

from vitrine.demo.histogram import describe, hits, nearest
from vitrine.demo.kinds import KINDS
from vitrine.demo.mesh import panel, rotation
from vitrine.demo.photos import model, photo, photo_count, photos
from vitrine.demo.products import catalogue, product
from vitrine.demo.queries import query_photo
from vitrine.demo.raster import Camera, Part, Surface, draw, look


def opened(data: bytes) -> Image.Image:
    picture = Image.open(io.BytesIO(data))
    picture.load()
    return picture


def small(data: bytes) -> np.ndarray:
    return np.asarray(opened(data).convert("RGB").resize((64, 64)), np.float32)


@pytest.fixture(scope="module")
def taken() -> list[bytes]:
    return photos(1, product(1, 14))


def test_photos_are_the_same_every_time(taken: list[bytes]) -> None:
    model.cache_clear()
    assert photos(1, product(1, 14)) == taken


def test_photos_of_a_product_decode_and_differ(taken: list[bytes]) -> None:
    assert 3 <= len(taken) <= 5 and len(taken) == photo_count(1, 14)
    for data in taken:
        picture = opened(data)
        assert picture.format == "JPEG" and min(picture.size) >= 480
    for one, other in combinations(taken, 2):
        assert np.abs(small(one) - small(other)).mean() > 4


def test_a_query_photo_is_none_of_the_shops(taken: list[bytes]) -> None:
    query = query_photo(1, product(1, 14))
    assert query == query_photo(1, product(1, 14))
    assert all(np.abs(small(query) - small(data)).mean() > 12 for data in taken)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_can_be_modelled_in_every_style(kind: str) -> None:
    seen = set()
    for one in (p for p in catalogue(9, 19 * 40) if p.design.kind == kind):
        if one.design.style in seen:
            continue
        seen.add(one.design.style)
        parts = model(one.design)
        points = np.concatenate([part.mesh.points for part in parts])
        assert np.isfinite(points).all()
        # It stands on the floor and has the size that scenes are made for.
        assert -0.06 < points[:, 1].min() < 0.3
        assert 0.4 < (points.max(0) - points.min(0)).max() < 2.6
        assert all(part.mesh.quads.max() < len(part.mesh.points) for part in parts)
        assert all(np.isfinite(part.surface.texture).all() for part in parts)
    assert seen == set(KINDS[kind].styles)


def test_two_products_of_one_kind_differ() -> None:
    mugs = [one for one in catalogue(1, 19 * 3) if one.design.kind == "mug"]
    pictures = [small(photo(1, one, 0)) for one in mugs]
    for one, other in combinations(pictures, 2):
        assert np.abs(one - other).mean() > 4


def test_colour_alone_does_not_solve_the_demo() -> None:
    products = catalogue(1, 19)
    rows = [(describe(photo(1, one, k)), one.index) for one in products for k in (0, 2)]
    queries = np.stack([describe(query_photo(1, one)) for one in products])
    found = nearest(queries, np.stack([row for row, _ in rows]), [label for _, label in rows], 5)
    assert hits(found, [one.index for one in products], 1) < 0.60


def _camera() -> Camera:
    camera = look(np.zeros(3, np.float32), 5.0, 0.0)
    return Camera(camera.eye, camera.right, camera.up, camera.forward, 100.0, (32.0, 32.0))


def _sheet(colour: float, z: float) -> Part:
    return Part(panel(2, 2).moved(z=z), Surface(np.full((4, 4, 3), colour, np.float32)))


def test_what_is_nearer_hides_what_is_farther() -> None:
    for parts in ([_sheet(0.2, 0), _sheet(0.9, 1)], [_sheet(0.9, 1), _sheet(0.2, 0)]):
        layer = draw(parts, _camera(), (64, 64))
        assert layer.albedo[32, 32, 0] == pytest.approx(0.9)
        assert layer.depth[32, 32] == pytest.approx(4.0, abs=1e-3)


def test_depth_and_texture_of_a_slanting_sheet_are_in_perspective() -> None:
    ramp = np.linspace(0, 1, 256, dtype=np.float32)[None, :, None].repeat(8, 0).repeat(3, 2)
    turned = panel(2, 2, detail=2).turned(rotation(yaw=50))
    layer = draw([Part(turned, Surface(ramp))], _camera(), (64, 64))
    camera = _camera()
    for x in range(22, 44, 3):
        ray = camera.rays(np.float32(x), np.float32(32))
        # Where the ray meets the plane through the origin whose normal is turned by 50°.
        normal = rotation(yaw=50) @ np.array([0, 0, 1])
        depth = -(camera.eye @ normal) / (ray @ normal)
        along = (camera.eye + ray * depth) @ (rotation(yaw=50) @ np.array([1, 0, 0]))
        assert layer.depth[32, x] == pytest.approx(depth, rel=0.01)
        assert layer.albedo[32, x, 0] == pytest.approx((along + 1) / 2, abs=0.03)
