"""The three servers of the embedded stack, started side by side and stopped in order."""

from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from vitrine.embedded.datadir import DataDir
from vitrine.embedded.leftovers import stop_leftovers
from vitrine.embedded.milvus import Milvus
from vitrine.embedded.postgres import Postgres
from vitrine.embedded.redis import Redis
from vitrine.embedded.service import Service


@dataclass(frozen=True)
class ServiceUrls:
    """Where the servers listen, in the terms of `Settings`."""

    database_url: str
    redis_url: str
    milvus_uri: str


class EmbeddedServices:
    """PostgreSQL, Redis and Milvus Lite on loopback, with their data in one directory.

    The caller sees to it that nobody else uses the directory (`DataDirLock`).
    """

    def __init__(
        self, data_dir: Path, *, log_dir: Path | None = None, durable: bool = True
    ) -> None:
        self.home = DataDir.prepare(data_dir, log_dir)
        self.postgres = Postgres(self.home, durable=durable)
        self.redis = Redis(self.home)
        self.milvus = Milvus(self.home)

    @property
    def all(self) -> tuple[Service, ...]:
        """In the order of starting; they stop in the reverse order."""
        return (self.postgres, self.redis, self.milvus)

    def start(self) -> ServiceUrls:
        """Start all three and wait until they answer.

        Raises Misconfigured or Unavailable, with nothing left running.
        """
        try:
            self.launch()
            return self.await_ready()
        except BaseException:
            self.stop()
            raise

    def launch(self) -> None:
        """Start all three; `await_ready` has to follow, and `stop` if either raises."""
        stop_leftovers(self.home)
        # The slowest to come up first, so that they come up side by side.
        self.milvus.launch()
        self.redis.launch()
        self.postgres.launch()

    def await_ready(self) -> ServiceUrls:
        """Wait until all three answer."""
        for service in self.all:
            service.await_ready()
        return self.urls

    @property
    def urls(self) -> ServiceUrls:
        return ServiceUrls(self.postgres.url, self.redis.url, self.milvus.url)

    def stop(self) -> None:
        """Stop all three; idempotent."""
        for service in reversed(self.all):
            service.stop()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
