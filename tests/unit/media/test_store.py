import errno
import os
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from vitrine.errors import Misconfigured, NotFound, Unavailable
from vitrine.media.cid import content_id
from vitrine.media.store import BlobStore


@pytest.fixture(params=["file", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[BlobStore]:
    if request.param == "file":
        yield BlobStore(f"file://{tmp_path / 'blobs'}")
    else:
        yield BlobStore(f"memory://blobs-{uuid.uuid4()}")


def test_round_trip(store: BlobStore) -> None:
    assert list(store.ids()) == []
    cid = store.put(b"one")
    assert cid == content_id(b"one")
    assert store.put(b"one") == cid
    other = store.put(b"two")
    assert store.get(cid) == b"one"
    assert store.exists(cid)
    assert sorted(store.ids()) == sorted([cid, other])
    store.delete(cid)
    store.delete(cid)
    assert not store.exists(cid)
    assert list(store.ids()) == [other]
    assert store.ping() is None


def test_what_is_not_here(store: BlobStore) -> None:
    for name in (content_id(b"nowhere"), "../../etc/passwd", "", "bafk"):
        with pytest.raises(NotFound):
            store.get(name)
        assert not store.exists(name)
        store.delete(name)


def test_spreads_over_folders(store: BlobStore) -> None:
    cid = store.put(b"one")
    assert store._path(cid).endswith(f"/{cid[-3:-1]}/{cid}")


def test_a_crash_leaves_nothing_under_the_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = BlobStore(f"file://{tmp_path}")

    def power_cut(descriptor: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "fsync", power_cut)
    with pytest.raises(Unavailable):
        store.put(b"half")
    monkeypatch.undo()
    assert list(store.ids()) == []
    assert list((tmp_path / "incoming").iterdir()) == []
    assert store.get(store.put(b"half")) == b"half"


def test_a_full_disk_is_named() -> None:
    # /dev/full fails every write with ENOSPC; a store cannot live there, its writer can be told.
    full = BlobStore("file:///nowhere")
    with pytest.raises(Unavailable, match="full: free some space") as caught, full._explained():
        raise OSError(errno.ENOSPC, "No space left on device")
    assert caught.value.retryable


def test_no_access_is_named() -> None:
    store = BlobStore("file:///nowhere")
    with pytest.raises(Misconfigured, match="access"), store._explained():
        raise PermissionError(errno.EACCES, "Permission denied")


def test_many_writers_of_one_picture(tmp_path: Path) -> None:
    store, data = BlobStore(f"file://{tmp_path}"), os.urandom(200_000)
    threads = [threading.Thread(target=store.put, args=(data,)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert store.get(content_id(data)) == data
    assert list((tmp_path / "incoming").iterdir()) == []


def test_makes_nothing_before_it_is_used(tmp_path: Path) -> None:
    store = BlobStore(f"file://{tmp_path / 'blobs'}")
    assert not (tmp_path / "blobs").exists()
    assert str(tmp_path) in repr(store)


def test_a_check_makes_nothing(tmp_path: Path) -> None:
    assert BlobStore(f"file://{tmp_path / 'data' / 'blobs'}").ping() is None
    assert list(tmp_path.iterdir()) == []


def test_a_check_says_why_nothing_could_be_stored(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file")
    assert "is a file" in str(BlobStore(f"file://{tmp_path / 'data' / 'blobs'}").ping())
    assert "is a file" in str(BlobStore(f"file://{tmp_path / 'data'}").ping())


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_check_sees_a_folder_that_may_not_be_written(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    assert "write access" in str(BlobStore(f"file://{tmp_path / 'blobs'}").ping())
    tmp_path.chmod(0o700)
