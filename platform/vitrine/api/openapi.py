"""The OpenAPI 3.1 document, from the same declarations that the routes are served by."""

from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from vitrine import __version__
from vitrine.api import problems
from vitrine.api.bodies import NoBody
from vitrine.api.operations import NoQuery, Operation, Reply, Route
from vitrine.api.problem_examples import example
from vitrine.errors import (
    Forbidden,
    Invalid,
    Malformed,
    TooLarge,
    TooManyRequests,
    Unauthenticated,
    Unavailable,
    UnsupportedMediaType,
    VitrineError,
)
from vitrine.settings import Settings
from vitrine.wire import Problem

_REFERENCE = "#/components/schemas/{model}"
_DESCRIPTION = """\
Find products by photo. Send `Authorization: Bearer <key>`; each call names the roles that may make
it, and an admin key may make every call.

Errors are [RFC 9457](https://www.rfc-editor.org/rfc/rfc9457) problem documents with a stable
`type`, a sentence that says what to do, and `errors` for single fields. Every answer carries
`X-Request-ID`, as the log of the server does. A method that an address does not take is 405, with
those that it takes in `Allow`; so is `OPTIONS`, except for the preflight of a browser (CORS).

An answer with an `ETag` may be kept and asked about with `If-None-Match`. 429 and 503 say in
`Retry-After` when to try again; `RateLimit` says how much a key has left.
"""
_TEXT = {"type": "string"}
_HEADERS = {
    "X-Request-ID": {"description": "Id of the request.", "schema": _TEXT},
    "ETag": {"description": "For `If-None-Match`.", "schema": _TEXT},
    "Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer", "minimum": 1}},
    "RateLimit-Policy": {
        "description": "The limits: `q` requests in `w` seconds.",
        "schema": _TEXT,
        "example": '"key";q=1000;w=10',
    },
    "RateLimit": {
        "description": "What is left of them: `r` requests; whole again in `t` seconds.",
        "schema": _TEXT,
        "example": '"key";r=998;t=1',
    },
}
_UNCHANGED = Reply(status=304, description="What the caller has is still right.")


def build(routes: Iterable[Route], settings: Settings) -> dict[str, Any]:
    """Write the document of these routes."""
    routes = list(routes)
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        entry = paths.setdefault(route.operation.path, {})
        entry[route.operation.method.lower()] = _operation(route, settings)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Vitrine",
            "version": __version__,
            "description": _DESCRIPTION,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "tags": [{"name": tag} for tag in dict.fromkeys(route.tag for route in routes)],
        "paths": paths,
        "components": {
            "schemas": _schemas(routes),
            "securitySchemes": {
                "key": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "A key of this shop; `vitrine keys create` makes one.",
                }
            },
        },
    }


def reference(model: type[BaseModel]) -> dict[str, Any]:
    """Point to the schema of a wire model."""
    return {"$ref": _REFERENCE.format(model=model.__name__)}


def expected_problems(operation: Operation[Any, Any]) -> list[type[VitrineError]]:
    """Every problem that this call may answer with, by status."""
    found: list[type[VitrineError]] = [*operation.problems, VitrineError, Unavailable]
    if operation.roles:
        found += [Unauthenticated, Forbidden, TooManyRequests]
    if not isinstance(operation.body, NoBody):
        found += [Malformed, TooLarge, UnsupportedMediaType, Invalid]
    if operation.query.model_fields or operation.query is NoQuery:
        found.append(Invalid)
    return sorted(dict.fromkeys(found), key=lambda kind: (kind.status, kind.slug))


def _operation(route: Route, settings: Settings) -> dict[str, Any]:
    operation = route.operation
    roles = sorted(operation.roles)
    document: dict[str, Any] = {
        "operationId": route.name,
        "tags": [route.tag],
        "summary": operation.summary,
        "description": _description(route),
        "security": [{"key": roles}] if roles else [],
        "parameters": [*_path_parameters(operation), *_query_parameters(operation)],
        "responses": _responses(operation),
    }
    body = operation.body.document(reference, settings)
    if body is not None:
        document["requestBody"] = body
    return document


def _description(route: Route) -> str:
    lines = [line.strip() for line in (route.handler.__doc__ or "").strip().splitlines()]
    roles = ", ".join(sorted(route.operation.roles))
    return "\n".join([*lines, "", f"Roles: {roles}." if roles else "No key is needed."])


def _path_parameters(operation: Operation[Any, Any]) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "in": "path",
            "required": True,
            "description": parameter.description,
            "schema": {"type": "string", "pattern": parameter.pattern},
            "example": parameter.example,
        }
        for name, parameter in operation.path_parameters.items()
    ]


def _query_parameters(operation: Operation[Any, Any]) -> list[dict[str, Any]]:
    schema = operation.query.model_json_schema()
    found = []
    for name, described in schema.get("properties", {}).items():
        field = {key: value for key, value in described.items() if key != "title"}
        parameter: dict[str, Any] = {
            "name": name,
            "in": "query",
            "required": name in schema.get("required", ()),
            "description": field.pop("description", ""),
        }
        if field.get("type") == "object":
            parameter["content"] = {"application/json": {"schema": field}}
        else:
            parameter["schema"] = field
        found.append(parameter)
    return found


def _responses(operation: Operation[Any, Any]) -> dict[str, Any]:
    replies = [*operation.replies, *([_UNCHANGED] if operation.revalidated else [])]
    responses = {str(reply.status): _reply(reply, operation) for reply in replies}
    for kind in expected_problems(operation):
        _add_problem(responses.setdefault(str(kind.status), {"description": ""}), kind)
    return responses


def _reply(reply: Reply, operation: Operation[Any, Any]) -> dict[str, Any]:
    names = ["X-Request-ID"]
    names += ["ETag"] if operation.revalidated else []
    names += ["RateLimit-Policy", "RateLimit"] if operation.roles else []
    response: dict[str, Any] = {"description": reply.description, "headers": _headers(names)}
    if reply.model is not None:
        response["content"] = {"application/json": {"schema": reference(reply.model)}}
    for media_type in reply.media_types:
        binary = media_type.startswith("image/")
        schema = {"type": "string", **({"format": "binary"} if binary else {})}
        response.setdefault("content", {})[media_type] = {"schema": schema}
    return response


def _headers(names: list[str]) -> dict[str, Any]:
    return {name: _HEADERS[name] for name in names}


def _add_problem(response: dict[str, Any], kind: type[VitrineError]) -> None:
    described = f"{kind.title}: [`{kind.slug}`](/problems/{kind.slug})."
    response["description"] = f"{response['description']} {described}".strip()
    content = response.setdefault("content", {}).setdefault(
        problems.CONTENT_TYPE, {"schema": reference(Problem), "examples": {}}
    )
    content["examples"][kind.slug] = {"value": example(kind)}
    if issubclass(kind, Unavailable | TooManyRequests):
        response.setdefault("headers", {}).update(_headers(["Retry-After"]))


def _schemas(routes: list[Route]) -> dict[str, Any]:
    received = {model for route in routes for model in route.operation.body.models()}
    sent = {reply.model for route in routes for reply in route.operation.replies if reply.model}
    ordered: list[tuple[type[BaseModel], JsonSchemaMode]] = []
    ordered += [(model, "validation") for model in sorted(received, key=_name)]
    ordered += [(model, "serialization") for model in sorted(sent | {Problem}, key=_name)]
    _, definitions = models_json_schema(ordered, ref_template=_REFERENCE)
    schemas: dict[str, Any] = definitions["$defs"]
    return schemas


def _name(model: type[BaseModel]) -> str:
    return model.__name__
