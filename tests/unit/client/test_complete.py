"""The clients can make every call that the api has, and both the same ones."""

import inspect
from typing import Any

import pytest

from vitrine.api.app import all_routes
from vitrine.client import AsyncVitrineClient, VitrineClient
from vitrine.client.request import Call
from vitrine.wire import SearchQuery

CLIENTS = [VitrineClient, AsyncVitrineClient]


def calls(client: type[Any]) -> set[tuple[str, str]]:
    """Method and path of every call that a client has a method for."""
    found = [vars(method).get("call") for method in vars(client).values() if callable(method)]
    return {(one.method, one.path) for one in found if isinstance(one, Call)}


@pytest.mark.parametrize("client", CLIENTS)
def test_every_call_of_the_api_has_a_method(client: type[Any]) -> None:
    served = {route.key for route in all_routes() if route.operation.path.startswith("/v1/")}
    assert len(served) >= 8
    assert calls(client) == served | {("GET", "/media/{cid}"), ("GET", "/readyz")}


def methods(client: type[Any]) -> dict[str, list[str]]:
    """Every method that a caller may use, with what it takes."""
    return {
        name: list(map(str, inspect.signature(method).parameters.values()))
        for name, method in vars(client).items()
        if callable(method) and not name.startswith("_") and name not in {"close", "aclose"}
    }


def test_both_clients_take_the_same() -> None:
    assert methods(VitrineClient) == methods(AsyncVitrineClient)
    assert "seller: str | None = None" in methods(VitrineClient)["iter_products"]


@pytest.mark.parametrize("name", ["search", "iter_search"])
def test_every_field_of_a_query_can_be_given(name: str) -> None:
    taken = set(inspect.signature(getattr(VitrineClient, name)).parameters)
    assert taken == set(SearchQuery.model_fields) | {"self", "image", "images"}


def test_help_says_what_a_call_answers() -> None:
    assert inspect.signature(VitrineClient.job).return_annotation.__name__ == "JobOut"
    assert VitrineClient.job.__doc__ == "Read where a job stands."
