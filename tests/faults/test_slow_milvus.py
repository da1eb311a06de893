"""The real api while its Milvus hangs: refusals in time, no pile of threads, and a way back."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import httpx
import pytest

from tests.e2e.conftest import free_port
from tests.faults.environment import variables
from tests.integration.conftest import listing, work_off
from tests.integration.test_index_outages import Server
from tests.pictures import jpeg
from vitrine.assembly import Platform
from vitrine.catalog.keys import create_key
from vitrine.catalog.service import Catalog
from vitrine.settings import Settings

__all__ = ["work_off"]

DEADLINE_SECONDS = 8.0
TIMEOUT_SECONDS = 2.0
SEARCHES = 16


@pytest.fixture(scope="module")
def milvus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("slow"))
    server.start()
    yield server
    server.kill()


@pytest.fixture
def settings(settings: Settings, milvus: Server) -> Settings:
    changes = {
        "milvus_uri": milvus.url,
        "port": free_port(),
        "dependency_timeout_seconds": TIMEOUT_SECONDS,
        "request_deadline_seconds": DEADLINE_SECONDS,
    }
    return settings.model_copy(update=changes)


@pytest.fixture
def api(settings: Settings, platform: Platform) -> Iterator[httpx.Client]:
    """A client with a storefront key of `vitrine api`, which runs in a process of its own."""
    with platform.sessions.begin() as session:
        _, key = create_key(session, "storefront")
    process = subprocess.Popen(
        [sys.executable, "-m", "vitrine.cli", "api"],
        env={**os.environ, **variables(settings)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    limits = httpx.Limits(max_connections=100)
    with httpx.Client(
        base_url=f"http://127.0.0.1:{settings.port}",
        headers={"Authorization": f"Bearer {key}"},
        timeout=2 * DEADLINE_SECONDS,
        limits=limits,
    ) as client:
        wait_until(lambda: client.get("/healthz").status_code == 200, 60)
        yield client
    process.terminate()
    process.wait(30)


def wait_until(holds: Callable[[], bool], seconds: float) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        with suppress(httpx.TransportError):
            if holds():
                return
        time.sleep(0.2)
    raise TimeoutError


def search(api: httpx.Client) -> tuple[httpx.Response, float]:
    began = time.monotonic()
    answer = api.post("/v1/search", json={"product_id": "acme:mug-1"})
    return answer, time.monotonic() - began


def refused(answer: httpx.Response) -> bool:
    return answer.status_code == 503 and int(answer.headers["Retry-After"]) >= 1


def test_a_hung_milvus_is_503_in_time_and_holds_up_nobody_else(
    api: httpx.Client, catalog: Catalog, work_off: Callable[[], int], milvus: Server
) -> None:
    for number in (1, 2):
        catalog.put("acme", f"mug-{number}", listing(), [jpeg(number)])
    work_off()
    assert search(api)[0].status_code == 200

    os.kill(milvus.process.pid, signal.SIGSTOP)
    try:
        with ThreadPoolExecutor(SEARCHES) as pool:
            searches = [pool.submit(search, api) for _ in range(SEARCHES)]
            reads = []
            while not all(one.done() for one in searches):
                began = time.monotonic()
                answer = api.get("/v1/products/acme:mug-1")
                reads.append((answer.status_code, time.monotonic() - began))
        answers = [one.result() for one in searches]
        assert all(refused(answer) for answer, _ in answers), [a.text for a, _ in answers]
        assert max(seconds for _, seconds in answers) < DEADLINE_SECONDS
        # Not all of them could wait for Milvus: threads are left for the others.
        assert any("too many requests wait" in answer.text for answer, _ in answers)
        assert {status for status, _ in reads} == {200}
        assert len(reads) > 3
        assert max(seconds for _, seconds in reads) < DEADLINE_SECONDS / 2
        # By now it is known: nobody waits at all.
        answer, seconds = search(api)
        assert refused(answer)
        assert seconds < TIMEOUT_SECONDS
        checks = api.get("/readyz").json()["checks"]
        assert not checks["milvus"]["ok"]
        assert checks["postgres"]["ok"]
    finally:
        os.kill(milvus.process.pid, signal.SIGCONT)
    wait_until(lambda: search(api)[0].status_code == 200, 10)
