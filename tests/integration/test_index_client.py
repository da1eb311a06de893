"""The vector index on a real Milvus Lite."""

import multiprocessing
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from multiprocessing.queues import Queue

import numpy as np
import pytest
from pymilvus import MilvusClient
from pymilvus.exceptions import MilvusException

from vitrine.errors import Misconfigured, Unavailable
from vitrine.index.client import VectorIndex
from vitrine.index.schema import (
    BRAND_CHARACTERS,
    CATEGORY_CHARACTERS,
    CreativeHit,
    CreativeRow,
    CreativeScalars,
    IndexHit,
    IndexRow,
    Vectors,
)

NAME = "images_1"
DIM = 8


@pytest.fixture
def index(milvus_uri: str) -> Iterator[VectorIndex]:
    index = VectorIndex(milvus_uri, "", timeout_seconds=10.0)
    index.create(NAME, DIM)
    yield index
    index.drop(NAME)


def vectors(count: int, seed: int = 0) -> Vectors:
    drawn = np.random.default_rng(seed).normal(size=(count, DIM)).astype(np.float32)
    return drawn / np.linalg.norm(drawn, axis=1, keepdims=True)


def row(id_: int, embedding: Vectors, *, product_id: int = 1, brand: str = "acme") -> IndexRow:
    return IndexRow(
        id=id_,
        product_id=product_id,
        seller_id="demo",
        category="apparel/tops",
        brand=brand,
        price=12.5,
        in_stock=True,
        embedding=embedding,
    )


def rows(count: int) -> list[IndexRow]:
    drawn = vectors(count)
    return [row(n + 1, drawn[n], product_id=n // 3 + 1) for n in range(count)]


def test_nothing_is_connected_until_it_is_needed() -> None:
    VectorIndex("http://127.0.0.1:1", "", timeout_seconds=1.0)


def test_it_says_what_it_is_and_what_it_holds(index: VectorIndex) -> None:
    assert index.ping() is None
    assert index.capabilities.lite
    assert index.capabilities.serialise_writers
    assert index.collections() == [NAME]
    assert index.exists(NAME)
    assert not index.exists("images_2")


def test_search_is_cosine_best_first(index: VectorIndex) -> None:
    stored = vectors(200)
    index.upsert(NAME, [row(n + 1, stored[n], product_id=n // 3 + 1) for n in range(200)])
    queries = vectors(3, seed=1)
    found = index.search(NAME, queries, limit=20)
    for query, hits in zip(queries, found, strict=True):
        scores = stored @ query
        assert [hit.id for hit in hits] == [int(n) + 1 for n in np.argsort(-scores)[:20]]
        assert [hit.product_id for hit in hits] == [(hit.id - 1) // 3 + 1 for hit in hits]
        assert [hit.score for hit in hits] == pytest.approx(np.sort(scores)[::-1][:20], abs=2e-6)
    [hits] = index.search(NAME, -stored[:1], limit=200)
    assert hits[-1] == IndexHit(1, 1, -1.0)


def test_ads_are_searched_for_by_several_vectors(index: VectorIndex) -> None:
    name, stored = "creatives_1", vectors(9)
    index.create_creatives(name, DIM)
    assert index.search_creatives(name, stored[:2], 3) == [[], []]
    index.upsert(name, [CreativeRow(n + 1, 7, one, f"b{n}") for n, one in enumerate(stored)])
    nearest = index.search_creatives(name, stored[:2], 3)
    assert [hits[0] for hits in nearest] == [CreativeHit(1, 7, 1.0), CreativeHit(2, 7, 1.0)]
    assert [len(hits) for hits in nearest] == [3, 3]
    assert index.search_creatives(name, stored[:0], 3) == []
    assert index.creative_scalars(name, after=7, limit=5) == [
        CreativeScalars(8, 7, "b7"),
        CreativeScalars(9, 7, "b8"),
    ]
    index.drop(name)


def test_vectors_of_any_length_are_compared_by_angle(index: VectorIndex) -> None:
    index.upsert(NAME, rows(10))
    assert index.search(NAME, vectors(1) * 7, limit=3) == index.search(NAME, vectors(1), limit=3)


def test_equal_pictures_are_ordered_by_id(index: VectorIndex) -> None:
    [one] = vectors(1)
    index.upsert(NAME, [row(n, one) for n in (9, 3)])
    index.flush(NAME)
    index.upsert(NAME, [row(n, one) for n in (4, 7, 1)])
    [hits] = index.search(NAME, one, limit=10)
    assert [(hit.id, hit.score) for hit in hits] == [(n, 1.0) for n in (1, 3, 4, 7, 9)]


@pytest.mark.parametrize("flushed", [True, False])
def test_a_narrow_filter_finds_all_it_should(index: VectorIndex, flushed: bool) -> None:
    """A graph index would stop before it met the few rows that pass."""
    drawn = vectors(3000)
    index.upsert(
        NAME, [row(n + 1, drawn[n], brand="rare" if n % 300 == 7 else "acme") for n in range(3000)]
    )
    if flushed:
        index.flush(NAME)
    [hits] = index.search(NAME, drawn[:1], expression='brand == "rare"', limit=50)
    assert {hit.id for hit in hits} == set(range(8, 3001, 300))


def test_upsert_replaces_the_whole_row(index: VectorIndex) -> None:
    old, new = vectors(2)
    index.upsert(NAME, [row(5, old)])
    index.flush(NAME)
    changed = replace(row(5, new, product_id=9, brand=""), price=0.0, in_stock=False)
    index.upsert(NAME, [changed])
    assert index.scalars(NAME, after=0, limit=10) == [changed.scalars()]
    assert index.search(NAME, new, limit=10) == [[IndexHit(5, 9, 1.0)]]
    assert index.search(NAME, new, expression="in_stock == true", limit=10) == [[]]


def test_delete_takes_what_is_there(index: VectorIndex) -> None:
    index.upsert(NAME, rows(5))
    index.delete(NAME, [2, 4, 77])
    index.delete(NAME, [])
    assert index.present(NAME, [1, 2, 3, 4, 5, 77]) == {1, 3, 5}
    assert index.present(NAME, []) == set()
    index.delete(NAME, [2, 4])
    index.upsert(NAME, rows(2))
    assert index.present(NAME, [1, 2, 4]) == {1, 2}


def test_scalars_are_read_in_pages_by_id(index: VectorIndex) -> None:
    stored = {one.id: one for one in rows(60)}
    shuffled = [stored[int(n) + 1] for n in np.random.default_rng(2).permutation(60)]
    index.upsert(NAME, shuffled[:20])
    index.flush(NAME)
    index.upsert(NAME, shuffled[20:40])
    index.flush(NAME)
    index.upsert(NAME, shuffled[40:])
    index.delete(NAME, [10, 11, 60])
    for id_ in (10, 11, 60):
        del stored[id_]
    found, after = [], 0
    while page := index.scalars(NAME, after=after, limit=7):
        assert len(page) == 7 or page[-1].id == 59
        found += page
        after = page[-1].id
    assert found == [stored[id_].scalars() for id_ in sorted(stored)]


def test_a_write_larger_than_a_message_is_split(
    index: VectorIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vitrine.index.messages._MESSAGE_BYTES", 10_000)
    monkeypatch.setattr("vitrine.index.messages._IDS_PER_REQUEST", 7)
    index.upsert(NAME, rows(100))
    assert index.present(NAME, range(1, 200)) == set(range(1, 101))
    index.delete(NAME, range(1, 96))
    assert [one.id for one in index.scalars(NAME, after=0, limit=100)] == [96, 97, 98, 99, 100]


def test_the_longest_values_of_any_script_fit(index: VectorIndex) -> None:
    longest = replace(
        row(1, vectors(1)[0]), brand="𠮷" * BRAND_CHARACTERS, category="👗" * CATEGORY_CHARACTERS
    )
    index.upsert(NAME, [longest])
    assert index.scalars(NAME, after=0, limit=1) == [longest.scalars()]
    with pytest.raises(ValueError, match="brand of index row 2 is longer"):
        index.upsert(NAME, [row(2, vectors(1)[0], brand="x" * (4 * BRAND_CHARACTERS + 1))])


def test_create_and_drop_may_be_repeated(index: VectorIndex) -> None:
    index.upsert(NAME, rows(3))
    index.create(NAME, DIM)
    assert index.present(NAME, [1, 2, 3]) == {1, 2, 3}
    with pytest.raises(Misconfigured, match="8 numbers and not of 16"):
        index.create(NAME, 16)
    index.drop("images_2")
    index.drop("images_2")
    assert index.collections() == [NAME]


def test_a_released_collection_is_loaded_again(index: VectorIndex) -> None:
    """Milvus Lite comes back from every restart with its collections released."""
    calls: list[Callable[[], object]] = [
        lambda: index.upsert(NAME, rows(3)),
        lambda: index.search(NAME, vectors(1), limit=3),
        lambda: index.present(NAME, [1]),
        lambda: index.scalars(NAME, after=0, limit=3),
        lambda: index.delete(NAME, [2]),
        lambda: index.flush(NAME),
        lambda: index.create(NAME, DIM),
    ]
    client = MilvusClient(uri=index.uri)
    for call in calls:
        client.release_collection(NAME)
        call()
    client.close()
    assert index.present(NAME, [1, 2, 3]) == {1, 3}


def test_a_closed_index_connects_again(index: VectorIndex) -> None:
    VectorIndex("http://127.0.0.1:1").close()
    index.upsert(NAME, rows(3))
    index.close()
    index.close()
    assert index.present(NAME, [1, 2]) == {1, 2}


def test_a_missing_collection_names_its_fix(index: VectorIndex) -> None:
    attempts = [
        lambda: index.search("images_9", vectors(1), limit=3),
        lambda: index.present("images_9", [1]),
        lambda: index.scalars("images_9", after=0, limit=3),
        lambda: index.upsert("images_9", rows(1)),
        lambda: index.delete("images_9", [1]),
    ]
    for attempt in attempts:
        with pytest.raises(Unavailable, match="no collection images_9; `vitrine index rebuild`"):
            attempt()


def test_a_bad_expression_is_our_bug_and_no_outage(index: VectorIndex) -> None:
    with pytest.raises(MilvusException):
        index.search(NAME, vectors(1), expression="brand ===", limit=3)
    with pytest.raises(ValueError):
        index.search(NAME, vectors(1), limit=20_000)


def create_in_child(uri: str, answers: "Queue[str]") -> None:
    index = VectorIndex(uri, "", timeout_seconds=10.0)
    try:
        for generation in range(10, 20):
            index.create(f"images_{generation}", DIM)
            index.upsert(f"images_{generation}", rows(1))
    except Exception as error:  # noqa: BLE001  (reported to the parent, which fails the test)
        answers.put(repr(error))
    else:
        answers.put("done")


def test_two_processes_may_create_at_once(index: VectorIndex) -> None:
    spawn = multiprocessing.get_context("spawn")
    answers: Queue[str] = spawn.Queue()
    children = [spawn.Process(target=create_in_child, args=(index.uri, answers)) for _ in range(2)]
    for child in children:
        child.start()
    assert [answers.get(timeout=60) for _ in children] == ["done", "done"]
    for child in children:
        child.join()
    for generation in range(10, 20):
        index.drop(f"images_{generation}")


# In a process of its own: in that of the tests gRPC knows nothing of forks (see conftest.py).
FORKING = """
import multiprocessing, sys
import numpy as np
from vitrine.index.client import VectorIndex

vector = np.eye(1, int(sys.argv[3]), dtype=np.float32)
index = VectorIndex(sys.argv[1], "", timeout_seconds=10.0)
fork = multiprocessing.get_context("fork")
answers = fork.Queue()

def search():
    answers.put([hit.id for hit in index.search(sys.argv[2], vector, limit=2)[0]])

search()
children = [fork.Process(target=search) for _ in range(3)]
for child in children:
    child.start()
found = [answers.get(timeout=30) for _ in range(4)]
for child in children:
    child.join()
search()
print([*found, answers.get(timeout=30)])
"""


def test_a_forked_child_makes_its_own_connection(index: VectorIndex) -> None:
    """As Celery does: the parent has connected and has threads, then forks."""
    index.upsert(NAME, rows(3))
    nearest = [hit.id for hit in index.search(NAME, np.eye(1, DIM, dtype=np.float32), limit=2)[0]]
    done = subprocess.run(
        [sys.executable, "-c", FORKING, index.uri, NAME, str(DIM)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.stdout == f"{[nearest] * 5}\n", done.stderr


def test_threads_share_one_index(index: VectorIndex) -> None:
    index.upsert(NAME, rows(30))
    expected = index.search(NAME, vectors(1), limit=5)
    found: list[object] = []

    def work(number: int) -> None:
        index.upsert(NAME, [row(100 + number, -vectors(1)[0])])
        found.append(index.search(NAME, vectors(1), limit=5))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [expected] * 8
    assert index.present(NAME, range(100, 108)) == set(range(100, 108))
