"""Vitrine's own processes: api, worker and beat, as children of `vitrine up`."""

import signal
import sys
from collections.abc import Mapping, Sequence

from vitrine.embedded.child import Child, Command
from vitrine.embedded.datadir import DataDir
from vitrine.embedded.services import ServiceUrls
from vitrine.settings import Settings

# How each is asked to end. Work that is cut off is done later: its lease ends.
STOPS: dict[str, Sequence[tuple[signal.Signals, float]]] = {
    "api": ((signal.SIGTERM, 12.0),),
    "worker": ((signal.SIGTERM, 15.0), (signal.SIGQUIT, 5.0)),  # warm, then cold
    "beat": ((signal.SIGTERM, 5.0),),
}

# On one machine listing stands back for searching: a shopper waits, a seller does not.
NICE = {"api": 0, "worker": 5, "beat": 5}


class Program:
    """One `vitrine …` process."""

    def __init__(self, command: Command, home: DataDir) -> None:
        self.name = command.name
        self._command, self._home = command, home
        self.child: Child | None = None

    @property
    def pid(self) -> int | None:
        return self.child.pid if self.child else None

    def start(self) -> None:
        """Start the process; it is not waited for."""
        self.child = Child(self._command, self._home)
        self.child.start()

    def ask_to_stop(self) -> None:
        """Begin to stop, without waiting."""
        if self.child is not None:
            self.child.ask_to_stop()

    def stop(self) -> None:
        """Stop and wait until it is gone; idempotent."""
        if self.child is not None:
            self.child.stop()


def programs(home: DataDir, environment: Mapping[str, str]) -> list[Program]:
    """The api, the worker and beat."""
    return [
        Program(
            Command(
                name=name,
                argv=vitrine_command(name),
                env=environment,
                stop=stop,
                nice=NICE[name],
            ),
            home,
        )
        for name, stop in STOPS.items()
    ]


def vitrine_command(*arguments: str) -> tuple[str, ...]:
    """A `vitrine` command of this very installation."""
    # -P: the working directory is no place to import from.
    return (sys.executable, "-P", "-m", "vitrine.cli", *arguments)


def running_settings(
    settings: Settings, urls: ServiceUrls, secret_key: str
) -> dict[str, str | int]:
    """What a process has to know to work with this stack: names and values of `Settings`."""
    return {
        "database_url": urls.database_url,
        "redis_url": urls.redis_url,
        "milvus_uri": urls.milvus_uri,
        "milvus_token": "",
        "blob_url": settings.blob_url,
        "models_dir": str(settings.model_store),
        "secret_key": secret_key,
        "host": settings.host,
        "port": settings.port,
        "api_url": settings.api_url,
    }


def as_environment(settings: Settings, running: Mapping[str, str | int]) -> dict[str, str]:
    """The same as variables, for a child process."""
    known = {"data_dir": settings.data_dir, **running}
    return {f"VITRINE_{name.upper()}": str(value) for name, value in known.items()}
