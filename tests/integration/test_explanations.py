"""Explanations on the real servers: the cosine, taken apart, for its own key, while it stands."""

import io
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from flask.testing import FlaskClient
from PIL import Image

from tests.integration.conftest import listing
from tests.pictures import jpeg
from vitrine.api.app import create_app
from vitrine.assembly import Platform
from vitrine.catalog.keys import create_key
from vitrine.catalog.service import Catalog
from vitrine.media.cid import content_id
from vitrine.media.decode import decode
from vitrine.search.memory import Remembered
from vitrine.wire import ExplanationOut

SEARCH, WORDS, LIKES, BY_PRODUCT, OLD = (letter * 22 for letter in "swlpo")
SHOP_PHOTOS = [jpeg(31), jpeg(32)]
# The shopper's photo is the second of the two, smaller.
PHOTO = jpeg(32, size=(160, 120))


@pytest.fixture
def api(platform: Platform) -> FlaskClient:
    return create_app(platform).test_client()


@pytest.fixture
def keys(platform: Platform) -> list[tuple[str, dict[str, str]]]:
    """Ids and headers of two storefronts."""
    with platform.sessions.begin() as session:
        made = [create_key(session, "storefront") for _ in range(2)]
        return [(row.id, {"Authorization": f"Bearer {key}"}) for row, key in made]


@pytest.fixture
def searched(
    platform: Platform,
    catalog: Catalog,
    work_off: Callable[[], int],
    keys: list[tuple[str, dict[str, str]]],
) -> Remembered:
    """Two products, and five searches that are remembered; returns the one by photo."""
    catalog.put("acme", "mug-1", listing(), SHOP_PHOTOS)
    catalog.put("acme", "mug-2", listing(title="Other mug"), [jpeg(50)])
    work_off()
    key_id = keys[0][0]
    model = platform.models.find(platform.settings.model).digest
    upload = platform.uploads.keep(PHOTO, key_id=key_id)
    encoded = platform.encoders.get(model).encode([decode(PHOTO, platform.limits)])
    search = Remembered(
        key_id=key_id,
        model=model,
        collection="any",
        question={},
        vectors=encoded.embedding,
        map=encoded.map[0].astype(np.float16),
        upload_id=upload.id,
    )
    keep = platform.search_memory.keep
    keep(SEARCH, search)
    words = replace(search, map=None, vectors=search.vectors[:0], upload_id=None)
    keep(WORDS, replace(words, question={"by": "text"}))
    keep(LIKES, replace(words, vectors=search.vectors, question={"by": "likes"}))
    keep(BY_PRODUCT, replace(search, map=None, question={"product_id": "acme:mug-2"}))
    keep(OLD, replace(search, model="0" * 64))
    return search


def path(search: str, product: str = "acme:mug-1") -> str:
    return f"/v1/search/{search}/explanations/{product}"


def test_a_match_is_explained_to_its_own_key_while_it_stands(
    api: FlaskClient,
    platform: Platform,
    catalog: Catalog,
    work_off: Callable[[], int],
    keys: list[tuple[str, dict[str, str]]],
    searched: Remembered,
) -> None:
    (_, mine), (_, others) = keys
    answer = api.get(path(SEARCH), headers=mine)
    assert answer.status_code == 200, answer.text
    found = ExplanationOut.model_validate_json(answer.data)
    assert found.image.id == content_id(SHOP_PHOTOS[1])
    stored = platform.encoders.get(searched.model).encode(
        [decode(SHOP_PHOTOS[1], platform.limits, short_side=146)]
    )
    assert found.cosine == pytest.approx(float(searched.vectors[0] @ stored.embedding[0]), abs=0.01)
    for heat in (found.query, found.product):
        assert np.array(heat.rows).shape == (4, 4)
        assert np.sum(heat.rows) == pytest.approx(found.cosine, abs=2e-4)
    assert found.pairs
    assert "% of the similarity" in found.pairs[0].words
    assert found.query.box.x == pytest.approx(9 / 146, abs=1e-4)

    picture = api.get(found.picture, headers=mine)
    assert picture.content_type == "image/png"
    shown = Image.open(io.BytesIO(picture.data))
    assert 400 < shown.width <= 900
    assert "private" in picture.headers["Cache-Control"]
    again = api.get(found.picture, headers={**mine, "If-None-Match": picture.headers["ETag"]})
    assert again.status_code == 304

    by_product = ExplanationOut.model_validate_json(api.get(path(BY_PRODUCT), headers=mine).data)
    assert by_product.cosine < found.cosine
    assert api.get(by_product.picture, headers=mine).status_code == 200

    for address, headers, status, words in (
        (path(SEARCH), others, 404, "Search again"),
        (path("x" * 22), mine, 404, "Search again"),
        (path(WORDS), mine, 409, "words alone"),
        (path(LIKES), mine, 409, "by liked products alone"),
        (path(OLD), mine, 409, "another model"),
        (path(SEARCH, "acme:none"), mine, 404, "acme:none"),
        (path(SEARCH, "nonsense"), mine, 422, "product id"),
    ):
        for asked in (address, f"{address}/picture"):
            refused = api.get(asked, headers=headers)
            assert refused.status_code == status, asked
            assert words in refused.json["detail"]

    # Also what was drawn before is not shown of a product that is gone.
    catalog.delete("acme", "mug-1")
    work_off()
    assert api.get(path(SEARCH), headers=mine).status_code == 404
    assert api.get(found.picture, headers=mine).status_code == 404


def test_what_a_real_search_leaves_is_explained_also_without_the_upload(
    api: FlaskClient,
    platform: Platform,
    keys: list[tuple[str, dict[str, str]]],
    searched: Remembered,
) -> None:
    _, mine = keys[0]
    assert searched.upload_id is not None
    asked = {"upload_id": searched.upload_id, "limit": 2, "category": "off"}
    crop = {"x": 0.1, "y": 0.2, "width": 0.8, "height": 0.6}
    for query, box in ((asked, (0.0, 0.0, 1.0, 1.0)), ({**asked, "crop": crop}, crop.values())):
        answer = api.post("/v1/search", json=query, headers=mine)
        assert answer.status_code == 200, answer.text
        best = answer.json["results"][0]
        address = path(answer.json["search_id"], best["product"]["id"])
        found = ExplanationOut.model_validate_json(api.get(address, headers=mine).data)
        assert found.image.id == best["image"]["id"]
        x, _, width, _ = box
        assert found.query.box.x == pytest.approx(x + width * 9 / 146, abs=1e-4)
        assert found.query.box.width == pytest.approx(width * 128 / 146, abs=1e-4)
        assert found.cosine == pytest.approx(best["score"], abs=0.02)

    # Without the photo its warmth is drawn alone, on grey, also where the photo was drawn before.
    def is_grey() -> bool:
        drawn = Image.open(io.BytesIO(api.get(f"{path(SEARCH)}/picture", headers=mine).data))
        corner = np.asarray(drawn.convert("RGB"), int)[50:60, 24:34].reshape(-1, 3)
        return bool((np.ptp(corner, axis=1) < 60).all())

    assert not is_grey()
    gone = api.delete(f"/v1/uploads/{searched.upload_id}", headers=mine)
    assert gone.status_code == 204
    assert is_grey()
    maps = [name for name in platform.redis.keys("*") if b":map:" in name]
    assert maps
    for name in maps:
        assert 0 < platform.redis.ttl(name) <= platform.settings.search_memory_seconds
