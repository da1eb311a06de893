"""Pictures at a width: the ladder, the cache and its bound."""

import io
from pathlib import Path

import pytest
from PIL import Image
from tests.pictures import jpeg

from vitrine.api.renditions import LADDER, Renditions, rung
from vitrine.errors import NotFound
from vitrine.media.decode import Limits
from vitrine.media.store import BlobStore

LIMITS = Limits(max_bytes=1_000_000, max_pixels=10_000_000)


@pytest.fixture
def blobs(tmp_path: Path) -> BlobStore:
    return BlobStore(f"file://{tmp_path}")


def test_widths_snap_up_to_the_ladder() -> None:
    assert [rung(width) for width in (1, 160, 161, 1000, 1920, 99_999)] == [
        *(160, 160, 320, 1280, 1920, 1920)
    ]
    assert rung(None) == LADDER[-1]


def test_a_picture_is_rendered_once_and_never_enlarged(blobs: BlobStore) -> None:
    cid = blobs.put(jpeg(1, size=(400, 300)))
    renditions = Renditions(blobs, LIMITS)
    small, large = renditions.get(cid, 160), renditions.get(cid, 1920)
    assert Image.open(io.BytesIO(small)).size == (160, 120)
    assert Image.open(io.BytesIO(large)).size == (400, 300)
    blobs.delete(cid)
    assert renditions.get(cid, 160) is small
    with pytest.raises(NotFound):
        renditions.get(cid, 320)


def test_the_cache_keeps_what_was_used_last(blobs: BlobStore) -> None:
    first, second, third = (blobs.put(jpeg(seed)) for seed in (1, 2, 3))
    size = len(Renditions(blobs, LIMITS).get(first, 160))
    renditions = Renditions(blobs, LIMITS, cache_bytes=round(size * 2.5))
    kept = [renditions.get(cid, 160) for cid in (first, second)]
    renditions.get(first, 160)
    renditions.get(third, 160)
    blobs.delete(first)
    blobs.delete(second)
    assert renditions.get(first, 160) is kept[0]
    with pytest.raises(NotFound):
        renditions.get(second, 160)


def test_what_cannot_be_decoded_is_not_found(blobs: BlobStore) -> None:
    cid = blobs.put(b"no picture")
    with pytest.raises(NotFound, match="cannot be shown"):
        Renditions(blobs, LIMITS).get(cid, 160)


def test_what_was_accepted_once_and_is_too_long_now_is_not_found(blobs: BlobStore) -> None:
    out = io.BytesIO()
    Image.new("RGB", (20, 70_000)).save(out, "PNG")
    cid = blobs.put(out.getvalue())
    with pytest.raises(NotFound, match="20 × 70000"):
        Renditions(blobs, LIMITS).get(cid, 160)
