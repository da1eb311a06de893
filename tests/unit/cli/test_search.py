"""`vitrine search`: what it asks, what a person sees, and what it says of mistakes."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from flask import Flask, request
from werkzeug.serving import make_server

from vitrine.cli.search import search
from vitrine.errors import Misconfigured, Unavailable
from vitrine.settings import load_settings

NOW = "2026-01-02T03:04:05Z"
UPLOAD = "u" * 22
PRODUCT: dict[str, Any] = {
    "id": "acme:mug-1",
    "seller": "acme",
    "sku": "mug-1",
    "title": "Blue [bold]mug",
    "description": "",
    "brand": "Tern",
    "category": "home/mugs",
    "price": "1234.50",
    "currency": "EUR",
    "availability": "out_of_stock",
    "in_stock": False,
    "attributes": {},
    "images": [],
    "version": 1,
    "created_at": NOW,
    "updated_at": NOW,
}


@pytest.fixture
def asked() -> list[dict[str, Any]]:
    return []


@pytest.fixture
def url(asked: list[dict[str, Any]]) -> Iterator[str]:
    app = Flask("shop")

    @app.post("/v1/search")
    def answer() -> Any:
        query = request.get_json() if request.is_json else json.loads(request.form["query"])
        photo = request.files["image"].read() if "image" in request.files else None
        asked.append({**query, "photo": photo, "key": request.headers["Authorization"]})
        hit = {"product": PRODUCT, "score": 0.87654, "image": {"id": "c", "url": "/media/c"}}
        return {
            "search_id": "s",
            "query": {"by": "image", "limit": 10},
            "results": [] if query["limit"] == 1 else [{**hit, "token": "t"}],
            "next_cursor": {None: "second", "second": "third"}.get(query.get("cursor")),
            "timing_ms": {"decode": 4, "encode": 9, "search": 6, "hydrate": 2, "total": 21},
            "model": {"name": "some-model", "digest": "d", "trained": query["limit"] == 2},
        }

    @app.post("/v1/uploads")
    def keep() -> Any:
        asked.append({"kept": request.files["image"].read()})
        kept = {"upload_id": UPLOAD, "expires_at": NOW, "width": 9, "height": 9, "regions": []}
        return {**kept, "model": {"name": "m", "digest": "d", "trained": True}}, 201

    @app.delete(f"/v1/uploads/{UPLOAD}")
    def forget() -> Any:
        asked.append({"forgotten": UPLOAD})
        return "", 204

    @app.get("/v1/search/s/explanations/acme:mug-1/picture")
    def draw() -> bytes:
        asked.append({"drawn": "acme:mug-1"})
        return b"a heat map"

    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()


@pytest.fixture
def photo(tmp_path: Path) -> str:
    (tmp_path / "photo.jpg").write_bytes(b"a photo")
    return str(tmp_path / "photo.jpg")


@pytest.fixture(autouse=True)
def data_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("VITRINE_DATA_DIR", str(tmp_path))
    load_settings.cache_clear()
    yield tmp_path
    load_settings.cache_clear()


def run(*arguments: str) -> Result:
    return CliRunner().invoke(search, arguments, terminal_width=160, env={"COLUMNS": "160"})


def test_the_table_and_the_warning(url: str, photo: str, asked: list[dict[str, Any]]) -> None:
    shown = run(photo, "--url", url, "--key", "k", "--filter", '{"in_stock": true}').output
    assert asked == [
        {"photo": b"a photo", "key": "Bearer k", "limit": 10, "filter": {"in_stock": True}}
    ]
    for word in ("0.877", "Blue [bold]mug", "Tern", "home/mugs", "1234.50 EUR", "no", "acme:mug-1"):
        assert word in shown, shown
    assert "1 found in 21 ms (decode 4, encode 9, search 6, hydrate 2)" in shown
    assert "UNTRAINED" in shown
    assert "`vitrine models use vitrine-r18`" in shown
    assert "UNTRAINED" not in run(photo, "--url", url, "--key", "k", "--limit", "2").output


def test_every_option_reaches_the_api(url: str, photo: str, asked: list[dict[str, Any]]) -> None:
    run(
        *(photo, "--text", "red", "--crop", "0,0.1,0.5,1", "--like", "a:b", "--like", "a:c"),
        *("--unlike", "a:d", "--sort", "newest", "--diversity", "0.5", "--category", "off"),
        *("--exclude", "a:e", "--min-score", "0.2", "--fusion", "weights"),
        *("--facets", "brand, price", "--explain", "--limit", "7", "--url", url, "--key", "k"),
    )
    assert asked == [
        {
            "photo": b"a photo",
            "key": "Bearer k",
            "text": "red",
            "crop": {"x": 0, "y": 0.1, "width": 0.5, "height": 1},
            "more_like": ["a:b", "a:c"],
            "less_like": ["a:d"],
            "exclude": ["a:e"],
            "min_score": 0.2,
            "fusion": {"method": "weights"},
            "sort": "newest",
            "diversity": 0.5,
            "category": "off",
            "facets": ["brand", "price"],
            "explain": True,
            "limit": 7,
        }
    ]


def test_pages_follow_each_other_and_end(url: str, asked: list[dict[str, Any]]) -> None:
    shown = run("--text", "mug", "--pages", "9", "--url", url, "--key", "k").output
    assert [query.get("cursor") for query in asked] == [None, "second", "third"]
    rows = [line.split() for line in shown.splitlines() if "acme:mug-1" in line]
    assert [row[:2] for row in rows] == [[rank, "acme:mug-1"] for rank in "123"]
    assert shown.count("There is another page") == 2


def test_the_heat_map_is_of_a_photo_that_is_kept_meanwhile(
    url: str, photo: str, asked: list[dict[str, Any]], tmp_path: Path
) -> None:
    heat = tmp_path / "why.png"
    result = run(photo, "--heat", str(heat), "--url", url, "--key", "k", "--limit", "2")
    assert result.exit_code == 0, result.output
    assert heat.read_bytes() == b"a heat map"
    kept, searched, *after = asked
    assert kept == {"kept": b"a photo"}
    assert (searched["upload_id"], searched["photo"]) == (UPLOAD, None)
    assert after == [{"drawn": "acme:mug-1"}, {"forgotten": UPLOAD}]
    assert "are alike" in result.stderr


def test_nothing_found_is_not_drawn(url: str, photo: str, tmp_path: Path) -> None:
    heat = tmp_path / "why.png"
    result = run(photo, "--heat", str(heat), "--url", url, "--key", "k", "--limit", "1")
    assert "was not drawn" in result.stderr
    assert not heat.exists()


def test_json_is_the_answer(url: str) -> None:
    shown = run("--product", "acme:mug-1", "--url", url, "--key", "k", "--json").output
    assert json.loads(shown)["results"][0]["product"]["price"] == "1234.50"


def test_nothing_found_says_so(url: str, photo: str) -> None:
    assert "Nothing found" in run(photo, "--url", url, "--key", "k", "--limit", "1").output


def test_the_key_of_vitrine_up_is_used(
    url: str, photo: str, data_dir: Path, asked: list[dict[str, Any]]
) -> None:
    (data_dir / "keys.json").write_text('{"storefront": "from-file"}')
    assert run(photo, "--url", url).exit_code == 0
    assert asked[0]["key"] == "Bearer from-file"


def test_no_key_names_the_fix(url: str, photo: str) -> None:
    error = run(photo, "--url", url).exception
    assert isinstance(error, Misconfigured)
    assert "`vitrine up`" in str(error)


def test_nobody_there_names_the_fix(photo: str) -> None:
    error = run(photo, "--url", "http://127.0.0.1:9", "--key", "k").exception
    assert isinstance(error, Unavailable)
    assert "`vitrine up`" in str(error)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "a PHOTO, --text"),
        (["--unlike", "a:b"], "a PHOTO, --text"),
        ([__file__, "--product", "a:b"], "not both"),
        (["--text", "mug", "--crop", "0,0,1,1"], "give the photo"),
        (["--text", "mug", "--heat", "why.png"], "give a PHOTO"),
        ([__file__, "--heat", "no/such/folder/why.png"], "make it first"),
        ([__file__, "--crop", "0,0,1"], "four fractions"),
        ([__file__, "--crop", "0,0,1,5"], "four fractions"),
        ([__file__, "--crop", "0,0,0,1"], "four fractions"),
        (["nowhere.jpg"], "does not exist"),
        (["--product", "a:b", "--filter", "{"], "not JSON"),
        (["--product", "a:b", "--filter", "[]"], "JSON object"),
        (["--product", "a:b", "--limit", "0"], "0"),
    ],
)
def test_mistakes_in_the_call(arguments: list[str], said: str) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert said in result.output
