"""The data directory: what lies where in it, and how a file in it is written."""

import json
import os
import secrets
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vitrine.embedded.ports import free_port, is_free
from vitrine.errors import Misconfigured

LOG_BYTES_KEPT = 8 * 1024 * 1024


@dataclass(frozen=True)
class DataDir:
    """Where the embedded stack keeps its data, its logs and its secrets."""

    path: Path
    logs: Path

    @classmethod
    def prepare(cls, path: Path, log_dir: Path | None = None) -> "DataDir":
        """Make the directory, or raise Misconfigured when it cannot be written."""
        path = path.absolute()
        home = cls(path, log_dir or path / "logs")
        try:
            # Others may pass through (PostgreSQL runs as another account under root), not look.
            path.mkdir(parents=True, exist_ok=True, mode=0o711)
            home.logs.mkdir(parents=True, exist_ok=True)
            home.run.mkdir(exist_ok=True)
            with tempfile.TemporaryFile(dir=path):
                pass
        except OSError as error:
            raise Misconfigured(
                f"The data directory {path} cannot be used: {error.strerror}. "
                "Set VITRINE_DATA_DIR to a directory that you may write to."
            ) from error
        return home

    @property
    def run(self) -> Path:
        """Which processes run on this directory: one file each."""
        return self.path / "run"

    def log(self, name: str) -> Path:
        return self.logs / f"{name}.log"

    def secret(self, name: str) -> str:
        """A random secret that is made once and kept."""
        kept = read_json(self.path / "secrets.json")
        if name not in kept:
            kept[name] = secrets.token_urlsafe(32)
            write_private_json(self.path / "secrets.json", kept)
        return str(kept[name])

    def port(self, name: str) -> int:
        """The port that `name` had last time, or a new one if somebody else has it by now."""
        kept = read_json(self.path / "ports.json")
        if not is_free(kept.get(name, 0)):
            kept[name] = free_port(avoid=set(kept.values()))
            write_private_json(self.path / "ports.json", kept)
        return int(kept[name])

    def rotate_log(self, name: str) -> Path:
        """Put a log that has grown large aside, keeping one old file, and return its path."""
        log = self.log(name)
        if log.exists() and log.stat().st_size > LOG_BYTES_KEPT:
            log.replace(log.with_suffix(".log.1"))
        return log


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object; empty if there is no file. Raises Misconfigured for a broken one."""
    try:
        found = json.loads(path.read_text())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise Misconfigured(f"{path} cannot be read ({error}); repair or remove it.") from error
    if not isinstance(found, dict):
        raise Misconfigured(f"{path} does not hold a JSON object; repair or remove it.")
    return found


def write_private_json(path: Path, value: dict[str, Any]) -> None:
    """Replace a file as a whole, readable by its owner only from the first byte on."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # mode 0600
    try:
        with os.fdopen(handle, "w") as file:
            json.dump(value, file, indent=2)
            file.write("\n")
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
