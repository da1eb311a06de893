"""Uploads on the real servers: kept in Redis, looked at, for their own key, and forgotten."""

import base64
import io
from datetime import UTC, datetime, timedelta

import pytest
from flask.testing import FlaskClient
from PIL import Image

from tests.pictures import picture
from vitrine.api.app import create_app
from vitrine.assembly import Platform
from vitrine.catalog.keys import create_key
from vitrine.wire import UploadOut

FORM = "multipart/form-data"


@pytest.fixture
def api(platform: Platform) -> FlaskClient:
    return create_app(platform).test_client()


@pytest.fixture
def keys(platform: Platform) -> list[dict[str, str]]:
    """Headers of two storefronts."""
    with platform.sessions.begin() as session:
        made = [create_key(session, "storefront")[1] for _ in range(2)]
    return [{"Authorization": f"Bearer {key}"} for key in made]


def photo() -> bytes:
    exif = Image.Exif()
    exif[0x010F] = "Maker of phones"
    exif.get_ifd(0x8825).update({1: "N", 2: (48.0, 8.0, 14.0)})
    out = io.BytesIO()
    picture(3, size=(1600, 1200)).save(out, "JPEG", exif=exif)
    return out.getvalue()


def test_a_photo_is_looked_at_kept_for_its_key_and_forgotten(
    api: FlaskClient, keys: list[dict[str, str]], platform: Platform
) -> None:
    mine, other = keys
    sent = api.post("/v1/uploads", data={"image": (io.BytesIO(photo()), "a.jpg")}, headers=mine)
    assert sent.status_code == 201, sent.text
    upload = UploadOut.model_validate_json(sent.data)
    assert (upload.width, upload.height) == (1024, 768)
    assert 1 <= len(upload.regions) <= 6
    for region in upload.regions:
        box = region.box
        assert min(box.x, box.y, 1.0001 - box.x - box.width, 1.0001 - box.y - box.height) >= 0
    assert timedelta(0) < upload.expires_at - datetime.now(UTC) <= timedelta(minutes=15)
    assert upload.model.name == "vitrine-r18"

    names = platform.redis.keys("*")
    assert len(names) == 1
    assert 0 < platform.redis.ttl(names[0]) <= platform.settings.upload_seconds
    assert b"Maker" not in platform.redis.get(names[0])

    address = f"/v1/uploads/{upload.upload_id}"
    assert api.delete(address, headers=other).status_code == 404
    assert api.delete(address, headers=mine).status_code == 204
    assert platform.redis.keys("*upload*") == []
    again = api.delete(address, headers=mine)
    assert again.status_code == 404
    assert "Send the photo again" in again.json["detail"]

    encoded = base64.b64encode(photo()).decode()
    by_json = api.post("/v1/uploads", json={"image_base64": encoded}, headers=mine)
    assert UploadOut.model_validate_json(by_json.data).regions == upload.regions

    for body, pointer in (
        ({"image_base64": "no base64!"}, "/image_base64"),
        ({}, "/image_base64"),
        ({"image_base64": encoded, "name": "x"}, "/name"),
    ):
        refused = api.post("/v1/uploads", json=body, headers=mine)
        assert refused.status_code == 422
        assert refused.json["errors"][0]["pointer"] == pointer
    empty = api.post("/v1/uploads", data={"options": "{}"}, headers=mine, content_type=FORM)
    assert empty.status_code == 422
    assert empty.json["errors"][0]["pointer"] == "/image"
    broken = api.post("/v1/uploads", json={"image_base64": "aGVsbG8="}, headers=mine)
    assert broken.json["type"].endswith("/image-rejected")
