"""One connection to Milvus per process, made when first needed."""

import logging
import os
import threading
from dataclasses import dataclass

from pymilvus import MilvusClient

from vitrine import deadline
from vitrine.index.capabilities import Capabilities, detect
from vitrine.index.guard import Silent

# Every failure is raised to us and reported in our words; pymilvus would log each one as well,
# with a traceback, and warn of every page that it reads from Milvus Lite.
_PYMILVUS_LOGGER = "pymilvus"

_CHANNEL_OPTIONS = {
    # pymilvus pings an idle server every ten seconds; Milvus Lite takes that for an attack and
    # hangs up on its next caller. Nothing is lost without, since every call has a deadline.
    "grpc.keepalive_permit_without_calls": 0,
    "grpc.keepalive_time_ms": 60_000,
    # By default channels to one address share their sockets and the waits between two attempts,
    # which grow to two minutes: a server that has come back would stay unreachable.
    "grpc.use_local_subchannel_pool": 1,
    "grpc.initial_reconnect_backoff_ms": 100,
    "grpc.max_reconnect_backoff_ms": 1000,
}


@dataclass(frozen=True, slots=True)
class Connected:
    client: MilvusClient
    capabilities: Capabilities


class Connection:
    """Hands out a client that belongs to the running process.

    gRPC promises nothing for a channel carried over a fork, and two processes must not share its
    socket. So the client is kept together with the id of the process that made it, and a Celery
    child makes its own.
    """

    def __init__(self, uri: str, token: str, timeout_seconds: float) -> None:
        self.uri = uri
        self._token = token
        self._timeout_seconds = timeout_seconds
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self._connected: Connected | None = None

    def get(self) -> Connected:
        """Connect, unless connected. Raises what pymilvus raises.

        Once made, a connection is kept: the channel comes back by itself when the server does.
        """
        self._leave_parent()
        if self._connected is not None:
            return self._connected
        # Whoever finds the server hung waits for its own bound, not for everyone before it.
        if not self._lock.acquire(timeout=deadline.bounded(self._timeout_seconds)):
            raise Silent(f"The vector index at {self.uri} does not answer.")
        try:
            if self._connected is None:
                self._connected = self._connect()
            return self._connected
        finally:
            self._lock.release()

    def close(self) -> None:
        """Hang up, if connected; the next `get` connects again."""
        self._leave_parent()
        with self._lock:
            connected, self._connected = self._connected, None
        if connected is not None:
            connected.client.close()

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
            timeout=deadline.bounded(self._timeout_seconds),
            dedicated=True,
            grpc_options=_CHANNEL_OPTIONS,
        )
        version = client.get_server_version(timeout=deadline.bounded(self._timeout_seconds))
        return Connected(client, detect(str(version)))
