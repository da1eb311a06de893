"""What PostgreSQL, Redis and Milvus Lite have in common as embedded servers."""

from abc import ABC, abstractmethod

from vitrine.embedded.child import Child, Command
from vitrine.embedded.datadir import DataDir
from vitrine.embedded.ports import is_free
from vitrine.errors import Unavailable

READY_SECONDS = 60.0
PORT_ATTEMPTS = 3


class Service(ABC):
    """A server on a loopback port that is remembered from one start to the next."""

    name: str
    title: str

    def __init__(self, home: DataDir) -> None:
        self.home = home
        self.port = 0
        self._child: Child | None = None

    @abstractmethod
    def command(self) -> Command:
        """What to run, on `self.port`."""

    @abstractmethod
    def answers(self) -> bool:
        """Say whether the server takes requests."""

    @property
    @abstractmethod
    def url(self) -> str: ...

    def prepare(self) -> None:  # noqa: B027 - most servers need nothing
        """Make what the server needs before it can start."""

    def complete(self) -> None:  # noqa: B027
        """Make what can only be made in the running server."""

    @property
    def pid(self) -> int | None:
        return self._child.pid if self._child else None

    def launch(self) -> None:
        """Start the process; `await_ready` has to follow."""
        self.prepare()
        self._spawn()

    def await_ready(self) -> None:
        """Wait until the server answers. Raises Unavailable with the end of its log."""
        for attempt in range(PORT_ATTEMPTS):
            assert self._child is not None
            try:
                self._child.wait_until(self.answers, READY_SECONDS)
                break
            except Unavailable:
                # Between the choice of a port and its use somebody else may have taken it.
                taken = self._child.pid is None and not is_free(self.port)
                self._child.stop()
                if not taken or attempt == PORT_ATTEMPTS - 1:
                    raise
                self._spawn()
        self.complete()

    def _spawn(self) -> None:
        self.port = self.home.port(self.name)
        self._child = Child(self.command(), self.home)
        self._child.start()

    def start(self) -> None:
        """Start the server and wait until it answers."""
        self.launch()
        self.await_ready()

    def stop(self) -> None:
        """Stop the server and wait until it is gone; idempotent."""
        if self._child is not None:
            self._child.stop()

    def kill(self) -> None:
        """Take the server down without warning, as a crash would."""
        if self._child is not None:
            self._child.kill()

    def restart(self) -> None:
        """Stop and start; on the same port unless somebody took it meanwhile."""
        self.stop()
        self.start()

    @property
    def child(self) -> Child | None:
        """The process of the last start."""
        return self._child
