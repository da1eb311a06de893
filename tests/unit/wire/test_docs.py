"""The documents name what the wire models and the data directory hold."""

import re
from pathlib import Path
from typing import get_args

import pytest

from vitrine.api.auth import REMEMBER_SECONDS
from vitrine.ingest.housekeeping import KEEP_JOBS_DAYS
from vitrine.wire.jobs import JobImageState, JobOut, JobState
from vitrine.wire.products import MAX_PRICE, Availability, ImageState

ROOT = Path(__file__).parents[3]
API = (ROOT / "docs" / "api.md").read_text()
SETTINGS = (ROOT / "docs" / "settings.md").read_text()
JOB_KINDS = JobOut.model_json_schema()["properties"]["kind"]["enum"]


@pytest.mark.parametrize("words", [JobState, JobImageState, ImageState, Availability])
def test_every_state_is_explained(words: object) -> None:
    assert [word for word in get_args(words) if f"`{word}`" not in API] == []


def test_every_kind_of_job_is_named() -> None:
    assert [kind for kind in JOB_KINDS if f"`{kind}`" not in API] == []


def test_bounds_are_named() -> None:
    assert f"less than {MAX_PRICE}," in API
    assert f"kept\nfor {KEEP_JOBS_DAYS} days" in API
    assert REMEMBER_SECONDS <= 5
    assert "within five seconds" in API


def test_every_folder_of_the_data_directory_is_explained() -> None:
    sources = "".join(path.read_text() for path in (ROOT / "platform").rglob("*.py"))
    found = set(re.findall(r'(?:home\.path|data_dir) / "([a-z]+)"', sources))
    assert {"redis", "beat", "demo", "postgres"} <= found
    assert [name for name in sorted(found) if not re.search(f"`{name}/?`", SETTINGS)] == []
