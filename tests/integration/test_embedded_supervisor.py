"""Children and their supervisor, with real processes that misbehave."""

import signal
import time
from pathlib import Path

import pytest

from vitrine.embedded.child import Child, Command
from vitrine.embedded.datadir import LOG_BYTES_KEPT, DataDir
from vitrine.embedded.lock import DataDirLock
from vitrine.embedded.processes import started_at
from vitrine.embedded.programs import Program
from vitrine.embedded.supervisor import Patience, Supervisor
from vitrine.errors import Misconfigured, Unavailable

IMPATIENT = Patience(longest_pause_seconds=0.1)
NO_INTEREST = "trap '' TERM; while :; do sleep 0.1; done"


@pytest.fixture
def home(tmp_path: Path) -> DataDir:
    return DataDir.prepare(tmp_path / "data")


def shell(script: str, **changes: object) -> Command:
    return Command(name="probe", argv=("/bin/sh", "-c", script), **changes)  # type: ignore[arg-type]


def test_what_will_not_live_is_given_up_with_the_end_of_its_log(home: DataDir) -> None:
    program = Program(shell("echo no such luck; exit 3"), home)
    told: list[str] = []
    with pytest.raises(Unavailable, match="no such luck"):
        Supervisor(told.append, IMPATIENT).watch(lambda: [program])
    assert len([line for line in told if "runs again" in line]) == IMPATIENT.failures - 1


def test_the_pause_doubles_up_to_a_bound() -> None:
    pauses = [Patience().pause_seconds(failures) for failures in range(1, 8)]
    assert pauses == [1, 2, 4, 8, 16, 30, 30]


def test_a_child_that_ignores_its_stop_is_killed_with_all_it_started(home: DataDir) -> None:
    child = Child(shell(f"({NO_INTEREST}) & {NO_INTEREST}", stop=((signal.SIGTERM, 0.3),)), home)
    child.start()
    time.sleep(0.3)
    pid = child.pid
    assert pid is not None
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    assert children
    child.stop()
    deadline = time.monotonic() + 5
    while any(started_at(one) for one in [pid, *map(int, children)]):
        assert time.monotonic() < deadline
    assert not list(home.run.iterdir())


def test_a_child_hears_an_interrupt_that_its_parent_ignores(home: DataDir) -> None:
    """As `vitrine up &` in a script: the shell has SIGINT ignored, which is inherited."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        sleep = Command(name="probe", argv=("sleep", "60"), stop=((signal.SIGINT, 5.0),))
        child = Child(sleep, home)
        child.start()
        began = time.monotonic()
        child.stop()
    finally:
        signal.signal(signal.SIGINT, before)
    assert time.monotonic() - began < 4
    assert child.exit_code == -signal.SIGINT


def test_a_terminal_interrupt_does_not_reach_a_child(home: DataDir) -> None:
    child = Child(shell("ps -o pgid= -p $$; sleep 60"), home)
    child.start()
    time.sleep(0.3)
    group = int(child.tail())
    pid = child.pid
    child.stop()
    assert group == pid


def test_a_known_cause_is_named_with_its_fix(home: DataDir) -> None:
    child = Child(shell("echo 'FATAL: No space left on device'; exit 1"), home)
    child.start()
    with pytest.raises(Unavailable, match="free some space"):
        child.wait_until(lambda: False, 5)
    child.stop()


def test_a_missing_program_is_named(home: DataDir) -> None:
    with pytest.raises(Misconfigured, match="/no/such/program"):
        Child(Command(name="probe", argv=("/no/such/program",)), home).start()


def test_a_log_that_has_grown_is_put_aside_once(home: DataDir) -> None:
    home.log("probe").write_bytes(b"x" * (LOG_BYTES_KEPT + 1))
    child = Child(shell("echo fresh"), home)
    child.start()
    with pytest.raises(Unavailable):
        child.wait_until(lambda: False, 5)
    child.stop()
    assert home.log("probe").read_text() == "fresh\n"
    assert home.log("probe").with_suffix(".log.1").stat().st_size > LOG_BYTES_KEPT


def test_a_data_directory_has_one_owner_and_a_dead_one_is_no_obstacle(home: DataDir) -> None:
    (home.path / "lock").write_text('{"pid": 1, "url": "http://old"}')
    with DataDirLock(home.path) as lock:
        lock.note("http://127.0.0.1:8080")
        with pytest.raises(Misconfigured, match=r"process \d+, http://127\.0\.0\.1:8080"):
            DataDirLock(home.path).__enter__()
    with DataDirLock(home.path):
        pass
