"""The document says what the routes do: all of them, and nothing that does not resolve."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from jsonschema import Draft202012Validator

from vitrine.api.app import all_routes
from vitrine.api.problem_examples import example
from vitrine.api.problem_types import kinds
from vitrine.errors import MethodNotAllowed, Unauthenticated

ROOT = Path(__file__).parents[3]
METHODS = {"get", "put", "post", "delete", "patch"}
OPERATION_FIELDS = {
    *("operationId", "tags", "summary", "description", "security", "parameters", "responses"),
    "requestBody",
}


@pytest.fixture
def document(client: FlaskClient) -> dict[str, Any]:
    found: dict[str, Any] = client.get("/openapi.json").get_json()
    return found


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for value in node.values():
            yield from references(value)
    elif isinstance(node, list):
        for value in node:
            yield from references(value)


def test_every_route_is_documented_and_every_document_is_routed(
    app: Flask, document: dict[str, Any]
) -> None:
    served = {
        (re.sub(r"<(\w+)>", r"{\1}", rule.rule), method.lower())
        for rule in app.url_map.iter_rules()
        for method in rule.methods or ()
        if method != "HEAD"
    }
    assert served == {(path, method) for path, method, _ in operations(document)}


def test_every_reference_resolves(document: dict[str, Any]) -> None:
    found = set(references(document))
    assert found
    for reference in found:
        node: Any = document
        for part in reference.removeprefix("#/").split("/"):
            node = node[part]
        assert isinstance(node, dict)


def test_every_schema_is_one_and_is_used(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    for schema in schemas.values():
        Draft202012Validator.check_schema(schema)
    used = {reference.rsplit("/", 1)[1] for reference in references(document)}
    assert set(schemas) == used


def test_the_structure_is_that_of_openapi_3_1(document: dict[str, Any]) -> None:
    assert document["openapi"] == "3.1.0"
    assert {"title", "version"} <= set(document["info"])
    assert set(document) == {"openapi", "info", "servers", "tags", "paths", "components"}
    tags = {tag["name"] for tag in document["tags"]}
    ids = [operation["operationId"] for _, _, operation in operations(document)]
    assert len(ids) == len(set(ids))
    for path, method, operation in operations(document):
        assert method in METHODS
        assert set(operation) <= OPERATION_FIELDS
        assert operation["summary"]
        assert operation["description"]
        assert set(operation["tags"]) <= tags
        in_path = {one["name"] for one in operation["parameters"] if one["in"] == "path"}
        assert in_path == set(re.findall(r"{(\w+)}", path))
        for parameter in operation["parameters"]:
            assert ("schema" in parameter) != ("content" in parameter)
            assert parameter["required"] or parameter["in"] == "query"


def test_every_status_has_a_description_and_every_error_is_a_problem(
    document: dict[str, Any],
) -> None:
    for path, method, operation in operations(document):
        assert any(status[0] in "23" for status in operation["responses"]), (path, method)
        for status, response in operation["responses"].items():
            assert response["description"], (path, method, status)
            if int(status) < 400:
                continue
            content = response["content"]["application/problem+json"]
            assert content["schema"] == {"$ref": "#/components/schemas/Problem"}
            for slug, shown in content["examples"].items():
                assert shown["value"]["type"] == f"/problems/{slug}"
                assert shown["value"]["status"] == int(status)
                assert "A sentence" not in shown["value"]["detail"]
                assert ("code" in shown["value"]) == (slug == "image-rejected")
                Draft202012Validator(
                    {**content["schema"], "components": document["components"]}
                ).validate(shown["value"])


def test_the_example_of_a_problem_is_one_that_is_said(client: FlaskClient) -> None:
    for method, path, kind in (
        ("POST", "/healthz", MethodNotAllowed),
        ("GET", "/v1/products", Unauthenticated),
    ):
        assert client.open(path, method=method).get_json()["detail"] == example(kind)["detail"]
    assert all(example(kind)["detail"] for kind in kinds())


def test_what_is_one_of_a_few_words_is_an_enum(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    kinds_of_jobs = schemas["JobOut"]["properties"]["kind"]["enum"]
    assert kinds_of_jobs == ["product.put", "product.patch", "product.delete"]
    assert schemas["Problem"]["properties"]["code"]["type"] == "string"
    assert "code" not in schemas["Problem"]["required"]
    assert {"type": "null"} in schemas["ImageOut"]["properties"]["url"]["anyOf"]


def test_a_key_is_asked_for_exactly_where_a_route_needs_one(document: dict[str, Any]) -> None:
    assert document["components"]["securitySchemes"]["key"]["scheme"] == "bearer"
    declared = {route.key: route.operation.roles for route in all_routes()}
    for path, method, operation in operations(document):
        roles = declared[method.upper(), path]
        assert operation["security"] == ([{"key": sorted(roles)}] if roles else [])
        assert ("401" in operation["responses"]) == bool(roles)
        # Pages tell of ads without a key: what they quote is signed.
        assert bool(roles) == (path.startswith("/v1/") and path != "/v1/ads/events")


def test_examples_of_bodies_are_valid(document: dict[str, Any]) -> None:
    checked = 0
    for _, _, operation in operations(document):
        content = operation.get("requestBody", {}).get("content", {})
        for media in content.values():
            schema = {**media["schema"], "components": document["components"]}
            Draft202012Validator(schema).validate(media["example"])
            checked += 1
    assert checked >= 15


def test_search_and_upload_take_a_form_or_json(document: dict[str, Any]) -> None:
    put = document["paths"]["/v1/products/{id}"]["put"]["requestBody"]["content"]
    assert set(put) == {"multipart/form-data", "application/json"}
    images = put["multipart/form-data"]["schema"]["properties"]["images"]
    assert (images["type"], images["maxItems"]) == ("array", 3)
    search = document["paths"]["/v1/search"]["post"]["requestBody"]["content"]
    assert search["multipart/form-data"]["schema"]["properties"]["image"]["maxItems"] == 5
    body = document["components"]["schemas"]["SearchBody"]["properties"]
    part = document["components"]["schemas"]["SearchQuery"]["properties"]
    assert set(body) - set(part) == {"image_base64"}


def test_the_words_in_docs_name_every_call(document: dict[str, Any]) -> None:
    words = (ROOT / "docs" / "api.md").read_text()
    for path, method, _ in operations(document):
        if path != "/docs/{file}":
            assert f"`{method.upper()} {path}" in words, f"docs/api.md lacks {method} {path}"


def test_the_pages_load_nothing_from_afar(client: FlaskClient) -> None:
    page = client.get("/docs")
    assert "default-src 'self'" in page.headers["Content-Security-Policy"]
    assert "http" not in page.text
    for file in re.findall(r'(?:src|href)="([^"]+)"', page.text):
        assert client.get(file).status_code == 200, file
