"""The whole platform on this machine: servers, schema, keys, model, processes."""

import os
import time
from collections.abc import Callable, Sequence, Set
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx

from vitrine.embedded.child import Child, Command, grpc_loaded_for_a_parent
from vitrine.embedded.datadir import DataDir, write_private_json
from vitrine.embedded.ports import free_port, is_free
from vitrine.embedded.programs import (
    Program,
    as_environment,
    programs,
    running_settings,
    vitrine_command,
)
from vitrine.embedded.services import EmbeddedServices, ServiceUrls
from vitrine.embedded.supervisor import Supervisor, Watched
from vitrine.errors import Misconfigured, Unavailable
from vitrine.settings import KEYS_FILE, RUNNING_FILE, Settings

if TYPE_CHECKING:
    from vitrine.assembly import Platform
    from vitrine.embedding.registry import InstalledModel

READY_SECONDS = 90.0

Step = Callable[[str], AbstractContextManager[object]]
"""Show that something begins; leaving the context shows that it is done."""


@dataclass(frozen=True)
class Opened:
    """What a newcomer needs to know about the platform that runs now."""

    url: str
    keys: dict[str, Any]
    model: "InstalledModel | None"


class Stack:
    """Everything that `vitrine up` runs. The caller holds the lock of the data directory."""

    def __init__(
        self, settings: Settings, home: DataDir, *, step: Step, tell: Callable[[str], object]
    ) -> None:
        self._settings, self._home = settings, home
        self._step, self._tell = step, tell
        self._services = EmbeddedServices(home.path, log_dir=home.logs)
        self._programs: list[Program] = []
        self._urls: ServiceUrls | None = None

    def start(self) -> Opened:
        """Start everything and wait until it is ready to serve.

        Raises VitrineError; the caller calls `stop` then, too.
        """
        settings = self._settings
        check_port(settings.host, settings.port)
        with self._step("PostgreSQL, Redis and Milvus Lite"):
            self._services.launch()
            _import_meanwhile()
            self._urls = self._services.await_ready()
        platform = self._announce()
        keys, model = self._open(platform)
        platform.engine.dispose()
        platform.index.close()
        with self._step("api, worker and beat"):
            self._start_programs()
            self._await_ready(without=set() if model else {"model"})
        return Opened(settings.api_url, keys, model)

    def _open(self, platform: "Platform") -> tuple[dict[str, Any], "InstalledModel | None"]:
        """See to what a shop needs before its first request."""
        from vitrine.embedded.keyring import ensure_keys
        from vitrine.embedded.opening import ensure_model
        from vitrine.migrations import upgrade

        with self._step("database schema"):
            upgrade(platform.settings.database_url)
        with self._step("keys"):
            keys = ensure_keys(platform.sessions, self._home.path / KEYS_FILE)
        with self._step("embedding model"):
            model = ensure_model(platform, self._build_model)
        return keys, model

    def watch(self) -> None:
        """Keep everything running until interrupted."""
        Supervisor(self._tell).watch(self._everything)

    def stop(self) -> None:
        """Stop everything, what depends on others first; idempotent."""
        (self._home.path / RUNNING_FILE).unlink(missing_ok=True)
        self._stop_programs()
        self._services.stop()

    def _announce(self) -> "Platform":
        """Write `running.json` and build the platform of these servers."""
        running = self._running()
        write_private_json(self._home.path / RUNNING_FILE, {**running, "pid": os.getpid()})
        from vitrine.assembly import assemble

        known: dict[str, Any] = {"data_dir": self._settings.data_dir, **running}
        return assemble(Settings(**known))

    def _build_model(self, name: str) -> None:
        """Export a model in a process of its own: torch shall not stay in this one."""
        self._tell(f"Exporting {name}: this happens once and takes a minute.")
        command = vitrine_command("models", "build", name)
        build = Child(
            Command(name="model-build", argv=command, env=self._environment()), self._home
        )
        build.start()
        try:
            while build.exit_code is None:
                time.sleep(0.1)
        finally:
            build.stop()
        if build.exit_code != 0:
            raise Unavailable(build.failure(f"({name}) ended with code {build.exit_code}"))

    def _running(self) -> dict[str, str | int]:
        assert self._urls is not None
        secret_key = self._settings.secret_key or self._home.secret("secret_key")
        return running_settings(self._settings, self._urls, secret_key)

    def _environment(self) -> dict[str, str]:
        return as_environment(self._settings, self._running())

    def _start_programs(self) -> None:
        self._programs = programs(self._home, self._environment())
        for program in self._programs:
            program.start()

    def _stop_programs(self) -> None:
        for program in self._programs:
            program.ask_to_stop()
        for program in self._programs:
            program.stop()

    def _everything(self) -> Sequence[Watched]:
        if self._urls != self._services.urls and all(one.pid for one in self._services.all):
            # A server came back on another port, since somebody took its own meanwhile.
            self._urls = self._services.urls
            self._announce()
            self._stop_programs()
            self._start_programs()
        return [*self._services.all, *self._programs]

    def _await_ready(self, *, without: Set[str]) -> None:
        url = f"http://{_reachable(self._settings.host)}:{self._settings.port}/readyz"
        deadline = time.monotonic() + READY_SECONDS
        while (missing := _not_ready(url, without)) is not None:
            for program in self._programs:
                if program.child is not None and program.pid is None:
                    code = program.child.exit_code
                    raise Unavailable(program.child.failure(f"ended with code {code}"))
            if time.monotonic() > deadline:
                raise Unavailable(
                    f"Vitrine was not ready after {READY_SECONDS:.0f} s: {missing}.\n"
                    + "\n".join(p.child.failure("said") for p in self._programs if p.child)
                )
            time.sleep(0.1)


def _import_meanwhile() -> None:
    """Load our own code while the servers come up: that takes as long as they do."""
    with grpc_loaded_for_a_parent():
        import vitrine.assembly
        import vitrine.embedded.opening  # noqa: F401


def check_port(host: str, port: int) -> None:
    """Raise Misconfigured, naming a port to take instead, if the api cannot listen here."""
    if is_free(port, host):
        return
    other = next((n for n in range(port + 1, port + 50) if is_free(n, host)), free_port())
    raise Misconfigured(
        f"Port {port} on {host} is taken by another program, or not yours to use. "
        f"Start Vitrine on another one: VITRINE_PORT={other} make up"
    )


def _reachable(host: str) -> str:
    if host in {"0.0.0.0", "::"}:  # noqa: S104 - every address; loopback is among them
        return "127.0.0.1"
    return f"[{host}]" if ":" in host else host


def _not_ready(url: str, without: Set[str]) -> str | None:
    """Say what is missing until everything is ready but what there cannot be, or None."""
    try:
        answer = httpx.get(url, timeout=10, trust_env=False)
        if answer.status_code == httpx.codes.OK:
            return None
        checks = answer.json()["checks"].items()
    except httpx.HTTPError as error:
        return f"the api does not answer ({error})"
    except (ValueError, KeyError, AttributeError):
        return f"the api answers {answer.status_code}"
    missing = {name: check["reason"] for name, check in checks if not check["ok"]}
    return "; ".join(f"{name}: {missing[name]}" for name in missing.keys() - without) or None
