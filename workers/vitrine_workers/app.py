"""The Celery application that `vitrine worker` and `vitrine beat` run."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from billiard import pool as billiard_pool
from celery import Celery
from celery.signals import setup_logging, task_postrun, task_prerun, worker_ready

from vitrine import logs
from vitrine.assembly import Platform, assemble
from vitrine.doorbell import make_celery
from vitrine.settings import Settings
from vitrine_workers import tasks
from vitrine_workers.schedule import schedule

TASK_SECONDS = 900
# A child that ends waits until its parent has read its results, thirty seconds long. The parent
# may have stopped reading, and nobody wants these results: the work table holds what was done.
CHILD_GOODBYES = 20  # of a tenth of a second
# Also how long a worker that is told to stop may wait for a last message.
BROKER_SECONDS = 5.0


def make_app(settings: Settings, *, process: str = "worker") -> Celery:
    """Make the application with its tasks, its schedule and its logs; `process` names it there."""

    @lru_cache(maxsize=1)
    def platform() -> Platform:
        # Made at the first task, after the fork: no connection is shared between processes.
        return assemble(settings, hint="throughput", processes=settings.worker_processes)

    billiard_pool.GUARANTEE_MESSAGE_CONSUMPTION_RETRY_LIMIT = CHILD_GOODBYES
    celery = make_celery(settings.redis_url)
    celery.conf.update(
        beat_schedule=schedule(settings),
        timezone="UTC",
        worker_hijack_root_logger=False,
        # Well above what one drain takes; a task that hangs longer gives its process back.
        task_time_limit=TASK_SECONDS,
    )
    # A worker waits for messages, so it is more patient than a request that rings.
    celery.conf.broker_transport_options = {
        **celery.conf.broker_transport_options,
        "socket_timeout": BROKER_SECONDS,
    }
    tasks.register(celery, platform)
    _connect_signals(celery, settings, process)
    return celery


def _connect_signals(celery: Celery, settings: Settings, process: str) -> None:
    def configure_logs(**_: Any) -> None:
        logs.configure(settings, process=process)

    def sweep_at_start(**_: Any) -> None:
        # What an earlier worker left is picked up now, not at the next sweep.
        celery.send_task(tasks.SWEEP_TASK, retry=False)

    def bind(task_id: str, task: Any, **_: Any) -> None:
        headers = task.request.headers or {}
        logs.bind(task_id=task_id, task=task.name, request_id=headers.get("request_id"))

    def unbind(**_: Any) -> None:
        logs.unbind()

    connected: dict[Any, Callable[..., None]] = {
        setup_logging: configure_logs,
        worker_ready: sweep_at_start,
        task_prerun: bind,
        task_postrun: unbind,
    }
    for signal, receiver in connected.items():
        signal.connect(receiver, weak=False)
