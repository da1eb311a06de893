"""A real Milvus without Docker: the server that was once packed into a wheel (2.3.5, January 2024).

It is no part of Vitrine: it is installed into an environment of its own, in the benchmark's folder,
and is so old that it knows no words. What it shows is how a real Milvus answers to many vectors.
"""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from pymilvus import MilvusClient, MilvusException
from rich.progress import Progress

from vitrine.embedded.child import Child, Command
from vitrine.embedded.datadir import DataDir
from vitrine.embedded.ports import LOOPBACK, free_port
from vitrine.index.client import VectorIndex

WHEEL = "milvus==2.3.5"
READY_SECONDS = 120.0


@contextmanager
def milvus(folder: Path) -> Iterator[str]:
    """Run it on a kept data directory; yield its address."""
    server = _installed(folder / "environment")
    home, port = DataDir.prepare(folder / "data"), free_port()
    argv = [str(server), "--data", str(home.path / "milvus"), "--proxy-port", str(port)]
    stop = ((signal.SIGINT, 20.0), (signal.SIGTERM, 5.0))
    child = Child(Command(name="milvus", argv=argv, stop=stop), home)
    child.start()
    uri = f"http://{LOOPBACK}:{port}"
    try:
        index = VectorIndex(uri)
        child.wait_until(lambda: _answers(index), READY_SECONDS)
        index.close()
        yield uri
    finally:
        child.stop()


def await_index(uri: str, collection: str, rows: int, bar: Progress) -> None:
    """Wait until Milvus has indexed what it holds: it does so behind the scenes."""
    client = MilvusClient(uri=uri, dedicated=True)
    # One that was started again over what it kept has nothing to flush, and says so unkindly.
    with suppress(MilvusException):
        client.flush(collection)
    task = bar.add_task("Milvus indexes", total=rows)
    name = client.list_indexes(collection)[0]
    until = time.monotonic() + 600
    while time.monotonic() < until:
        state = client.describe_index(collection, name)
        bar.update(task, completed=int(state.get("indexed_rows", 0)))
        if int(state.get("pending_index_rows", 0)) == 0 and state.get("state") == "Finished":
            break
        time.sleep(1.0)
    bar.remove_task(task)
    client.load_collection(collection)
    client.close()


def _answers(index: VectorIndex) -> bool:
    return index.ping() is None


def _installed(environment: Path) -> Path:
    """The server's command; installed now if it is not."""
    server = environment / "bin" / "milvus-server"
    if server.exists():
        return server
    steps = [
        [sys.executable, "-m", "venv", str(environment)],
        [str(environment / "bin" / "pip"), "install", "--quiet", WHEEL, "setuptools"],
    ]
    for step in steps:
        done = subprocess.run(step, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise SystemExit(
                f"A real Milvus cannot be had here: `{' '.join(step)}` failed, and so the part on "
                f"it is left out (it needs Linux on x86-64 and PyPI).\n{done.stderr[-1000:]}"
            )
    return server
