"""Every route there is, with every kind of key: whoever adds one is tested without a word."""

import dataclasses
from collections.abc import Iterator

import pytest
from flask.testing import FlaskClient

from vitrine.api import auth
from vitrine.api.app import all_routes, create_app
from vitrine.api.bodies import NoBody
from vitrine.api.operations import Route
from vitrine.assembly import Platform
from vitrine.catalog.keys import ROLES, create_key, revoke_key

SELLER = "demo"  # whose products the examples of path parameters name


def address(route: Route) -> str:
    path = route.operation.path
    for name, parameter in route.operation.path_parameters.items():
        path = path.replace(f"{{{name}}}", parameter.example)
    assert "{" not in path, f"{route.key} has a path parameter that is not described"
    return path


def calls(api: FlaskClient, key: str | None) -> Iterator[tuple[Route, int]]:
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    for route in all_routes():
        answer = api.open(address(route), method=route.operation.method, headers=headers)
        yield route, answer.status_code


def keys(platform: Platform) -> dict[str, str]:
    with platform.sessions.begin() as session:
        return {
            role: create_key(session, role, seller=SELLER if role == "seller" else None)[1]
            for role in ROLES
        }


def test_each_route_takes_the_roles_that_it_declares(platform: Platform) -> None:
    api = create_app(platform).test_client()
    for role, key in keys(platform).items():
        for route, status in calls(api, key):
            allowed = not route.operation.roles or role in route.operation.roles
            assert (status in {401, 403}) != allowed, (role, route.key, status)
            assert status == 403 or allowed, (role, route.key, status)


def test_each_route_that_names_a_role_needs_a_key_in_force(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(auth, "REMEMBER_SECONDS", 0.0)
    api = create_app(platform).test_client()
    with platform.sessions.begin() as session:
        row, revoked = create_key(session, "admin")
        revoke_key(session, row.id)
    for key in (None, "vt_admin_nobody", revoked):
        for route, status in calls(api, key):
            assert (status == 401) == bool(route.operation.roles), (route.key, status)


def test_an_admin_may_everything_and_only_what_is_public_needs_no_key() -> None:
    public = {route.operation.path for route in all_routes() if not route.operation.roles}
    # What pages tell of ads quotes signed tokens, and nothing can be read there.
    assert [path for path in public if path.startswith("/v1")] == ["/v1/ads/events"]
    for route in all_routes():
        assert not route.operation.roles or "admin" in route.operation.roles, route.key


def test_each_route_refuses_a_body_that_is_too_large(platform: Platform) -> None:
    small = platform.settings.model_copy(update={"max_request_bytes": 10_000})
    api = create_app(dataclasses.replace(platform, settings=small)).test_client()
    key = keys(platform)["admin"]
    with_body = [one for one in all_routes() if not isinstance(one.operation.body, NoBody)]
    assert len(with_body) >= 3
    for route in with_body:
        answer = api.open(
            address(route),
            method=route.operation.method,
            data=b'{"x": "' + b"x" * 20_000 + b'"}',
            content_type="application/json",
            headers={"Authorization": f"Bearer {key}"},
        )
        assert answer.status_code == 413, (route.key, answer.text)
