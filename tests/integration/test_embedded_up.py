"""`vitrine up`, started, found, stopped and killed as people and scripts do it."""

import os
import re
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.e2e.conftest import descendants, free_port
from tests.integration.conftest import listing
from tests.pictures import jpeg
from vitrine.client import VitrineClient
from vitrine.embedded.datadir import read_json
from vitrine.embedded.processes import started_at

START_SECONDS = 240
STOP_SECONDS = 60


class Up:
    """`vitrine up` on a data directory, and what it printed."""

    def __init__(self, data_dir: Path, port: int, models_dir: Path) -> None:
        self.data_dir, self.url = data_dir, f"http://127.0.0.1:{port}"
        self.environment = {
            **os.environ,
            "VITRINE_DATA_DIR": str(data_dir),
            "VITRINE_PORT": str(port),
            "VITRINE_MODELS_DIR": str(models_dir),
        }
        self.printed = ""
        self.process = subprocess.Popen(
            [sys.executable, "-m", "vitrine.cli", "up"],
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.printed += line

    def await_ready(self) -> "Up":
        deadline = time.monotonic() + START_SECONDS
        while "Ctrl-C stops all of it" not in self.printed:
            assert self.process.poll() is None, self.printed
            assert time.monotonic() < deadline, self.printed
            time.sleep(0.1)
        return self

    def family(self) -> dict[int, str | None]:
        """Every process of this stack with the time of its start."""
        return {pid: started_at(pid) for pid in descendants(self.process.pid)}

    def end(self, number: signal.Signals) -> int:
        self.process.send_signal(number)
        code = self.process.wait(STOP_SECONDS)
        self._reader.join(5)
        return code


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("up") / "data"


@pytest.fixture(scope="module")
def up(data_dir: Path, models_dir: Path) -> Iterator[Up]:
    """Ready; the tests of this module run in their order, the last ones stop it."""
    started = Up(data_dir, free_port(), models_dir)
    yield started.await_ready()
    if started.process.poll() is None:
        started.end(signal.SIGTERM)


def test_it_is_ready_when_it_says_so(up: Up) -> None:
    assert httpx.get(f"{up.url}/readyz").status_code == 200
    assert f"{up.url} " in up.printed
    assert f"{up.url}/docs" in up.printed
    assert "demo --products 200" in up.printed
    assert "vitrine-r18" in up.printed
    assert "UNTRAINED" not in up.printed


def test_a_script_reads_no_colours(up: Up) -> None:
    assert "\x1b" not in up.printed
    assert "\r" not in up.printed


def test_the_keys_are_for_their_owner_and_in_force(up: Up) -> None:
    path = up.data_dir / "keys.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    keys = read_json(path)
    assert set(keys) == {"storefront", "seller", "ads", "admin"}
    for key in (keys["storefront"], keys["seller"]["demo"], keys["ads"], keys["admin"]):
        header = {"Authorization": f"Bearer {key}"}
        assert httpx.get(f"{up.url}/v1/products", headers=header).status_code == 200
    assert httpx.get(f"{up.url}/v1/products").status_code == 401


def test_what_is_secret_in_the_data_directory_is_private(up: Up) -> None:
    for name in ("running.json", "secrets.json", "lock"):
        assert stat.S_IMODE((up.data_dir / name).stat().st_mode) == 0o600


def test_a_second_shell_finds_the_platform_without_a_variable(up: Up) -> None:
    said = _vitrine(up, "doctor", VITRINE_PORT=None, VITRINE_MODELS_DIR=None)
    assert said.returncode == 0, said.stdout
    assert "is ready" in said.stdout


def test_a_second_up_is_refused_and_told_about_the_first(up: Up) -> None:
    said = _vitrine(up, "up")
    assert said.returncode == 1
    assert str(up.process.pid) in said.stderr
    assert up.url in said.stderr
    assert httpx.get(f"{up.url}/readyz").status_code == 200
    assert (up.data_dir / "running.json").exists()


def test_a_taken_port_is_named_with_one_to_take_instead(up: Up, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = _vitrine(up, "up", VITRINE_DATA_DIR=str(tmp_path), VITRINE_PORT=str(port))
    assert said.returncode == 1
    assert f"Port {port}" in said.stderr
    assert re.search(r"VITRINE_PORT=\d+ make up", said.stderr)
    assert not (tmp_path / "postgres").exists(), "nothing is started for nothing"


@pytest.mark.parametrize("victim", ["api", "redis"])
def test_what_dies_is_started_again(up: Up, victim: str) -> None:
    before = read_json(up.data_dir / "run" / f"{victim}.json")["pid"]
    os.kill(before, signal.SIGKILL)
    deadline = time.monotonic() + 60
    while f"{victim} runs again" not in up.printed or not _ready(up):
        assert time.monotonic() < deadline, up.printed
        time.sleep(0.2)
    assert read_json(up.data_dir / "run" / f"{victim}.json")["pid"] != before
    up.printed = up.printed.replace(f"{victim} runs again", "")


def test_sigterm_stops_all_of_it(up: Up) -> None:
    family = up.family()
    assert len(family) > 6
    assert up.end(signal.SIGTERM) == 0
    assert _left(family) == []
    assert not (up.data_dir / "running.json").exists()
    assert list((up.data_dir / "run").iterdir()) == []
    assert "Stopped." in up.printed


def test_kill_9_leaves_nothing_and_the_next_start_has_keys_and_data(
    up: Up, data_dir: Path, models_dir: Path
) -> None:
    assert up.process.poll() is not None
    keys = read_json(data_dir / "keys.json")

    second = Up(data_dir, free_port(), models_dir).await_ready()
    _list_a_product(second, keys["seller"]["demo"])
    family = second.family()
    second.end(signal.SIGKILL)
    deadline = time.monotonic() + 30
    while _left(family) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert _left(family) == []

    third = Up(data_dir, free_port(), models_dir).await_ready()
    try:
        assert read_json(data_dir / "keys.json") == keys
        header = {"Authorization": f"Bearer {keys['storefront']}"}
        found = httpx.get(f"{third.url}/v1/products/demo:lamp", headers=header).json()
        assert found["title"] == "Lamp"
        similar = {"product_id": "demo:lamp", "limit": 1}
        answer = httpx.post(f"{third.url}/v1/search", headers=header, json=similar, timeout=30)
        assert answer.status_code == 200, "the index is there, too"
    finally:
        family = third.family()
        assert third.end(signal.SIGINT) == 0
    assert _left(family) == []


def _list_a_product(up: Up, key: str) -> None:
    with VitrineClient(up.url, key, timeout=60) as seller:
        accepted = seller.put_product("demo:lamp", listing(title="Lamp"), [jpeg(1)])
        assert seller.wait(accepted.job.id, timeout=90).counts.searchable == 1


def _ready(up: Up) -> bool:
    try:
        return httpx.get(f"{up.url}/readyz", timeout=10).status_code == 200
    except httpx.HTTPError:
        return False


def _left(family: dict[int, str | None]) -> list[int]:
    return [pid for pid, started in family.items() if started and started_at(pid) == started]


def _vitrine(up: Up, *arguments: str, **changed: str | None) -> "subprocess.CompletedProcess[str]":
    environment = {**up.environment, **{k: v for k, v in changed.items() if v is not None}}
    for name in [name for name, value in changed.items() if value is None]:
        del environment[name]
    return subprocess.run(
        [sys.executable, "-m", "vitrine.cli", *arguments],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
