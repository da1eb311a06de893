"""The whole platform as its user starts it: `vitrine up` in a process of its own."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from vitrine.client import VitrineClient

START_SECONDS = 180


@dataclass(frozen=True)
class Running:
    """A platform that runs."""

    url: str
    data_dir: Path
    pid: int
    environment: dict[str, str]

    @property
    def keys(self) -> dict:
        return json.loads((self.data_dir / "keys.json").read_text())

    def client(self, role: str) -> VitrineClient:
        key = self.keys["seller"]["demo"] if role == "seller" else self.keys[role]
        return VitrineClient(self.url, key, timeout=30)

    def vitrine(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run the command line beside the platform, as in a second shell."""
        return subprocess.run(
            [sys.executable, "-m", "vitrine.cli", *arguments],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )

    def processes(self, command: str) -> list[int]:
        """Pids of this platform's `vitrine COMMAND` and of all that it forked."""
        return [pid for pid in descendants(self.pid) if command in arguments_of(pid)]


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def descendants(pid: int) -> list[int]:
    """All living processes below this one, by /proc."""
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                stat = (entry / "stat").read_text()
            except OSError:
                continue
            parents[int(entry.name)] = int(stat.rpartition(")")[2].split()[1])
    found, frontier = [], [pid]
    while frontier:
        children = [child for child, parent in parents.items() if parent in frontier]
        found += children
        frontier = children
    return found


def arguments_of(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0")
    except OSError:
        return []


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory, models_dir: Path) -> Iterator[Running]:
    """`vitrine up`, ready; stopped with SIGTERM at the end of the session."""
    with started(tmp_path_factory.mktemp("up") / "data", models_dir) as platform:
        yield platform


@contextmanager
def started(data_dir: Path, models_dir: Path, **settings: str) -> Iterator[Running]:
    """Run `vitrine up` on a data directory, with some settings of its own."""
    port = free_port()
    environment = {
        **os.environ,
        "VITRINE_DATA_DIR": str(data_dir),
        "VITRINE_PORT": str(port),
        "VITRINE_MODELS_DIR": str(models_dir),
        "VITRINE_LEASE_SECONDS": "4",
        "VITRINE_SWEEP_SECONDS": "1",
        # High enough for the tests that send all they can; the answers still tell how they stand.
        "VITRINE_RATE_LIMIT_PER_MINUTE": "600000",
        **settings,
    }
    log = data_dir.parent / "up.log"
    with log.open("w") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "vitrine.cli", "up"],
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    platform = Running(f"http://127.0.0.1:{port}", data_dir, process.pid, environment)
    try:
        wait_until_ready(platform, process, log)
        yield platform
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def wait_until_ready(platform: Running, process: "subprocess.Popen[bytes]", log: Path) -> None:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until:
        if process.poll() is not None:
            pytest.fail(f"vitrine up ended with {process.returncode}:\n{log.read_text()[-3000:]}")
        with VitrineClient(platform.url, "none", timeout=5) as client:
            try:
                if client.ready().ready and (platform.data_dir / "keys.json").exists():
                    return
            except Exception:  # noqa: BLE001 - not up yet, whatever it says
                time.sleep(0.3)
    pytest.fail(f"vitrine up was not ready in {START_SECONDS} s:\n{log.read_text()[-3000:]}")
