"""One connection to Milvus per process, made when first needed."""

import logging
import os
import threading
from dataclasses import dataclass

from pymilvus import MilvusClient

from vitrine.index.capabilities import Capabilities, detect

# Every failure is raised to us and reported in our words; pymilvus would log each one as well,
# with a traceback, and warn of every page that it reads from Milvus Lite.
_PYMILVUS_LOGGER = "pymilvus"


@dataclass(frozen=True, slots=True)
class Connected:
    client: MilvusClient
    capabilities: Capabilities


class Connection:
    """Hands out a client that belongs to the running process.

    A gRPC channel does not survive a fork: a Celery child that inherits its parent's hangs on the
    first call. So the client is kept together with the process id that made it, and a child makes
    its own.
    """

    def __init__(self, uri: str, token: str, timeout_seconds: float) -> None:
        self.uri = uri
        self._token = token
        self._timeout_seconds = timeout_seconds
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self._connected: Connected | None = None

    def get(self) -> Connected:
        """Connect, unless connected. Raises what pymilvus raises."""
        self._leave_parent()
        connected = self._connected
        if connected is not None:
            return connected
        with self._lock:
            if self._connected is None:
                self._connected = self._connect()
            return self._connected

    def drop(self, broken: Connected) -> None:
        """Forget a connection that failed, unless another thread has replaced it already.

        It is not closed: other threads may be waiting on it. It goes with its last user.
        """
        with self._lock:
            if self._connected is broken:
                self._connected = None

    def _leave_parent(self) -> None:
        if self._pid != os.getpid():
            self._lock = threading.Lock()  # the parent's may have been held at the fork
            self._connected = None
            self._pid = os.getpid()

    def _connect(self) -> Connected:
        logging.getLogger(_PYMILVUS_LOGGER).setLevel(logging.CRITICAL)
        client = MilvusClient(
            uri=self.uri,
            token=self._token,
            timeout=self._timeout_seconds,
            dedicated=True,
        )
        version = client.get_server_version(timeout=self._timeout_seconds)
        return Connected(client, detect(str(version)))
