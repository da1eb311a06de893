"""The vector index while its server dies, hangs and comes back."""

import os
import signal
import time
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from vitrine.embedded.milvus import Milvus
from vitrine.embedded.services import EmbeddedServices
from vitrine.errors import Unavailable
from vitrine.index.client import VectorIndex
from vitrine.index.schema import IndexRow

NAME = "images_1"
TIMEOUT = 2.0
VECTOR = np.array([[1, 0, 0, 0]], dtype=np.float32)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Milvus]:
    """A server of our own, since the tests here take it down."""
    milvus = EmbeddedServices(tmp_path_factory.mktemp("outages"), durable=False).milvus
    milvus.start()
    yield milvus
    milvus.stop()


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


def test_a_killed_server_is_an_outage_and_its_data_come_back(server: Milvus) -> None:
    index = VectorIndex(server.url, "", timeout_seconds=TIMEOUT)
    index.create(NAME, 4)
    index.upsert(NAME, [row(1), row(2)])
    index.flush(NAME)
    index.upsert(NAME, [row(3)])
    index.delete(NAME, [2])
    port = server.port
    server.kill()

    calls: list[Callable[[], object]] = [
        lambda: index.search(NAME, VECTOR, limit=3),
        lambda: index.upsert(NAME, [row(4)]),
        lambda: index.present(NAME, [1]),
        lambda: index.create("images_2", 4),
    ]
    for call in calls:
        assert f"{server.url} does not answer" in refuses(call)
    assert "does not answer" in str(index.ping())
    late = VectorIndex(server.url, "", timeout_seconds=TIMEOUT)
    refuses(late.collections)

    server.start()
    assert server.port == port
    assert index.present(NAME, [1, 2, 3, 4]) == {1, 3}
    assert [hit.id for hit in index.search(NAME, VECTOR, limit=3)[0]] == [1, 3]
    index.upsert(NAME, [row(4)])
    assert index.present(NAME, [4]) == {4}
    assert index.ping() is None
    assert late.collections() == [NAME]


def test_a_hung_server_is_an_outage(server: Milvus) -> None:
    index = VectorIndex(server.url, "", timeout_seconds=TIMEOUT)
    index.create("images_3", 4)
    index.upsert("images_3", [row(1)])
    assert server.pid is not None
    os.kill(server.pid, signal.SIGSTOP)
    try:
        refuses(lambda: index.search("images_3", VECTOR, limit=3))
        refuses(lambda: index.upsert("images_3", [row(2)]))
        fresh = VectorIndex(server.url, "", timeout_seconds=TIMEOUT)
        refuses(lambda: fresh.search("images_3", VECTOR, limit=3))
    finally:
        os.kill(server.pid, signal.SIGCONT)
    assert index.present("images_3", [1]) == {1}
