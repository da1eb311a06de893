"""`vitrine events`: batches that one request can carry, and lines that are named."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from flask import Flask, request
from werkzeug.serving import make_server

from vitrine.cli import events as command
from vitrine.cli.events import Tally, events, read_batches


@pytest.fixture
def received() -> list[list[dict[str, Any]]]:
    return []


@pytest.fixture
def url(received: list[list[dict[str, Any]]]) -> Iterator[str]:
    app = Flask("shop")

    @app.post("/v1/events")
    def take() -> Any:
        batch = request.get_json()["events"]
        received.append(batch)
        bad = [at for at, one in enumerate(batch) if one.get("bad")]
        notes = [{"index": at, "detail": "`/name` is bad."} for at in bad]
        taken = {"accepted": len(batch) - len(bad), "duplicates": 0, "ignored": 0}
        return {**taken, "errors": notes, "warnings": []}, 202

    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()


def run(file: Path, url: str) -> Result:
    return CliRunner().invoke(events, [str(file), "--url", url, "--key", "k"])


def write(folder: Path, *lines: str | bytes) -> Path:
    file = folder / "events.jsonl"
    file.write_bytes(b"\n".join(x if isinstance(x, bytes) else x.encode() for x in lines))
    return file


@pytest.mark.parametrize("price", ["NaN", "-Infinity", "1e999"])
def test_a_number_that_is_none_costs_its_line_alone(
    price: str, tmp_path: Path, url: str, received: list[Any]
) -> None:
    result = run(write(tmp_path, '{"n": 1}', f'{{"price": {price}}}', '{"n": 3}'), url)
    assert (result.exit_code, received) == (1, [[{"n": 1}, {"n": 3}]])
    assert "line 2: is not JSON" in result.output


def test_all_lines_are_sent_in_batches(tmp_path: Path, url: str, received: list[Any]) -> None:
    file = write(tmp_path, *(json.dumps({"n": n}) for n in range(1201)), "", "  ")
    result = run(file, url)
    assert (result.exit_code, "1201 accepted" in result.output) == (0, True)
    assert [len(batch) for batch in received] == [500, 500, 201]
    assert [one["n"] for batch in received for one in batch] == list(range(1201))


def test_a_line_that_cannot_be_used_is_named(tmp_path: Path, url: str, received: list[Any]) -> None:
    lines = ('{"n": 1}', "{", "", "[]", b"\xff", '{"bad": true}', '{"n": 2}')
    result = run(write(tmp_path, *lines), url)
    assert (result.exit_code, "2 accepted" in result.output) == (1, True)
    assert "4 refused" in result.output
    for line in (2, 4, 5, 6):
        assert f"line {line}: " in result.output
    assert len(received[0]) == 3


def test_a_batch_is_no_larger_than_the_api_takes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "BATCH_BYTES", 100)
    lines = [json.dumps({"x": "x" * 30}) for _ in range(5)] + [json.dumps({"x": "x" * 200})]
    tally = Tally()
    batches = list(read_batches(write(tmp_path, *lines), tally))
    assert [numbers for numbers, _ in batches] == [[1, 2], [3, 4], [5]]
    assert "longer than" in tally.problems[0]
