"""Logs hold ids, and never a key or the bytes of a picture."""

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest

from vitrine import logs
from vitrine.settings import Settings

KEY = "vt_seller_abcdefghijklmnopqrstuvwxyz-_0123456789"


@pytest.fixture(autouse=True)
def restore() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level
    logs.unbind()


def lines(out: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.getvalue().splitlines()]


def configured(log_format: str = "json", level: str = "INFO") -> io.StringIO:
    out = io.StringIO()
    settings = Settings.model_validate({"log_format": log_format, "log_level": level})
    logs.configure(settings, process="api", stream=out)
    return out


def test_a_line_is_json_with_what_was_bound() -> None:
    out = configured()
    logs.bind(request_id="r-1")
    logs.get("vitrine.test").info("request", status=200)
    logging.getLogger("some.library").warning("%s happened", "it")
    ours, theirs = lines(out)
    assert (ours["event"], ours["status"], ours["level"]) == ("request", 200, "info")
    assert (theirs["event"], theirs["logger"]) == ("it happened", "some.library")
    assert ours["request_id"] == theirs["request_id"] == "r-1"
    assert ours["process"] == "api"
    assert logs.bound("request_id") == "r-1"
    logs.unbind()
    assert logs.bound("request_id") is None


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_keys_and_bytes_stay_out(log_format: str) -> None:
    out = configured(log_format)
    log = logs.get("vitrine.test")
    log.info(f"got {KEY}", header=f"Bearer {KEY}", picture=b"\xff\xd8secret")
    try:
        raise ValueError(f"bad {KEY}")
    except ValueError:
        log.exception("failed")
    text = out.getvalue()
    assert "abcdefgh" not in text
    assert "vt_seller_" in text
    assert "secret" not in text
    assert "<8 bytes>" in text
    assert "Traceback" in text


def test_configuring_twice_writes_once() -> None:
    configured()
    out = configured()
    logs.get("vitrine.test").info("once")
    assert len(lines(out)) == 1


def test_the_level_holds() -> None:
    out = configured(level="WARNING")
    logs.get("vitrine.test").info("quiet")
    logs.get("vitrine.test").warning("loud")
    assert [line["event"] for line in lines(out)] == ["loud"]
