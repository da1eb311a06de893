"""Keep a set of processes running: start again what ends, give up on what will not live."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import structlog

from vitrine.embedded.child import Child
from vitrine.errors import Unavailable, VitrineError

log = structlog.get_logger(__name__)

LOOK_SECONDS = 0.5


@dataclass(frozen=True)
class Patience:
    """How long to believe in a process. One that ends within `short_life_seconds` failed."""

    short_life_seconds: float = 10.0
    failures: int = 5
    longest_pause_seconds: float = 30.0

    def pause_seconds(self, failures: int) -> float:
        """The wait after so many failures in a row: 1, 2, 4, … seconds."""
        return float(min(2 ** (failures - 1), self.longest_pause_seconds))


class Watched(Protocol):
    """A server or a program: something with a name that can be started again."""

    name: str

    @property
    def pid(self) -> int | None: ...

    @property
    def child(self) -> Child | None: ...

    def start(self) -> None: ...


class Restarts:
    """When to start a process again, and when to stop trying."""

    def __init__(self, patience: Patience) -> None:
        self._patience = patience
        self._failures = 0
        self._started: float | None = None  # a first life is never short: we did not see it begin
        self.due: float | None = None

    def started(self) -> None:
        self._started, self.due = time.monotonic(), None

    def ended(self) -> float:
        """Note an end; return the pause in seconds before the next start, which is then `due`."""
        now = time.monotonic()
        short = self._started is not None and (
            now - self._started < self._patience.short_life_seconds
        )
        self._failures = self._failures + 1 if short else 1
        pause = self._patience.pause_seconds(self._failures)
        self.due = now + pause
        return pause

    @property
    def hopeless(self) -> bool:
        return self._failures >= self._patience.failures


class Supervisor:
    """Watches what runs; `tell` shows a line to whoever started it."""

    def __init__(self, tell: Callable[[str], object], patience: Patience = Patience()) -> None:
        self._tell, self._patience = tell, patience
        self._restarts: dict[str, Restarts] = {}

    def watch(self, everything: Callable[[], Sequence[Watched]]) -> None:
        """Watch until interrupted. Raises Unavailable when a process ends again and again."""
        while True:
            for one in everything():
                if one.pid is None:
                    self._revive(one)
            time.sleep(LOOK_SECONDS)

    def _revive(self, one: Watched) -> None:
        restarts = self._restarts.setdefault(one.name, Restarts(self._patience))
        if restarts.due is None:
            pause = restarts.ended()
            if restarts.hopeless:
                raise Unavailable(_obituary(one, self._patience.failures))
            code = one.child.exit_code if one.child else None
            log.warning("process.ended", process=one.name, code=code, pause_seconds=pause)
            self._tell(f"{one.name} ended (code {code}); it starts again in {pause:.0f} s.")
        elif time.monotonic() >= restarts.due:
            restarts.started()
            try:
                one.start()
            except VitrineError as error:
                self._tell(f"{one.name} did not start: {error}")
            else:
                self._tell(f"{one.name} runs again.")


def _obituary(one: Watched, failures: int) -> str:
    what = f"ended {failures} times, each time right after its start"
    return one.child.failure(what) if one.child else f"{one.name} {what}."
