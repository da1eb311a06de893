"""What browsers need of the api: origins that a key names, preflights, and ETags."""

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.integration.conftest import listing
from tests.pictures import jpeg
from vitrine.api import auth, cors
from vitrine.api.app import create_app
from vitrine.assembly import Platform
from vitrine.catalog.keys import create_key, revoke_key, set_origins
from vitrine.errors import Invalid, NotFound

SHOP, OTHER = "https://shop.example", "https://other.example"


@pytest.fixture
def api(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> FlaskClient:
    monkeypatch.setattr(auth, "REMEMBER_SECONDS", 0.0)
    monkeypatch.setattr(cors, "REMEMBER_SECONDS", 0.0)
    return create_app(platform).test_client()


@pytest.fixture
def published(platform: Platform) -> tuple[str, str]:
    """Id and text of a key that pages of the shop use."""
    return make(platform, SHOP)


def make(platform: Platform, *origins: str) -> tuple[str, str]:
    with platform.sessions.begin() as session:
        row, key = create_key(session, "storefront", origins=origins)
        return row.id, key


def read(
    api: FlaskClient, key: str, origin: str | None, path: str = "/v1/products"
) -> TestResponse:
    headers = {"Authorization": f"Bearer {key}"}
    return api.get(path, headers={**headers, "Origin": origin} if origin else headers)


def preflight(
    api: FlaskClient, origin: str, method: str = "POST", path: str = "/v1/search"
) -> TestResponse:
    headers = {"Origin": origin, "Access-Control-Request-Method": method}
    return api.options(path, headers=headers)


def shown_to(answer: TestResponse) -> str | None:
    assert "Origin" in answer.headers["Vary"]
    return answer.headers.get("Access-Control-Allow-Origin")


def test_a_page_that_the_key_names_reads_the_answer(
    api: FlaskClient, platform: Platform, published: tuple[str, str]
) -> None:
    _, key = published
    answer = read(api, key, SHOP)
    assert answer.status_code == 200
    assert shown_to(answer) == SHOP
    shown = answer.headers["Access-Control-Expose-Headers"]
    assert {"X-Request-ID", "Retry-After", "RateLimit", "ETag"} <= {*shown.split(", ")}
    refused = read(api, key, OTHER)
    assert refused.status_code == 403
    assert OTHER in refused.get_json()["detail"]
    assert shown_to(refused) is None
    # The api's own pages, where calls can be tried.
    assert read(api, key, "http://localhost").status_code == 200
    for no_origin in ("http://[", "null", "ftp://localhost", "//localhost"):
        assert read(api, key, no_origin).status_code == 403, no_origin
    # Servers send no origin.
    assert read(api, key, None).status_code == 200
    assert shown_to(read(api, make(platform, "*")[1], OTHER)) == OTHER


def test_a_key_without_origins_is_for_servers(api: FlaskClient, platform: Platform) -> None:
    answer = read(api, make(platform)[1], SHOP)
    assert answer.status_code == 200
    assert shown_to(answer) is None


def test_pages_can_read_what_went_wrong(api: FlaskClient, published: tuple[str, str]) -> None:
    _, key = published
    for path, status in [
        ("/v1/products/acme:none", 404),
        ("/v1/products?limit=x", 422),
        ("/v1/jobs/x", 403),
        ("/v1/nothing", 404),
    ]:
        answer = read(api, key, SHOP, path)
        assert (answer.status_code, shown_to(answer)) == (status, SHOP)
    wrong = read(api, "vt_wrong", SHOP)
    assert (wrong.status_code, shown_to(wrong)) == (401, SHOP)
    assert shown_to(read(api, "vt_wrong", OTHER)) is None
    assert shown_to(api.post("/v1/products", headers={"Origin": SHOP})) == SHOP


def test_preflights(api: FlaskClient, platform: Platform, published: tuple[str, str]) -> None:
    answer = preflight(api, SHOP)
    assert (answer.status_code, answer.data) == (204, b"")
    assert shown_to(answer) == SHOP
    assert answer.headers["Access-Control-Allow-Methods"] == "POST"
    allowed = {*answer.headers["Access-Control-Allow-Headers"].split(", ")}
    assert {"Authorization", "Content-Type"} <= allowed
    assert int(answer.headers["Access-Control-Max-Age"]) >= 60
    # What only sellers may do is not offered to pages.
    one = preflight(api, SHOP, "GET", "/v1/products/acme:mug")
    assert one.headers["Access-Control-Allow-Methods"] == "GET"
    put = preflight(api, SHOP, "PUT", "/v1/products/acme:mug")
    assert "PUT" not in put.headers.get("Access-Control-Allow-Methods", "")
    foreign = preflight(api, OTHER)
    assert (foreign.status_code, shown_to(foreign)) == (403, None)
    assert preflight(api, SHOP, "GET", "/v1/nothing").status_code == 404
    # Without an origin it is a method like any other that is not taken.
    plain = api.options("/v1/search")
    assert (plain.status_code, plain.headers["Allow"]) == (405, "POST")
    with platform.sessions.begin() as session:
        revoke_key(session, published[0])
    assert preflight(api, SHOP).status_code == 403


def test_origins_are_remembered_for_a_moment(
    api: FlaskClient, platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert preflight(api, SHOP).status_code == 403
    monkeypatch.setattr(cors, "REMEMBER_SECONDS", 60.0)
    assert preflight(api, SHOP).status_code == 403
    make(platform, SHOP)
    assert preflight(api, SHOP).status_code == 403
    assert cors.REMEMBER_SECONDS > auth.REMEMBER_SECONDS


def test_origins_of_a_key(platform: Platform, published: tuple[str, str]) -> None:
    key_id, _ = published
    with platform.sessions.begin() as session:
        assert set_origins(session, key_id, [OTHER, OTHER]).origins == [OTHER]
        assert set_origins(session, key_id, []).origins == []
        for wrong in (
            *("shop.example", "https://shop.example/", "https://Shop.example", "null", ""),
            *("https://*.shop.example", "ftp://shop.example", "https://a b", "https://a:b"),
        ):
            with pytest.raises(Invalid, match="no origin"):
                set_origins(session, key_id, [wrong])
        for good in ("http://localhost:3000", "http://127.0.0.1", "https://a-b.c.example:8443"):
            set_origins(session, key_id, [good])
        with pytest.raises(NotFound):
            set_origins(session, "none", [])
        with pytest.raises(Invalid, match="storefront"):
            create_key(session, "seller", seller="acme", origins=[SHOP])


def test_what_has_not_changed_is_not_sent_again(
    api: FlaskClient, platform: Platform, published: tuple[str, str]
) -> None:
    _, key = published
    platform.catalog.put("acme", "mug", listing(), [jpeg(1)])
    for path in ("/v1/products/acme:mug", "/v1/products", "/openapi.json"):
        headers = {"Authorization": f"Bearer {key}", "Origin": SHOP}
        first = api.get(path, headers=headers)
        assert first.status_code == 200
        assert first.headers["Cache-Control"] == "private, no-cache"
        etag = first.headers["ETag"]
        for given in (etag, f'"x", {etag}', f"W/{etag}", "*"):
            again = api.get(path, headers={**headers, "If-None-Match": given})
            assert (again.status_code, again.data) == (304, b""), (path, given)
            assert again.headers["ETag"] == etag
            assert again.headers["X-Request-ID"]
            assert again.headers.get("Access-Control-Allow-Origin") == first.headers.get(
                "Access-Control-Allow-Origin"
            )
    etag = read(api, key, None, "/v1/products/acme:mug").headers["ETag"]
    platform.catalog.put("acme", "mug", listing(title="New mug"), None)
    changed = api.get(
        "/v1/products/acme:mug",
        headers={"Authorization": f"Bearer {key}", "If-None-Match": etag},
    )
    assert (changed.status_code, changed.get_json()["title"]) == (200, "New mug")
    # Nothing but an answer has one, and nobody without a key learns whether it changed.
    assert "ETag" not in api.get("/v1/products/acme:none", headers=headers).headers
    assert api.get("/v1/products", headers={"If-None-Match": "*"}).status_code == 401
