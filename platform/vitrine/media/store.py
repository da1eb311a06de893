"""Where the bytes of pictures are kept, by content id, on anything that fsspec can write to.

On a local disk a picture is there whole or not at all: it is written beside its place, flushed to
the disk, and renamed. Object stores do that by themselves.
"""

import contextlib
import errno
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import fsspec
from fsspec.implementations.local import LocalFileSystem

from vitrine.errors import Misconfigured, NotFound, Unavailable
from vitrine.media.cid import content_id, is_content_id

_INCOMING = "incoming"
_LOW_DISK_BYTES = 64 * 1024 * 1024
_FULL = {errno.ENOSPC, errno.EDQUOT}
_REFUSED = {errno.EACCES, errno.EPERM, errno.EROFS}


class BlobStore:
    """Pictures under `<root>/<two letters>/<cid>`; connects to nothing until it is used."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._fs, root = fsspec.core.url_to_fs(url)
        self._root = PurePosixPath(root)
        self._local = isinstance(self._fs, LocalFileSystem)

    def __repr__(self) -> str:
        return f"BlobStore({self._fs.unstrip_protocol(str(self._root))!r})"

    def put(self, data: bytes) -> str:
        """Keep these bytes and return their content id; a second time is no work."""
        cid = content_id(data)
        path = self._path(cid)
        with self._explained():
            if not self._fs.exists(path):
                if self._local:
                    self._write_local(Path(path), data)
                else:
                    self._fs.makedirs(str(PurePosixPath(path).parent), exist_ok=True)
                    self._fs.pipe_file(path, data)
        return cid

    def get(self, cid: str) -> bytes:
        """Return the bytes; raise NotFound for a name that is none or not here."""
        if is_content_id(cid):
            with self._explained(), contextlib.suppress(FileNotFoundError):
                return bytes(self._fs.cat_file(self._path(cid)))
        raise NotFound(f"There is no picture {cid!r} here: it was deleted or never uploaded.")

    def exists(self, cid: str) -> bool:
        """Say whether the picture is here."""
        if not is_content_id(cid):
            return False
        with self._explained():
            return bool(self._fs.exists(self._path(cid)))

    def delete(self, cid: str) -> None:
        """Remove the picture; one that is not here is as good as removed."""
        if is_content_id(cid):
            with self._explained(), contextlib.suppress(FileNotFoundError):
                self._fs.rm_file(self._path(cid))

    def ids(self) -> Iterator[str]:
        """Walk through all content ids, one folder in memory at a time."""
        for shard in self._names(self._root):
            if len(shard) == 2:
                yield from filter(is_content_id, self._names(self._root / shard))

    def ping(self) -> str | None:
        """Say why nothing could be stored now, or None."""
        try:
            if not self._local:
                self._fs.ls(str(self._root.parent), detail=False)
                return None
            # The first picture makes the folder; a question only asks whether it could.
            place = _nearest_there(Path(self._root))
            disk = os.statvfs(place)
        except OSError as error:
            return f"{self!r}: {error.strerror or error}"
        if not place.is_dir():
            return f"{self!r}: {place} is a file; move it away, or keep the pictures elsewhere"
        if not os.access(place, os.W_OK | os.X_OK):
            return f"{self!r} cannot be written to: give this process write access"
        if disk.f_bavail * disk.f_frsize < _LOW_DISK_BYTES:
            return f"the disk of {self!r} is full: free some space"
        return None

    def _path(self, cid: str) -> str:
        # The last letter of a content id carries only three bits; the two before it spread evenly.
        return str(self._root / cid[-3:-1] / cid)

    def _names(self, folder: PurePosixPath) -> list[str]:
        with self._explained(), contextlib.suppress(FileNotFoundError, NotADirectoryError):
            found = self._fs.ls(str(folder), detail=False)
            return sorted(PurePosixPath(path).name for path in found)
        return []

    def _write_local(self, path: Path, data: bytes) -> None:
        incoming = Path(self._root) / _INCOMING
        incoming.mkdir(parents=True, exist_ok=True)
        path.parent.mkdir(exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=incoming)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
        # Without this a power cut may forget the name of a file whose row in Postgres is committed.
        for folder in (path.parent, path.parent.parent):
            _sync_folder(folder)

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError:
            raise
        except OSError as error:
            if error.errno in _FULL:
                raise Unavailable(
                    f"The disk of {self!r} is full: free some space, then try again.",
                    retry_after_seconds=60,
                ) from error
            if error.errno in _REFUSED:
                raise Misconfigured(
                    f"{self!r} cannot be written to: give the user of this process access to it."
                ) from error
            raise Unavailable(f"{self!r} does not answer: {error}.") from error


def _nearest_there(path: Path) -> Path:
    """The path itself, or the folder in which it would be made."""
    return next(place for place in (path, *path.parents) if place.exists())


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
