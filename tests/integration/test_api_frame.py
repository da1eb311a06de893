"""The api on the real servers: keys and roles, problems, health, pictures."""

import io
import json
from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient
from PIL import Image
from sqlalchemy import update
from werkzeug.test import TestResponse

from tests.pictures import jpeg
from vitrine.api import auth
from vitrine.api.app import create_app
from vitrine.assembly import Platform
from vitrine.catalog.keys import Role, create_key, revoke_key
from vitrine.catalog.models import ApiKey
from vitrine.wire import Accepted, JobRef, ProductOut, ProductPage, Readiness, SearchResponse

MUG = {"title": "Blue mug", "category": "home/kitchen/mugs", "price": "12.50"}
WorkOff = Callable[[], int]


@pytest.fixture
def api(platform: Platform) -> FlaskClient:
    return create_app(platform).test_client()


@pytest.fixture
def keys(platform: Platform) -> dict[str, str]:
    """A key of each role, and one of a second seller."""
    wanted: dict[str, tuple[Role, str | None]] = {
        "storefront": ("storefront", None),
        "acme": ("seller", "acme"),
        "other": ("seller", "other"),
        "ads": ("ads", None),
        "admin": ("admin", None),
    }
    with platform.sessions.begin() as session:
        return {
            name: create_key(session, role, seller=seller)[1]
            for name, (role, seller) in wanted.items()
        }


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def put(api: FlaskClient, key: str, *images: bytes, id: str = "acme:mug-1") -> TestResponse:
    data: dict[str, Any] = {
        "product": json.dumps(MUG),
        "images": [(io.BytesIO(image), f"{at}.jpg") for at, image in enumerate(images)],
    }
    return api.put(f"/v1/products/{id}", data=data, headers=bearer(key))


def problem(response: TestResponse, status: int) -> dict[str, Any]:
    assert response.status_code == status, response.text
    assert response.content_type == "application/problem+json"
    body: dict[str, Any] = response.get_json()
    return body


def test_a_seller_changes_only_their_own(api: FlaskClient, keys: dict[str, str]) -> None:
    put(api, keys["acme"], jpeg(1))
    detail = problem(put(api, keys["other"], jpeg(1)), 403)["detail"]
    assert "other:" in detail
    assert put(api, keys["admin"], jpeg(1)).status_code == 202


def test_a_job_belongs_to_its_seller(api: FlaskClient, keys: dict[str, str]) -> None:
    job = put(api, keys["acme"], jpeg(1)).get_json()["job"]["id"]
    for name, status in {"acme": 200, "admin": 200, "other": 404, "storefront": 403}.items():
        assert api.get(f"/v1/jobs/{job}", headers=bearer(keys[name])).status_code == status
    problem(api.get("/v1/jobs/nonsense", headers=bearer(keys["acme"])), 404)


def test_a_revoked_key_is_refused_soon(
    api: FlaskClient,
    keys: dict[str, str],
    platform: Platform,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert auth.REMEMBER_SECONDS <= 5
    monkeypatch.setattr(auth, "REMEMBER_SECONDS", 0.0)
    assert api.get("/v1/products", headers=bearer(keys["ads"])).status_code == 200
    with platform.sessions.begin() as session:
        key = session.query(ApiKey).filter_by(role="ads").one()
        revoke_key(session, key.id)
    assert "revoked" in problem(api.get("/v1/products", headers=bearer(keys["ads"])), 401)["detail"]


def test_a_key_is_looked_up_once_in_a_while(
    api: FlaskClient, keys: dict[str, str], platform: Platform
) -> None:
    assert api.get("/v1/products", headers=bearer(keys["ads"])).status_code == 200
    with platform.sessions.begin() as session:
        session.execute(update(ApiKey).values(hash=ApiKey.id))
    assert api.get("/v1/products", headers=bearer(keys["ads"])).status_code == 200
    problem(api.get("/v1/products", headers=bearer(keys["acme"])), 401)


def test_listing_speaks_the_wire_models(
    api: FlaskClient, keys: dict[str, str], work_off: WorkOff
) -> None:
    accepted = Accepted.model_validate_json(put(api, keys["acme"], jpeg(1), jpeg(2)).data)
    assert [image.position for image in accepted.product.images] == [0, 1]
    work_off()
    job = api.get(f"/v1/jobs/{accepted.job.id}", headers=bearer(keys["acme"])).get_json()
    assert (job["state"], job["counts"]["searchable"]) == ("done", 2)
    read = api.get("/v1/products/acme:mug-1", headers=bearer(keys["ads"]))
    product = ProductOut.model_validate_json(read.data)
    assert {image.state for image in product.images} == {"searchable"}
    assert read.get_json()["price"] == "12.50"
    patched = api.patch(
        "/v1/products/acme:mug-1", json={"price": 9.9}, headers=bearer(keys["acme"])
    )
    assert patched.status_code == 202
    assert patched.get_json()["product"]["price"] == "9.90"
    gone = api.delete("/v1/products/acme:mug-1", headers=bearer(keys["acme"]))
    assert gone.status_code == 202
    JobRef.model_validate_json(gone.data)
    problem(api.get("/v1/products/acme:mug-1", headers=bearer(keys["acme"])), 404)


def test_json_alone_keeps_the_pictures(api: FlaskClient, keys: dict[str, str]) -> None:
    first = put(api, keys["acme"], jpeg(1)).get_json()["product"]["images"]
    again = api.put(
        "/v1/products/acme:mug-1", json={**MUG, "title": "New"}, headers=bearer(keys["acme"])
    ).get_json()["product"]
    assert (again["title"], again["images"]) == ("New", first)
    body = problem(api.put("/v1/products/acme:new", json=MUG, headers=bearer(keys["acme"])), 422)
    assert body["errors"][0]["pointer"] == "/images"


def test_pages(api: FlaskClient, keys: dict[str, str]) -> None:
    for number in range(5):
        put(api, keys["acme"], jpeg(number), id=f"acme:m{number}")
    put(api, keys["other"], jpeg(9), id="other:m")
    seen: list[str] = []
    cursor = ""
    while True:
        url = f"/v1/products?limit=2&seller=acme&cursor={cursor}"
        page = ProductPage.model_validate_json(api.get(url, headers=bearer(keys["ads"])).data)
        seen += [product.sku for product in page.products]
        if not page.next_cursor:
            break
        cursor = page.next_cursor
    assert seen == ["m0", "m1", "m2", "m3", "m4"]
    problem(api.get("/v1/products?cursor=x", headers=bearer(keys["ads"])), 422)


def test_search(api: FlaskClient, keys: dict[str, str], work_off: WorkOff) -> None:
    from base64 import b64encode

    for number in range(3):
        put(api, keys["acme"], jpeg(number), id=f"acme:m{number}")
    work_off()
    key = bearer(keys["storefront"])
    form = api.post("/v1/search", data={"image": (io.BytesIO(jpeg(1)), "x")}, headers=key)
    found = SearchResponse.model_validate_json(form.data)
    assert found.results[0].product.id == "acme:m1"
    assert found.results[0].score > 0.99
    assert found.timing_ms.total > 0
    encoded = b64encode(jpeg(1)).decode()
    flat = api.post("/v1/search", json={"image_base64": encoded, "limit": 1}, headers=key)
    assert [hit["product"]["id"] for hit in flat.get_json()["results"]] == ["acme:m1"]
    by_product = api.post("/v1/search", json={"product_id": "acme:m1"}, headers=key).get_json()
    similar = api.get("/v1/products/acme:m1/similar?limit=20", headers=key).get_json()
    ids = [hit["product"]["id"] for hit in similar["results"]]
    assert ids == [hit["product"]["id"] for hit in by_product["results"]]
    assert set(ids) == {"acme:m0", "acme:m2"}
    narrowed = api.get('/v1/products/acme:m1/similar?filter={"seller":"x"}', headers=key)
    assert narrowed.get_json()["results"] == []


@pytest.mark.parametrize(
    ("body", "status", "slug"),
    [
        ({}, 422, "invalid"),
        ({"image_base64": "QUJD", "product_id": "acme:m1"}, 422, "invalid"),
        ({"image_base64": ""}, 422, "invalid"),
        ({"image_base64": "@@@@"}, 422, "invalid"),
        ({"image_base64": "QUJD\n"}, 422, "invalid"),
        ({"image_base64": "data:image/jpeg;base64,QUJD"}, 422, "invalid"),
        ({"image_base64": "QUJ"}, 422, "invalid"),
        ({"image_base64": "QUJD"}, 422, "image-rejected"),
        ({"product_id": "acme:none"}, 404, "not-found"),
        ({"product_id": "acme:none", "filter": {"colour": 1}}, 422, "filter-invalid"),
        ({"product_id": "acme:none", "filter": []}, 422, "filter-invalid"),
        ({"product_id": "acme:none", "filter": "price<10"}, 422, "filter-invalid"),
        ({"product_id": "acme:none", "filter": {"seller": "Demo"}}, 422, "filter-invalid"),
        ({"product_id": "acme:none", "limit": 1000}, 422, "invalid"),
        ({"product_id": "acme:none", "words": "red"}, 422, "invalid"),
    ],
)
def test_search_refused(
    api: FlaskClient, keys: dict[str, str], body: dict[str, Any], status: int, slug: str
) -> None:
    found = problem(api.post("/v1/search", json=body, headers=bearer(keys["storefront"])), status)
    assert found["type"] == f"/problems/{slug}"


@pytest.mark.parametrize("filter", ["[]", "price<10", '"x"', '{"a":1,"a":2}', '{"seller":"Demo"}'])
def test_similar_refuses_a_filter_as_a_search_does(
    api: FlaskClient, keys: dict[str, str], filter: str
) -> None:
    address = "/v1/products/acme:none/similar"
    answer = api.get(address, query_string={"filter": filter}, headers=bearer(keys["storefront"]))
    found = problem(answer, 422)
    assert found["type"] == "/problems/filter-invalid"
    assert found["errors"][0]["pointer"].startswith("/filter")
    assert found["detail"].count("JSON") <= 1


def test_pictures(api: FlaskClient, keys: dict[str, str]) -> None:
    tagged = io.BytesIO()
    exif = Image.Exif()
    exif[0x010F] = "SecretCamera"
    Image.open(io.BytesIO(jpeg(1, size=(800, 600)))).save(tagged, "JPEG", exif=exif)
    assert b"SecretCamera" in tagged.getvalue()
    url = put(api, keys["acme"], tagged.getvalue()).get_json()["product"]["images"][0]["url"]
    answer = api.get(f"{url}?w=300&v=ignored")
    assert (answer.status_code, answer.content_type) == (200, "image/jpeg")
    assert Image.open(io.BytesIO(answer.data)).size == (320, 240)
    assert b"SecretCamera" not in answer.data
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert "Vary" not in answer.headers
    etag = answer.headers["ETag"]
    unchanged = api.get(f"{url}?w=320", headers={"If-None-Match": etag})
    assert (unchanged.status_code, unchanged.data) == (304, b"")
    assert api.get(f"{url}?w=640", headers={"If-None-Match": etag}).status_code == 200
    assert Image.open(io.BytesIO(api.get(url).data)).size == (800, 600)
    api.delete("/v1/products/acme:mug-1", headers=bearer(keys["acme"]))
    gone = problem(api.get(f"{url}?w=320", headers={"If-None-Match": etag}), 404)
    assert gone["type"] == "/problems/not-found"


def test_ready_and_measured(api: FlaskClient, keys: dict[str, str]) -> None:
    answer = api.get("/readyz")
    assert answer.status_code == 200, answer.text
    assert Readiness.model_validate_json(answer.data).ready
    put(api, keys["acme"], jpeg(1), jpeg(2))
    text = api.get("/metrics").text
    assert 'vitrine_work_pending{kind="embed"} 2.0' in text
    assert 'vitrine_work_given_up{kind="embed"} 0.0' in text
    assert 'vitrine_dependency_up{dependency="milvus"} 1.0' in text
    assert all(key not in text for key in keys.values())


NASTY = [
    *("%00", "a%00:b", "a:b%00", "%ff%fe", "%F0%9F%92%A9", "'", '"', "a:b'--", "%5C", "%25s", "{}"),
    *("..", "a:..", "a%2Fb:c", "a:" + "x" * 5000, "0", "-1", "NaN", "null", "9" * 30, "%0A", "%7F"),
]


def nasty_urls(nasty: str) -> tuple[str, ...]:
    return (
        f"/v1/products/{nasty}",
        f"/v1/products/{nasty}/similar",
        f"/v1/products/acme:x/similar?filter={nasty}",
        f'/v1/products/acme:x/similar?filter={{"brand":"{nasty}"}}',
        f"/v1/products?cursor={nasty}",
        f"/v1/products?seller={nasty}",
        f"/v1/products?limit={nasty}",
        f"/v1/products?{nasty}=1",
        f"/v1/jobs/{nasty}",
        f"/media/{nasty}",
        f"/media/x?w={nasty}",
        f"/docs/{nasty}",
        f"/problems/{nasty}",
    )


def test_nothing_that_a_caller_names_is_our_fault(api: FlaskClient, keys: dict[str, str]) -> None:
    admin = bearer(keys["admin"])
    for nasty in NASTY:
        for url in nasty_urls(nasty):
            response = api.get(url, headers=admin)
            assert response.status_code < 500, (url, response.text)
            if response.status_code >= 400:
                assert response.content_type == "application/problem+json"
        for method in ("PATCH", "DELETE"):
            answer = api.open(f"/v1/products/{nasty}", method=method, json=MUG, headers=admin)
            assert 400 <= answer.status_code < 500, (method, nasty)
    assert api.get("/v1/products", headers=bearer("schlüssel\u00ff")).status_code == 401


def test_every_answer_here_was_documented(api: FlaskClient, keys: dict[str, str]) -> None:
    document = api.get("/openapi.json").get_json()["paths"]
    for method, path, template, body in [
        ("PUT", "/v1/products/x", "/v1/products/{id}", b"{}"),
        ("PUT", "/v1/products/acme:x", "/v1/products/{id}", b"{"),
        ("GET", "/v1/products/x", "/v1/products/{id}", None),
        ("GET", "/v1/products/a:x", "/v1/products/{id}", None),
        ("GET", "/v1/products?limit=x", "/v1/products", None),
        ("GET", "/v1/jobs/x", "/v1/jobs/{id}", None),
        ("POST", "/v1/search", "/v1/search", b"{}"),
        ("GET", "/v1/products/a:x/similar?filter=x", "/v1/products/{id}/similar", None),
        ("GET", "/media/x", "/media/{cid}", None),
    ]:
        for headers in ({}, bearer(keys["acme"]), bearer(keys["admin"])):
            for kind in ("application/json", "text/plain"):
                response = api.open(
                    path, method=method, data=body, content_type=kind, headers=headers
                )
                documented = document[template][method.lower()]["responses"]
                assert str(response.status_code) in documented, (method, path, response.text)
