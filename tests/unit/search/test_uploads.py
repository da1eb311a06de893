"""What is kept of a query photo: its pixels, small, for its own key."""

import io

import pytest
from PIL import Image
from tests.unit.media.pictures import LIMITS, RED, YELLOW, alike, corners, encode, noise, quarters

from vitrine.errors import ImageRejected, NotFound
from vitrine.search.uploads import Uploads


class Shelf:
    """Keeps bytes as Redis does."""

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], bytes] = {}
        self.seconds: list[int] = []

    def put(self, kind: str, id: str, value: bytes, seconds: int) -> None:
        self.kept[kind, id] = value
        self.seconds.append(seconds)

    def get(self, kind: str, id: str) -> bytes | None:
        return self.kept.get((kind, id))

    def delete(self, kind: str, id: str) -> None:
        self.kept.pop((kind, id), None)


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


@pytest.fixture
def uploads(shelf: Shelf) -> Uploads:
    return Uploads(shelf, LIMITS, seconds=600)


def phone_photo() -> bytes:
    """Lies on its side, and says where and when it was taken."""
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010F] = "Maker of phones"
    exif.get_ifd(0x8825).update({1: "N", 2: (48.0, 8.0, 14.0), 3: "E", 4: (11.0, 34.0, 31.0)})
    return encode(corners(640, 480), "jpeg", exif=exif, comment=b"at home")


def test_nothing_but_the_pixels_is_kept(uploads: Uploads, shelf: Shelf) -> None:
    photo = phone_photo()
    assert b"Maker of phones" in photo
    kept = uploads.get(uploads.keep(photo, key_id="a").id, key_id="a")
    with Image.open(io.BytesIO(kept)) as image:
        assert dict(image.getexif()) == {}
        assert not {"exif", "comment", "icc_profile", "xmp"} & set(image.info)
    (stored,) = shelf.kept.values()
    for trace in (b"Maker", b"Exif", b"at home", b"GPS"):
        assert trace not in stored


def test_it_is_kept_upright(uploads: Uploads) -> None:
    upload = uploads.keep(phone_photo(), key_id="a")
    kept = Image.open(io.BytesIO(uploads.get(upload.id, key_id="a")))
    assert kept.size == upload.image.size == (480, 640)
    # What is on the left below comes to the top left by a quarter turn to the right.
    assert not alike(quarters(kept)[0], RED)
    assert alike(quarters(kept)[1], RED)
    assert alike(quarters(kept)[2], YELLOW)


@pytest.mark.parametrize(("size", "kept"), [((2400, 1600), (1024, 683)), ((300, 200), (300, 200))])
def test_it_is_scaled_down_never_up(
    uploads: Uploads, size: tuple[int, int], kept: tuple[int, int]
) -> None:
    assert uploads.keep(encode(noise(*size), "png"), key_id="a").image.size == kept


def test_only_its_own_key_gets_it(uploads: Uploads) -> None:
    upload = uploads.keep(phone_photo(), key_id="a")
    with pytest.raises(NotFound, match="Send the photo again"):
        uploads.get(upload.id, key_id="b")
    with pytest.raises(NotFound):
        uploads.delete(upload.id, key_id="b")
    assert uploads.get(upload.id, key_id="a")


def test_what_was_deleted_is_gone(uploads: Uploads, shelf: Shelf) -> None:
    upload = uploads.keep(phone_photo(), key_id="a")
    uploads.delete(upload.id, key_id="a")
    assert shelf.kept == {}
    with pytest.raises(NotFound):
        uploads.get(upload.id, key_id="a")


def test_each_is_kept_for_the_time_that_is_set(uploads: Uploads, shelf: Shelf) -> None:
    first, second = (uploads.keep(phone_photo(), key_id="a") for _ in range(2))
    assert first.id != second.id
    assert len(first.id) == 22
    assert shelf.seconds == [600, 600]


def test_what_is_no_photo_is_not_kept(uploads: Uploads, shelf: Shelf) -> None:
    with pytest.raises(ImageRejected):
        uploads.keep(b"no photo at all", key_id="a")
    assert shelf.kept == {}
