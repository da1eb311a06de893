"""`vitrine search`: what a person sees, and what it says when something is missing."""

import io
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from flask import Flask, request
from rich.console import Console
from werkzeug.serving import make_server

from vitrine.cli.search import search, show, show_table
from vitrine.errors import Misconfigured, Unavailable
from vitrine.settings import load_settings
from vitrine.wire import SearchResponse

NOW = "2026-01-02T03:04:05Z"
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
            "timing_ms": {"decode": 4, "encode": 9, "search": 6, "hydrate": 2, "total": 21},
            "model": {"name": "some-model", "digest": "d", "trained": query["limit"] == 2},
        }

    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
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


def found(**changes: Any) -> SearchResponse:
    hit = {"score": 0.8, "image": {"id": "c", "url": "/media/c"}, "token": "t"}
    return SearchResponse.model_validate(
        {
            "search_id": "s",
            "query": {"by": "image", "limit": 2},
            "results": [{**hit, "product": {**PRODUCT, **changes}}] * 2,
            "timing_ms": {},
            "model": {"name": "m", "digest": "d", "trained": True},
        }
    )


LONG = {
    "title": "Alba striped stoneware espresso cup\nwith a saucer in terracotta",
    "category": "home/kitchen/tableware/cups/espresso",
}


@pytest.mark.parametrize("columns", [20, 60, 80, 120])
@pytest.mark.parametrize("product_id", ["demo:espresso-1-00012", "a" * 63 + ":" + "b" * 128])
def test_an_id_is_never_split(columns: int, product_id: str) -> None:
    written = io.StringIO()
    show_table(found(id=product_id, **LONG), Console(width=columns, file=written))
    heading, *rows = written.getvalue().splitlines()
    assert heading.split()[:2] == ["#", "id"]
    assert [row.split()[1] for row in rows] == [product_id] * 2


def test_a_line_a_product_at_eighty_columns() -> None:
    written = io.StringIO()
    show_table(found(id="demo:espresso-1-00012", **LONG), Console(width=80, file=written))
    lines = written.getvalue().splitlines()
    assert len(lines) == 3
    assert all(len(line) <= 80 for line in lines)
    assert "…" in lines[1]


def test_nothing_is_cut_for_a_pipe(capsys: pytest.CaptureFixture[str]) -> None:
    show(found(**LONG), 0.1)
    shown = capsys.readouterr().out.splitlines()
    assert "Alba striped stoneware espresso cup with a saucer in terracotta" in shown[1]
    assert LONG["category"] in shown[1]


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
        ([], "PHOTO or --product"),
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
