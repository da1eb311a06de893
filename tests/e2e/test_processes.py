"""What the processes are: the api without torch and small, the worker mortal."""

import os
import signal
import threading
import time
from pathlib import Path

from sqlalchemy import create_engine, text

from tests.e2e.conftest import Running
from tests.integration.conftest import listing
from tests.pictures import jpeg
from vitrine.settings import read_running

MIB = 1024 * 1024


def resident_bytes(pid: int) -> int:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def test_the_api_is_small_and_has_no_torch(running: Running) -> None:
    with running.client("storefront") as shop:
        for _ in range(3):
            shop.search(jpeg(1))
    pids = running.processes("api")
    assert pids
    for pid in pids:
        mapped = Path(f"/proc/{pid}/maps").read_text()
        assert "libopenvino" in mapped or len(pids) > 1, "the check looks at a serving process"
        assert "libtorch" not in mapped
    serving = max(pids, key=resident_bytes)
    assert "libopenvino" in Path(f"/proc/{serving}/maps").read_text()
    assert resident_bytes(serving) < 600 * MIB


def test_a_worker_killed_in_the_middle_of_a_hundred_uploads(running: Running) -> None:
    jobs: list[str] = []

    def upload() -> None:
        with running.client("seller") as seller:
            for number in range(100):
                accepted = seller.put_product(f"demo:kill-{number}", listing(), [jpeg(number)])
                jobs.append(accepted.job.id)

    uploading = threading.Thread(target=upload)
    uploading.start()
    while len(jobs) < 50:
        time.sleep(0.01)
    killed = running.processes("worker")
    assert killed
    for pid in killed:
        os.kill(pid, signal.SIGKILL)
    uploading.join()
    assert len(jobs) == 100, "the api went on accepting"

    with running.client("seller") as seller:
        until = time.monotonic() + 120
        states = [seller.wait(job, timeout=max(until - time.monotonic(), 1)) for job in jobs]
        assert [(job.state, job.counts.searchable) for job in states] == [("done", 1)] * 100
        listed = [p for p in seller.iter_products() if p.id.startswith("demo:kill-")]
    assert len(listed) == 100
    assert set(running.processes("worker")).isdisjoint(killed)
    checked = running.vitrine("index", "verify", "--check", "--json")
    assert checked.returncode == 0, f"none is missing and none is twice: {checked.stdout}"
    engine = create_engine(read_running(running.data_dir)["database_url"])
    with engine.connect() as connection:
        twice = connection.scalar(
            text("select count(*) from (select 1 from embeddings group by cid having count(*) > 1)")
        )
    engine.dispose()
    assert twice == 0
