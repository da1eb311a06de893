"""The real worker and beat, with a doorbell that nobody hears and one that rings three times."""

import os
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator

import pytest
from sqlalchemy import text

from tests.faults.environment import variables
from tests.integration.conftest import listing
from tests.pictures import jpeg
from vitrine import work
from vitrine.assembly import Platform
from vitrine.catalog.service import Catalog
from vitrine.doorbell import Doorbell, make_celery
from vitrine.settings import Settings


class ThreeTimes(Doorbell):
    """Every message is delivered three times."""

    def ring(self, kinds: Iterable[str]) -> bool:
        wanted = list(kinds)
        return all(super(ThreeTimes, self).ring(wanted) for _ in range(3))


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"lease_seconds": 5, "sweep_seconds": 0.5})


@pytest.fixture
def worker_and_beat(settings: Settings, platform: Platform) -> Iterator[None]:
    environment = {**os.environ, **variables(settings)}
    started = [
        subprocess.Popen(
            [sys.executable, "-m", "vitrine.cli", name],
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for name in ("worker", "beat")
    ]
    yield
    for process in started:
        process.terminate()
    for process in started:
        process.wait(60)


def doorbells(settings: Settings) -> dict[str, Doorbell]:
    return {
        # Nothing listens on port 1: every ring is lost.
        "disconnected": Doorbell(make_celery("redis://127.0.0.1:1/0")),
        "three times": ThreeTimes(make_celery(settings.redis_url)),
    }


@pytest.mark.usefixtures("worker_and_beat")
@pytest.mark.parametrize("kind", ["disconnected", "three times"])
def test_everything_is_embedded_once_and_searchable(
    platform: Platform, settings: Settings, kind: str
) -> None:
    catalog = Catalog(platform.sessions, platform.blobs, doorbells(settings)[kind], currency="EUR")
    jobs = [
        catalog.put("acme", f"mug-{number}", listing(), [jpeg(number), jpeg(number + 500)]).job
        for number in range(20)
    ]
    deleted = catalog.delete("acme", "mug-0")
    until = time.monotonic() + 90
    while time.monotonic() < until:
        with platform.sessions() as session:
            if work.backlog(session) == {}:
                break
        time.sleep(0.2)
    assert catalog.job(deleted.id).state == "done"
    assert {catalog.job(job.id).state for job in jobs} == {"done"}
    with platform.sessions() as session:
        states = session.execute(text("select id, state from product_images order by id")).all()
        collection = session.scalar(text("select 'images_' || id from generations"))
        vectors = session.scalar(text("select count(*) from embeddings"))
    assert [row.state for row in states] == ["searchable"] * 38
    rows = platform.index.scalars(collection, after=0, limit=100)
    assert [row.id for row in rows] == [row.id for row in states]
    assert vectors == 38
