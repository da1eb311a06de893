"""`vitrine profile`: what a person sees."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from flask import Flask
from werkzeug.serving import make_server

from vitrine.cli.profile import profile

MUG: dict[str, Any] = {
    "id": "acme:mug-1", "title": "Blue [bold] mug", "brand": "Tern", "category": "home/mugs",
    "price": "12.50", "currency": "EUR", "image": None, "at": "2026-11-24T09:00:00Z",
}  # fmt: skip
FOUND: dict[str, Any] = {
    "words": ["Made of 2 events."],
    "events": 2,
    "as_of": "2026-11-24T09:00:00Z",
    "interests": [
        {"words": "home/mugs, blue", "weight": 1.0, "product": MUG, "products": [], "count": 3,
         "last_at": "2026-11-24T09:00:00Z"}
    ],
    "dislikes": [],
    "categories": [{"name": "home/mugs", "share": 1.0}, {"name": "hats", "share": -0.5}],
    "brands": [],
    "price": None,
    "viewed": [MUG] * 7,
    "bought": [],
    "carted": [],
    "hidden": [],
    "picture": "/v1/users/ada/profile/picture",
    "model": {"name": "m", "digest": "d", "trained": True},
}  # fmt: skip


@pytest.fixture
def url() -> Iterator[str]:
    app = Flask("shop")

    @app.get("/v1/users/ada/profile")
    def answer() -> Any:
        return FOUND

    @app.get("/v1/users/ada/profile/picture")
    def draw() -> Any:
        return b"a picture", 200, {"Content-Type": "image/png"}

    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()


def run(*arguments: str) -> Result:
    return CliRunner().invoke(profile, [*arguments, "--key", "k"])


def test_sentences_interests_and_what_came_last(url: str) -> None:
    lines = run("ada", "--url", url).output.splitlines()
    assert lines[0] == "Made of 2 events."
    assert [line.split() for line in lines[2:5]] == [
        ["Interests:"],
        ["weight", "products", "id", "what"],
        ["100", "%", "3", "acme:mug-1", "home/mugs,", "blue"],
    ]
    assert "Categories: home/mugs +1.00, hats -0.50" in lines
    seen = ", ".join(["Blue [bold] mug (acme:mug-1 on 2026-11-24)"] * 5)
    assert f"Viewed last: {seen}, and 2 more" in lines
    assert not any("Bought" in line for line in lines)


def test_the_answer_as_it_came_and_the_picture(url: str, tmp_path: Path) -> None:
    file = tmp_path / "interests.png"
    found = run("ada", "--json", "--url", url, "--picture", str(file))
    assert '"count": 3' in found.stdout
    assert file.read_bytes() == b"a picture"
    nowhere = run("ada", "--url", url, "--picture", str(tmp_path / "no" / "folder.png"))
    assert "there is no folder" in nowhere.output
