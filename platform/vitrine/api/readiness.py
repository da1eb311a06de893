"""Whether everything the api depends on answers, asked side by side and within a bound."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait

from redis.exceptions import RedisError
from sqlalchemy.exc import SQLAlchemyError

from vitrine import db, wire
from vitrine.assembly import Platform
from vitrine.errors import VitrineError
from vitrine.index.generations import active_generation
from vitrine.migrations import pending_migration

# /readyz needs no key: what it costs must not depend on how often it is asked.
REMEMBER_SECONDS = 1.0


class Readiness:
    """Runs the checks; one that hangs is reported as such and not started again beside itself."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._timeout_seconds = platform.settings.dependency_timeout_seconds
        self._checks: dict[str, Callable[[], str | None]] = {
            "postgres": lambda: db.ping(platform.engine) or db.ping(platform.reading),
            "migrated": lambda: pending_migration(platform.engine),
            "redis": self._redis,
            "milvus": platform.index.ping,
            "model": self._model,
            "blobs": platform.blobs.ping,
        }
        self._running: dict[str, Future[str | None]] = {}
        self._lock = threading.Lock()
        self._seen: tuple[float, wire.Readiness] | None = None
        self._pool: ThreadPoolExecutor | None = None

    def look(self) -> wire.Readiness:
        """Ask everything, or repeat what was found less than `REMEMBER_SECONDS` ago."""
        with self._lock:
            if self._seen is None or time.monotonic() - self._seen[0] > REMEMBER_SECONDS:
                found = self._ask()
                # Stamped when it is known: whoever waited for a slow look shares its outcome.
                self._seen = (time.monotonic(), found)
            return self._seen[1]

    def _ask(self) -> wire.Readiness:
        # Made here and not in __init__: gunicorn forks after the app was built.
        pool = self._pool = self._pool or ThreadPoolExecutor(
            len(self._checks), thread_name_prefix="readiness"
        )
        for name, check in self._checks.items():
            if name not in self._running:
                self._running[name] = pool.submit(check)
        wait(self._running.values(), timeout=self._timeout_seconds)
        checks = {name: self._outcome(name) for name in self._checks}
        return wire.Readiness(ready=all(check.ok for check in checks.values()), checks=checks)

    def _outcome(self, name: str) -> wire.Check:
        if not self._running[name].done():
            return wire.Check(
                ok=False, reason=f"does not answer within {self._timeout_seconds:g} s"
            )
        try:
            reason = self._running.pop(name).result()
        except (VitrineError, SQLAlchemyError, RedisError, OSError) as error:
            reason = str(error).strip().splitlines()[0]
        return wire.Check(ok=reason is None, reason=reason)

    def _redis(self) -> str | None:
        self._platform.redis.ping()
        return None

    def _model(self) -> str | None:
        with self._platform.sessions() as session:
            generation = active_generation(session)
        self._platform.encoders.find(generation.model)
        return None
