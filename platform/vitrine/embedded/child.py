"""One child process: started in a session of its own, stopped in order, never left behind.

A terminal's Ctrl-C reaches the supervisor alone, which then stops its children one by one. If the
supervisor is killed without a chance to do so, the kernel sends each child its stop signal (Linux:
PR_SET_PDEATHSIG); whatever outlives even that is found by its file under `run/` at the next start.
"""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from vitrine.embedded.account import Account
from vitrine.embedded.datadir import DataDir, write_private_json
from vitrine.embedded.processes import started_at
from vitrine.errors import Misconfigured, Unavailable

_PR_SET_PDEATHSIG = 1
_FORK_SUPPORT = "GRPC_ENABLE_FORK_SUPPORT"
TAIL_BYTES = 16 * 1024


@dataclass(frozen=True)
class Command:
    """What to run. `stop` are the signals that end it, each with the seconds to wait after it."""

    name: str
    argv: Sequence[str]
    env: Mapping[str, str] = field(default_factory=dict)
    account: Account | None = None
    stop: Sequence[tuple[signal.Signals, float]] = ((signal.SIGTERM, 10.0),)
    # What the kernel sends when the supervisor is gone; the first stop signal unless told.
    orphan: signal.Signals | None = None
    # How much it stands back for others when the machine is busy, as nice(1) means it.
    nice: int = 0


@contextmanager
def grpc_loaded_for_a_parent() -> Iterator[None]:
    """Let gRPC be imported here by a process that will start children, and use it itself.

    Between fork and exec it would wake its threads in the child, which loses their sockets and now
    and then aborts. It reads at its import whether to do so; the children have a gRPC of their own.
    """
    before = os.environ.get(_FORK_SUPPORT)
    os.environ[_FORK_SUPPORT] = "0"
    try:
        yield
    finally:
        if before is None:
            del os.environ[_FORK_SUPPORT]
        else:
            os.environ[_FORK_SUPPORT] = before


class Child:
    """A running command, its log and its entry under `run/`.

    Start children from the main thread: the kernel's notice is tied to the thread that forked.
    """

    def __init__(self, command: Command, home: DataDir) -> None:
        self.command = command
        self.log = home.rotate_log(command.name)
        self._entry = home.run / f"{command.name}.json"
        self._process: subprocess.Popen[bytes] | None = None
        self._log_start = 0
        self._asked = False

    def start(self) -> None:
        """Spawn the process; it is not waited for."""
        command = self.command
        orphan = command.orphan or command.stop[0][0]
        with self.log.open("ab") as log:
            self._log_start = log.tell()
            try:
                self._process = subprocess.Popen(
                    list(command.argv),
                    env={**os.environ, **command.env},
                    cwd="/",
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                    # Safe: it runs before any thread of ours, and takes no lock.
                    preexec_fn=_before_exec(command, orphan),  # noqa: PLW1509
                )
            except (OSError, subprocess.SubprocessError) as error:
                raise Misconfigured(f"{command.argv[0]} cannot be started: {error}.") from error
        write_private_json(
            self._entry,
            {"pid": self._process.pid, "started": started_at(self._process.pid), "stop": orphan},
        )

    @property
    def pid(self) -> int | None:
        """The process id while the process lives."""
        return self._process.pid if self._process and self._process.poll() is None else None

    @property
    def exit_code(self) -> int | None:
        return self._process.poll() if self._process else None

    def stop(self) -> None:
        """End the process as its command says, and with SIGKILL if it will not; idempotent."""
        if self._process is None:
            return
        for place, (number, seconds) in enumerate(self.command.stop):
            if self._process.poll() is not None:
                break
            if place > 0 or not self._asked:  # a second SIGTERM means more to some
                self._process.send_signal(number)
            self._wait(seconds)
        self.kill()

    def ask_to_stop(self) -> None:
        """Send the first stop signal and do not wait; `stop` has to follow."""
        if self._process is not None and self._process.poll() is None and not self._asked:
            self._asked = True
            self._process.send_signal(self.command.stop[0][0])

    def kill(self) -> None:
        """End the process and what it started, at once."""
        if self._process is None:
            return
        # The group outlives its leader as long as anyone is in it, and its number with it.
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._entry.unlink(missing_ok=True)

    def _wait(self, seconds: float) -> None:
        assert self._process is not None
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return

    def tail(self, lines: int = 15) -> str:
        """The last lines that this run of the process wrote to its log."""
        return tail(self.log, lines, since=self._log_start)

    def wait_until(self, ready: Callable[[], bool], seconds: float) -> None:
        """Return once `ready()`. Raises Unavailable with the log's tail when it ends or is late."""
        deadline = time.monotonic() + seconds
        while not ready():
            if self.exit_code is not None:
                raise Unavailable(self.failure(f"ended with code {self.exit_code}"))
            if time.monotonic() > deadline:
                raise Unavailable(self.failure(f"was not ready after {seconds:.0f} s"))
            time.sleep(0.05)

    def failure(self, what: str) -> str:
        """A sentence on what happened, the fix where the log names a known cause, and the log."""
        text = self.tail()
        known = "".join(f" {fix}" for sign, fix in KNOWN_CAUSES.items() if sign in text)
        return f"{self.command.name} {what}.{known}\n--- end of {self.log}\n{text}"


KNOWN_CAUSES = {
    "No space left on device": "The disk is full: free some space, or move VITRINE_DATA_DIR.",
    "Read-only file system": "The disk is read-only: set VITRINE_DATA_DIR to one that is not.",
    "Cannot allocate memory": "The machine has too little free memory.",
    "could not resize shared memory": "Shared memory is too small (docker: --shm-size=256m).",
    "is not compatible with this version": "The data was made by another version of PostgreSQL.",
}


def tail(log: Path, lines: int, since: int = 0) -> str:
    """The last lines of a file, from byte `since` on."""
    try:
        with log.open("rb") as file:
            _seek(file, since)
            text = file.read().decode(errors="replace")
    except OSError:
        return ""
    return "\n".join(text.splitlines()[-lines:])


def _seek(file: IO[bytes], since: int) -> None:
    size = file.seek(0, os.SEEK_END)
    file.seek(max(size - TAIL_BYTES, since if since <= size else 0))


def _before_exec(command: Command, orphan: signal.Signals) -> Callable[[], None]:
    """What the child does between fork and exec."""
    parent = os.getpid()
    libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None

    def prepare() -> None:
        # A shell starts background jobs with SIGINT ignored, and that is inherited.
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGQUIT, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)
        os.nice(command.nice)
        if command.account is not None:
            command.account.become()
        if libc is not None:
            # After the change of user, which clears it.
            libc.prctl(_PR_SET_PDEATHSIG, int(orphan))
            if os.getppid() != parent:  # it died in between
                os._exit(1)

    return prepare
