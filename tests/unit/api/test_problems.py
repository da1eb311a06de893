"""Whatever goes wrong comes back as a problem document, and tells nothing it should not."""

import json
from typing import Any

import pytest
from flask import Flask, abort
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from vitrine.api.problem_types import ADVICE, kinds
from vitrine.errors import (
    Forbidden,
    ImageRejected,
    Misconfigured,
    Unavailable,
    VitrineError,
)

REQUIRED = {"type", "title", "status", "detail", "instance", "errors"}


def problem(response: TestResponse) -> dict[str, Any]:
    assert response.content_type == "application/problem+json"
    body: dict[str, Any] = json.loads(response.data)
    assert set(body) >= REQUIRED
    assert body["status"] == response.status_code
    assert body["instance"] == response.headers["X-Request-ID"]
    assert body["detail"]
    assert response.headers["Cache-Control"] == "no-store"
    return body


def raising(app: Flask, error: Exception) -> TestResponse:
    def fail() -> str:
        raise error

    app.add_url_rule("/fail", "fail", fail)
    return app.test_client().get("/fail")


@pytest.mark.parametrize(
    ("method", "path", "status", "slug"),
    [
        ("GET", "/nope", 404, "not-found"),
        ("GET", "/v1/products/acme:mug/", 404, "not-found"),
        ("GET", "/v1//products", 404, "not-found"),
        ("POST", "/healthz", 405, "method-not-allowed"),
        ("OPTIONS", "/v1/search", 405, "method-not-allowed"),
        ("BREW", "/v1/search", 405, "method-not-allowed"),
        ("GET", "/v1/products", 401, "unauthenticated"),
        ("GET", "/docs/..%2fapp.py", 404, "not-found"),
        ("GET", "/problems/nope", 404, "not-found"),
        ("GET", "/media/nope", 404, "not-found"),
        ("GET", "/media/nope?w=0", 422, "invalid"),
        ("GET", "/media/nope?w=1&w=2", 422, "invalid"),
    ],
)
def test_the_frame_answers_with_problems(
    client: FlaskClient, method: str, path: str, status: int, slug: str
) -> None:
    body = problem(client.open(path, method=method))
    assert (body["status"], body["type"]) == (status, f"/problems/{slug}")


def test_405_says_what_is_allowed(client: FlaskClient) -> None:
    allowed = client.post("/v1/products/acme:mug").headers["Allow"]
    assert set(allowed.split(", ")) == {"GET", "HEAD", "PUT", "PATCH", "DELETE"}


@pytest.mark.parametrize(
    "header", ["", "Basic abc", "Bearer", "Bearer ", "x", "Bearer " + "k" * 999]
)
def test_401_says_how(client: FlaskClient, header: str) -> None:
    response = client.get("/v1/products", headers={"Authorization": header})
    assert problem(response)["status"] == 401
    assert response.headers["WWW-Authenticate"] == 'Bearer realm="vitrine"'


def test_a_database_that_is_gone_is_503_and_keeps_its_password(client: FlaskClient) -> None:
    response = client.get("/v1/products", headers={"Authorization": "Bearer some-key"})
    body = problem(response)
    assert (body["status"], body["type"]) == (503, "/problems/unavailable")
    assert int(response.headers["Retry-After"]) > 0
    assert "hidden" not in response.text


def test_an_unexpected_error_says_nothing_about_itself(
    app: Flask, caplog: pytest.LogCaptureFixture
) -> None:
    body = problem(raising(app, RuntimeError("the secret recipe")))
    assert (body["status"], body["type"]) == (500, "/problems/internal")
    assert "recipe" not in json.dumps(body)
    assert body["instance"] in body["detail"] or "request id" in body["detail"]


def test_abort_500_is_like_any_other(app: Flask) -> None:
    app.add_url_rule("/abort", "abort", lambda: abort(500))
    assert problem(app.test_client().get("/abort"))["type"] == "/problems/internal"


def test_what_only_the_operator_can_change_stays_in_the_log(app: Flask) -> None:
    body = problem(raising(app, Misconfigured("/srv/secret/path cannot be written to")))
    assert (body["status"], body["type"]) == (500, "/problems/misconfigured")
    assert "/srv" not in json.dumps(body)


def test_an_error_of_the_tree_says_its_sentence(app: Flask) -> None:
    body = problem(raising(app, Forbidden("Use another key.")))
    assert (body["status"], body["detail"]) == (403, "Use another key.")


def test_a_rejected_picture_names_its_code(app: Flask) -> None:
    body = problem(raising(app, ImageRejected("too-many-pixels", "It is too large.")))
    assert (body["status"], body["type"]) == (422, "/problems/image-rejected")
    assert body["code"] == "too-many-pixels"


def test_unavailable_says_when_to_come_back(app: Flask) -> None:
    response = raising(app, Unavailable("Milvus does not answer.", retry_after_seconds=7))
    assert problem(response)["detail"] == "Milvus does not answer."
    assert response.headers["Retry-After"] == "7"


def test_every_kind_of_problem_has_a_page(client: FlaskClient) -> None:
    slugs = [kind.slug for kind in kinds()]
    assert len(slugs) == len(set(slugs))
    assert set(slugs) == set(ADVICE)
    for kind in kinds():
        page = client.get(f"/problems/{kind.slug}", headers={"Accept": "text/html"})
        assert page.content_type.startswith("text/html")
        found = client.get(f"/problems/{kind.slug}").get_json()
        assert (found["status"], found["title"]) == (kind.status, kind.title)
    listed = client.get("/problems").get_json()["problems"]
    assert {one["type"] for one in listed} == {f"/problems/{slug}" for slug in slugs}


def test_the_tree_of_errors_is_the_one_that_is_walked() -> None:
    class Elsewhere(VitrineError):
        slug = "elsewhere"

    assert Elsewhere not in list(kinds())
