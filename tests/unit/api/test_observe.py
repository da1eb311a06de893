"""Ids, log lines, metrics and health."""

import io
import json
import logging
import time
from collections.abc import Iterator
from typing import Any

import pytest
from flask.testing import FlaskClient

from vitrine import logs
from vitrine.api.readiness import Readiness
from vitrine.assembly import Platform
from vitrine.settings import Settings


@pytest.fixture
def out() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    before = root.handlers[:], root.level
    stream = io.StringIO()
    settings = Settings.model_validate({"log_format": "json", "log_level": "DEBUG"})
    logs.configure(settings, process="api", stream=stream)
    yield stream
    root.handlers[:] = before[0]
    root.setLevel(before[1])


def requests(out: io.StringIO) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in out.getvalue().splitlines()]
    return [line for line in lines if line["logger"] == "vitrine.api.access"]


def test_one_line_a_request(client: FlaskClient, out: io.StringIO) -> None:
    client.get("/problems/not-found?x=private")
    client.get("/nowhere/at/all")
    first, second = requests(out)
    assert first["event"] == "request"
    assert (first["method"], first["route"], first["status"]) == ("GET", "/problems/{slug}", 200)
    assert first["ms"] >= 0
    assert len(first["request_id"]) == 32
    assert second["route"] == "unmatched"
    assert second["request_id"] != first["request_id"]
    assert "private" not in out.getvalue()


def test_an_address_is_never_logged(client: FlaskClient, out: io.StringIO) -> None:
    client.delete("/v1/uploads/who-knows-it-may-read-it")
    client.get("/v1/search/who-knows-it-may-read-it/explanations/acme:mug")
    client.get("/v1/upload/who-knows-it-may-read-it")
    assert [line["route"] for line in requests(out)] == [
        "/v1/uploads/{id}",
        "/v1/search/{search_id}/explanations/{product}",
        "unmatched",
    ]
    assert "who-knows" not in out.getvalue()


def test_a_key_is_never_logged(client: FlaskClient, out: io.StringIO) -> None:
    client.get("/v1/products", headers={"Authorization": "Bearer super-secret-key"})
    assert requests(out)[0]["status"] == 503
    assert "super-secret" not in out.getvalue()


def test_a_traceback_stands_beside_the_id_that_the_caller_has(
    client: FlaskClient, out: io.StringIO
) -> None:
    def fail() -> str:
        raise RuntimeError("the cause")

    client.application.add_url_rule("/fail", "fail", fail)
    answer = client.get("/fail")
    lines = [json.loads(line) for line in out.getvalue().splitlines()]
    found = [line for line in lines if "the cause" in line.get("exception", "")]
    assert [line["request_id"] for line in found] == [answer.headers["X-Request-ID"]]


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("abc-12345", True),
        ("0af7651916cd43dd8448eb211c80319c", True),
        ("short", False),
        ("x" * 65, False),
        ("with space", False),
        ('quote"quote"', False),
        ("{injected}", False),
    ],
)
def test_a_sane_request_id_is_kept(client: FlaskClient, given: str, kept: bool) -> None:
    answer = client.get("/healthz", headers={"X-Request-ID": given})
    assert (answer.headers["X-Request-ID"] == given) is kept


def test_probes_are_quiet_and_errors_are_not(client: FlaskClient, out: io.StringIO) -> None:
    client.get("/healthz")
    client.get("/")
    assert [line["level"] for line in requests(out)] == ["debug", "info"]


def test_alive_without_anything(client: FlaskClient) -> None:
    answer = client.get("/healthz")
    assert answer.get_json()["status"] == "ok"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_not_ready_names_each_reason_within_a_bound(client: FlaskClient) -> None:
    began = time.monotonic()
    answer = client.get("/readyz")
    assert time.monotonic() - began < 10
    assert answer.status_code == 503
    body = answer.get_json()
    assert body["ready"] is False
    assert set(body["checks"]) == {"postgres", "migrated", "redis", "milvus", "model", "blobs"}
    for name in ("postgres", "migrated", "redis", "milvus", "model"):
        assert body["checks"][name]["ok"] is False, name
        assert body["checks"][name]["reason"], name
    assert body["checks"]["blobs"] == {"ok": True, "reason": None}
    assert "hidden" not in answer.text


def test_a_check_that_hangs_is_named_and_not_piled_up(lonely: Platform) -> None:
    started = []

    def hang() -> None:
        started.append(1)
        time.sleep(3)

    readiness = Readiness(lonely)
    readiness._checks = {"slow": hang, "fine": lambda: None}
    began = time.monotonic()
    found = readiness.look()
    assert time.monotonic() - began < 2.5
    assert "does not answer within 1 s" in (found.checks["slow"].reason or "")
    assert found.checks["fine"].ok
    readiness._seen = None
    readiness.look()
    assert started == [1]


def test_metrics_count_by_template(client: FlaskClient) -> None:
    client.get("/problems/not-found")
    client.get("/problems/invalid")
    client.get("/secret/path/of/a/caller")
    client.open("/", method="EVIL")
    text = client.get("/metrics").text
    line = 'vitrine_http_requests_total{method="GET",route="/problems/{slug}",status="200"} 2.0'
    assert line in text
    assert 'route="unmatched",status="404"' in text
    assert "vitrine_http_request_seconds_bucket" in text
    assert "vitrine_build_info" in text
    assert 'vitrine_dependency_up{dependency="postgres"} 0.0' in text
    assert "secret" not in text
    assert "EVIL" not in text


def test_the_welcome_speaks_html_to_browsers(client: FlaskClient) -> None:
    assert client.get("/").get_json()["docs"] == "/docs"
    page = client.get("/?utm_source=x", headers={"Accept": "text/html,*/*;q=0.8"})
    assert page.content_type.startswith("text/html")
    assert 'href="/docs"' in page.text
