"""Prometheus metrics of one api process."""

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from sqlalchemy.exc import SQLAlchemyError

from vitrine import __version__, work
from vitrine.api.readiness import Readiness
from vitrine.db import Sessions

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class Metrics:
    """Counts requests as they end; looks at the platform when it is asked."""

    def __init__(self, sessions: Sessions, readiness: Readiness) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "vitrine_http_requests",
            "Requests answered.",
            ("method", "route", "status"),
            registry=self._registry,
        )
        self._seconds = Histogram(
            "vitrine_http_request_seconds",
            "Time to answer a request.",
            ("method", "route"),
            buckets=_SECONDS,
            registry=self._registry,
        )
        build = Gauge(
            "vitrine_build_info", "The version that runs.", ("version",), registry=self._registry
        )
        build.labels(__version__).set(1)
        self._registry.register(_Platform(sessions, readiness))

    def count(self, *, method: str, route: str, status: int, seconds: float) -> None:
        """Count one request; `route` is a template, never a path that a caller chose."""
        self._requests.labels(method, route, str(status)).inc()
        self._seconds.labels(method, route).observe(seconds)

    def text(self) -> bytes:
        """The exposition format."""
        return generate_latest(self._registry)


class _Platform(Collector):
    def __init__(self, sessions: Sessions, readiness: Readiness) -> None:
        self._sessions = sessions
        self._readiness = readiness

    def collect(self) -> Iterator[GaugeMetricFamily]:
        up = GaugeMetricFamily(
            "vitrine_dependency_up", "Whether /readyz finds it well.", labels=("dependency",)
        )
        checks = self._readiness.look().checks
        for name, check in checks.items():
            up.add_metric((name,), float(check.ok))
        yield up
        yield from self._backlog()

    def _backlog(self) -> Iterator[GaugeMetricFamily]:
        try:
            with self._sessions() as session:
                backlog = work.backlog(session)
        except SQLAlchemyError:
            return  # vitrine_dependency_up says so
        pending = GaugeMetricFamily("vitrine_work_pending", "Work owed.", labels=("kind",))
        dead = GaugeMetricFamily("vitrine_work_given_up", "Work given up.", labels=("kind",))
        for kind in work.KINDS:
            waiting, buried = backlog.get(kind, (0, 0))
            pending.add_metric((kind,), waiting)
            dead.add_metric((kind,), buried)
        yield pending
        yield dead
