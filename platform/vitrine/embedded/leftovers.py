"""What an earlier run left behind when it was killed: find it and stop it."""

import os
import signal
import time
from contextlib import suppress

from vitrine.embedded.datadir import DataDir, read_json
from vitrine.embedded.processes import started_at
from vitrine.errors import Misconfigured

GRACE_SECONDS = 15.0


def stop_leftovers(home: DataDir, grace_seconds: float = GRACE_SECONDS) -> list[str]:
    """Stop every process that `run/` names and that still runs; return their names.

    The caller holds the lock of the data directory, so nobody else can own them.
    """
    found: dict[str, tuple[int, str]] = {}
    for entry in sorted(home.run.glob("*.json")):
        try:
            noted = read_json(entry)
            pid, started, number = int(noted["pid"]), noted["started"], int(noted["stop"])
        except (Misconfigured, KeyError, TypeError, ValueError):
            entry.unlink()  # half written when the machine stopped
            continue
        if started is not None and started_at(pid) == started:
            found[entry.stem] = (pid, started)
            _signal(pid, number)
        else:
            entry.unlink()
    deadline = time.monotonic() + grace_seconds
    for name, (pid, started) in found.items():
        while started_at(pid) == started:
            if time.monotonic() > deadline:
                _signal(-pid, signal.SIGKILL)
            time.sleep(0.05)
        (home.run / f"{name}.json").unlink()
    return list(found)


def _signal(pid: int, number: int) -> None:
    """Signal a process, or with a negative id its group."""
    with suppress(ProcessLookupError):
        os.kill(pid, number)
