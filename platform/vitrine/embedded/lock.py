"""One platform per data directory: a lock that the kernel gives back however its owner ends."""

import fcntl
import json
import os
from pathlib import Path
from types import TracebackType
from typing import Self

from vitrine.errors import Misconfigured


class DataDirLock:
    """Hold a data directory. A file left by a dead owner is no obstacle: the lock went with it."""

    def __init__(self, data_dir: Path) -> None:
        self._path = data_dir / "lock"
        self._file: int | None = None

    def __enter__(self) -> Self:
        handle = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            owner = self._owner()
            os.close(handle)
            raise Misconfigured(
                f"Vitrine already runs on {self._path.parent}{owner}. Use it, stop it, or start "
                "another one with VITRINE_DATA_DIR=… and VITRINE_PORT=… of its own."
            ) from error
        self._file = handle
        self.note("starting")
        return self

    def note(self, url: str) -> None:
        """Leave word for whoever finds the directory held."""
        assert self._file is not None
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, json.dumps({"pid": os.getpid(), "url": url}).encode(), 0)

    def _owner(self) -> str:
        try:
            noted = json.loads(self._path.read_text())
            return f": process {noted['pid']}, {noted['url']}"
        except (OSError, ValueError, KeyError, TypeError):
            return ""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None
