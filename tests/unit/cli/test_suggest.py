"""`vitrine suggest`: what a person sees."""

import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from click.testing import CliRunner, Result
from flask import Flask, request
from werkzeug.serving import make_server

from vitrine.cli.suggest import line, suggest
from vitrine.wire.suggest import Suggestion

LINES: list[dict[str, Any]] = [
    {"kind": "query", "text": "blue mug", "highlight": [[0, 2]]},
    {"kind": "category", "text": "mugs", "category": "home/mugs"},
    {"kind": "product", "text": "A [bold] mug", "product": "acme:mug-1"},
]


@pytest.fixture
def url() -> Iterator[str]:
    app = Flask("shop")

    @app.get("/v1/suggest")
    def answer() -> Any:
        typed = request.args["q"]
        found = LINES[: int(request.args["limit"])] if typed == "bl" else []
        return {"query": typed, "suggestions": found}

    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()


def run(*arguments: str) -> Result:
    return CliRunner().invoke(suggest, [*arguments, "--key", "k"])


def test_a_line_a_suggestion(url: str) -> None:
    assert run("bl", "--url", url).output.splitlines() == [
        "query     blue mug",
        "category  mugs  home/mugs",
        "product   A [bold] mug  acme:mug-1",
    ]
    assert len(run("bl", "--url", url, "--limit", "2").output.splitlines()) == 2


def test_what_was_typed_is_underlined() -> None:
    shown = line(Suggestion.model_validate(LINES[0]))
    underlined = [
        shown.plain[span.start : span.end] for span in shown.spans if "underline" in str(span.style)
    ]
    assert underlined == ["bl"]


def test_json_is_the_answer(url: str) -> None:
    assert json.loads(run("bl", "--url", url, "--json").output)["suggestions"][2]["product"]


def test_nothing_to_suggest_says_so(url: str) -> None:
    assert "other letters" in run("zz", "--url", url).output


def test_a_limit_out_of_bounds_is_told(url: str) -> None:
    result = run("bl", "--url", url, "--limit", "51")
    assert (result.exit_code, "1<=x<=50" in result.output) == (2, True)
