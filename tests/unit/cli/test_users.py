"""`vitrine users`: one document out of many pages, and nothing erased without a yes."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from flask import Flask, request
from werkzeug.serving import make_server

from vitrine.cli.users import as_document, users
from vitrine.wire.users import UserExport

AT = "2026-11-24T12:00:00Z"


def event(line: int) -> dict[str, Any]:
    optional = ("user_id", "client_id", "item_id", "product_id", "quantity", "price", "position")
    rest = ("rating", "item_list_id", "search_term", "transaction_id", "decision")
    fields = {"at": AT, "name": "view_item", "event": "00", "line": line, "received_at": AT}
    return {**fields, **dict.fromkeys((*optional, *rest))}


def decision(name: str) -> dict[str, Any]:
    lists = ("products", "sources", "propensities", "explored", "features", "feedback")
    fields = {"id": name, "at": AT, "kind": "search", "client_id": None, "model": "m"}
    return {**fields, "context": {}, "ranker": None, **{name: [] for name in lists}}


def ad(name: str) -> dict[str, Any]:
    fields = {"decision": name, "position": 1, "at": AT, "client_id": None, "placement": "top"}
    return {**fields, "creative": "mugs", "context": {}, "events": []}


def page(
    events: list[int], decisions: list[str], following: str | None, ads: tuple[str, ...] = ()
) -> dict[str, Any]:
    return {
        "user": "äda",
        "kind": "user",
        "since": AT,
        "visitors": [],
        "profile": None,
        "advertisers": [],
        "events": [event(line) for line in events],
        "decisions": [decision(name) for name in decisions],
        "ads": [ad(name) for name in ads],
        "conversions": [],
        "next_cursor": following,
    }


@pytest.mark.parametrize(
    "pages",
    [
        [page([], [], None)],
        [page([1, 2], [], None)],
        [page([], ["a"], None)],
        [page([1, 2], [], "x"), page([3], ["a"], "y"), page([], ["b", "c"], None)],
        [page([1], [], "x"), page([], ["a"], "y"), page([], ["b"], None)],
        [page([1], [], "x"), page([], [], "y", ("c",)), page([], [], None, ("d", "e"))],
        [page([], ["a"], "x", ("c",)), page([], [], None)],
    ],
)
def test_pages_become_one_document(pages: list[dict[str, Any]]) -> None:
    document = json.loads("".join(as_document(map(UserExport.model_validate, pages))))
    assert document["user"] == "äda"
    assert set(document) == set(pages[0]) - {"next_cursor"}
    for name, key in (("events", "line"), ("decisions", "id"), ("ads", "decision")):
        whole = [row for each in pages for row in each[name]]
        assert [row[key] for row in document[name]] == [row[key] for row in whole]


@pytest.fixture
def asked() -> list[str]:
    return []


@pytest.fixture
def url(asked: list[str]) -> Iterator[str]:
    app = Flask("shop")

    @app.get("/v1/users/<user>/export")
    def export(user: str) -> Any:
        if user != "ada":
            return {"type": "/problems/not-found", "status": 404, "detail": "Nothing."}, 404
        return page([1], [], "x") if not request.args.get("cursor") else page([2], ["a"], None)

    @app.delete("/v1/users/<user>")
    def erase(user: str) -> Any:
        asked.append(user)
        counts = ("visitors", "events", "decisions", "feedback", "profiles")
        return {"user": user, **dict.fromkeys(counts, 3)}

    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()


def run(*arguments: str, typed: str = "") -> Result:
    return CliRunner().invoke(users, [*arguments, "--key", "k"], input=typed)


def test_an_export_goes_to_the_terminal_or_a_file(url: str, tmp_path: Path) -> None:
    shown = run("export", "ada", "--url", url)
    assert len(json.loads(shown.stdout)["events"]) == 2
    file = tmp_path / "ada.json"
    assert run("export", "ada", "--url", url, "--out", str(file)).exit_code == 0
    assert json.loads(file.read_text()) == json.loads(shown.stdout)


def test_nobody_leaves_no_file(url: str, tmp_path: Path) -> None:
    file = tmp_path / "nobody.json"
    assert run("export", "nobody", "--url", url, "--out", str(file)).exit_code != 0
    assert not file.exists()


def test_nothing_is_erased_without_a_yes(url: str, asked: list[str]) -> None:
    assert run("erase", "ada", "--url", url, typed="n\n").exit_code == 1
    assert asked == []
    assert "3 events" in run("erase", "ada", "--url", url, typed="y\n").output
    assert "3 events" in run("erase", "bob", "--url", url, "--yes").output
    assert asked == ["ada", "bob"]
