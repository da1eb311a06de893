"""The vector index while its server dies, hangs and comes back."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from vitrine.errors import Unavailable
from vitrine.index.client import VectorIndex
from vitrine.index.schema import IndexRow

NAME = "images_1"
TIMEOUT = 2.0
VECTOR = np.array([[1, 0, 0, 0]], dtype=np.float32)


class Server:
    """A Milvus Lite of our own, since the tests here take it down.

    Not the embedded one: that is started with a `preexec_fn`, and this process has gRPC running
    (see `VectorIndex.close`).
    """

    def __init__(self, home: Path) -> None:
        self._home = home
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self._port}"

    def start(self) -> None:
        command = [sys.executable, "-m", "milvus_lite", "server", "--host", "127.0.0.1"]
        command += ["--port", str(self._port), "--data-dir", str(self._home)]
        self.process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            with suppress(OSError), socket.create_connection(("127.0.0.1", self._port), 1):
                return
            time.sleep(0.1)
        raise TimeoutError("Milvus Lite did not start.")

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("outages"))
    server.start()
    yield server
    server.kill()


def row(id_: int) -> IndexRow:
    return IndexRow(id_, id_, "demo", "shoes", "acme", 9.99, True, VECTOR[0])


def refuses(call: Callable[[], object]) -> str:
    """The call fails as an outage, in time; its sentence."""
    began = time.monotonic()
    with pytest.raises(Unavailable) as caught:
        call()
    assert time.monotonic() - began < 2.5 * TIMEOUT
    assert caught.value.retryable
    return str(caught.value)


def test_a_killed_server_is_an_outage_and_its_data_come_back(server: Server) -> None:
    index = VectorIndex(server.url, "", timeout_seconds=TIMEOUT)
    index.create(NAME, 4)
    index.upsert(NAME, [row(1), row(2)])
    index.flush(NAME)
    index.upsert(NAME, [row(3)])
    index.delete(NAME, [2])
    server.kill()

    calls: list[Callable[[], object]] = [
        lambda: index.search(NAME, VECTOR, limit=3),
        lambda: index.upsert(NAME, [row(4)]),
        lambda: index.present(NAME, [1]),
        lambda: index.create("images_2", 4),
    ]
    for call in calls:
        assert f"{server.url} does not answer" in refuses(call)
    began = time.monotonic()
    assert "try again" in refuses(lambda: index.present(NAME, [1]))
    assert time.monotonic() - began < 0.1, "the breaker is open, nobody is waited for"
    assert "does not answer" in str(index.ping())
    late = VectorIndex(server.url, "", timeout_seconds=TIMEOUT)
    refuses(late.collections)

    server.start()
    assert index.ping() is None, "a look at the server's health goes through, and closes it"
    assert index.present(NAME, [1, 2, 3, 4]) == {1, 3}
    assert [hit.id for hit in index.search(NAME, VECTOR, limit=3)[0]] == [1, 3]
    index.upsert(NAME, [row(4)])
    assert index.present(NAME, [4]) == {4}
    assert late.collections() == [NAME]


def test_a_hung_server_is_an_outage(server: Server) -> None:
    index = VectorIndex(server.url, "", timeout_seconds=TIMEOUT)
    index.create("images_3", 4)
    index.upsert("images_3", [row(1)])
    os.kill(server.process.pid, signal.SIGSTOP)
    try:
        refuses(lambda: index.search("images_3", VECTOR, limit=3))
        refuses(lambda: index.upsert("images_3", [row(2)]))
        fresh = VectorIndex(server.url, "", timeout_seconds=TIMEOUT)
        refuses(lambda: fresh.search("images_3", VECTOR, limit=3))
    finally:
        os.kill(server.process.pid, signal.SIGCONT)
    assert index.present("images_3", [1]) == {1}
