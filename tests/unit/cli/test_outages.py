"""Commands whose servers are gone say so in a sentence."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry
from sqlalchemy import create_engine
from sqlalchemy.exc import OperationalError, ProgrammingError

from vitrine.cli import report
from vitrine.cli.outages import as_ours
from vitrine.errors import FieldError, Invalid

NOBODY = "postgresql+psycopg2://nobody:hidden@127.0.0.1:1/nowhere"


@pytest.mark.parametrize(
    "arguments",
    [
        ("index", "diagnose"),
        ("index", "verify", "--check"),
        ("index", "rebuild"),
        ("migrate", "--check"),
        ("keys", "list"),
    ],
)
def test_a_database_that_is_gone_is_one_line(arguments: tuple[str, ...], tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "vitrine.cli", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={
            **os.environ,
            "VITRINE_DATA_DIR": str(tmp_path),
            "VITRINE_DATABASE_URL": NOBODY,
            "VITRINE_DEPENDENCY_TIMEOUT_SECONDS": "1",
        },
    )
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "hidden" not in done.stderr
    [line] = [line for line in done.stderr.splitlines() if line.strip()]
    assert line.startswith("error: ")
    assert "does not answer" in line
    assert "`vitrine up`" in line
    assert "VITRINE_DATABASE_URL" in line


def test_an_outage_of_postgres() -> None:
    with pytest.raises(OperationalError) as caught:
        create_engine(NOBODY).connect()
    found = as_ours(caught.value)
    assert found is not None
    assert str(found).startswith("PostgreSQL does not answer (")
    assert "\n" not in str(found)


def test_an_outage_of_redis() -> None:
    with pytest.raises(RedisError) as caught:
        Redis(port=1, retry=Retry(NoBackoff(), 0)).ping()
    assert str(as_ours(caught.value)).startswith("Redis does not answer (")


@pytest.mark.parametrize(
    "error", [RuntimeError("x"), TimeoutError("x"), ProgrammingError("x", {}, Exception("y"))]
)
def test_another_error_is_not_taken_for_an_outage(error: Exception) -> None:
    assert as_ours(error) is None


def test_a_field_is_said_once(capsys: pytest.CaptureFixture[str]) -> None:
    fields: list[FieldError] = [
        {"pointer": "/price", "detail": "is required"},
        {"pointer": "/title", "detail": "must not be empty"},
    ]
    report(Invalid("It cannot be used: `/price` is required.", errors=fields))
    said = capsys.readouterr().err
    assert said.count("is required") == 1
    assert "/title: must not be empty" in said
