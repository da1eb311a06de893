"""A worker killed at any boundary between two steps loses nothing and does nothing twice."""

import os
import signal
import subprocess
import sys
import time

import pytest
from sqlalchemy import text

from tests.faults.dying_worker import BOUNDARIES
from tests.faults.environment import variables
from tests.integration.conftest import listing
from tests.pictures import jpeg
from vitrine import work
from vitrine.assembly import Platform
from vitrine.ingest.drain import HANDLERS, drain
from vitrine.search.service import SearchRequest
from vitrine.settings import Settings
from vitrine.wire import SearchQuery

LEASE_SECONDS = 1


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"lease_seconds": LEASE_SECONDS})


def run_dying_worker(settings: Settings, boundary: str) -> int:
    environment = {**os.environ, **variables(settings)}
    command = [sys.executable, "-m", "tests.faults.dying_worker", boundary, *HANDLERS]
    return subprocess.run(command, env=environment, check=False, timeout=120).returncode


def work_off(platform: Platform, *, seconds: float = 30) -> None:
    """Work as the next worker would, sweeping until nothing is owed."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        for kind in platform.handlers:
            drain(platform.ingest, kind, handlers=platform.handlers)
        with platform.sessions() as session:
            if work.backlog(session) == {}:
                return
        time.sleep(0.1)
    pytest.fail("the work was never done")


@pytest.mark.parametrize("boundary", BOUNDARIES)
def test_a_kill_at_this_boundary_loses_nothing(
    platform: Platform, settings: Settings, boundary: str
) -> None:
    catalog = platform.catalog
    jobs = [
        catalog.put("acme", f"mug-{number}", listing(), [jpeg(number), jpeg(99)]).job
        for number in range(3)
    ]
    if BOUNDARIES[boundary].kind == "purge":
        work_off(platform)
        jobs.append(catalog.delete("acme", "mug-2"))

    assert run_dying_worker(settings, boundary) == -signal.SIGKILL, "it was meant to die"
    work_off(platform)

    assert [catalog.job(job.id).state for job in jobs] == ["done"] * len(jobs)
    left = 2 if BOUNDARIES[boundary].kind == "purge" else 3
    with platform.sessions() as session:
        uses = session.execute(text("select id, state from product_images order by id")).all()
        collection = session.scalar(text("select 'images_' || id from generations"))
        vectors = session.scalar(text("select count(*) from embeddings"))
    assert [use.state for use in uses] == ["searchable"] * (2 * left)
    rows = platform.index.scalars(collection, after=0, limit=100)
    assert [row.id for row in rows] == [use.id for use in uses], "each once, and no other"
    assert vectors == left + 1
    assert len(list(platform.blobs.ids())) == left + 1
    found = platform.search.search(SearchRequest(photos=(jpeg(1),)), key_id="test")
    assert found.results[0].product.id == "acme:mug-1"
    assert found.results[0].score > 0.99
    words = SearchRequest(query=SearchQuery(text="mug"))
    by_words = platform.search.search(words, key_id="test").results
    assert sorted(one.product.id for one in by_words) == [f"acme:mug-{n}" for n in range(left)]
