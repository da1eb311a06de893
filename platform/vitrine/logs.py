"""Structured logs, the same for every process: one line an event, JSON or readable.

Lines of libraries go through the same chain. What is bound with `bind` (request id, task id)
stands on every line until `unbind`, whoever writes it.
"""

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any, TextIO

import structlog

from vitrine.settings import Settings

# A plain key, wherever it slipped in: into a message, a traceback, a header.
_KEY = re.compile(r"vt_(storefront|seller|ads|admin)_[A-Za-z0-9_-]{8,}")
# Celery would tell of every message of every sweep; what a task did, it says itself.
_NOISY = (
    "PIL",
    "alembic",
    "celery.app.trace",
    "celery.beat",
    "celery.worker.strategy",
    "fsspec",
    "httpcore",
    "httpx",
    "pymilvus",
    "urllib3",
)

Event = MutableMapping[str, Any]


def configure(settings: Settings, *, process: str, stream: TextIO | None = None) -> None:
    """Send all logs of this process to `stream` (stderr); calling it again replaces the set-up."""
    stream = stream or sys.stderr
    console = settings.log_format == "console" or (
        settings.log_format == "auto" and stream.isatty()
    )
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.stdlib.ExtraAdder(),
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *_last_steps(process, console=console, colours=stream.isatty()),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.log_level)
    for name in _NOISY:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))


def get(name: str) -> structlog.stdlib.BoundLogger:
    """A logger; safe to call when a module is imported."""
    logger: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(name)
    return logger


def bind(**context: Any) -> None:
    """Put these on every line that this thread or task writes from now on."""
    structlog.contextvars.bind_contextvars(**context)


def unbind() -> None:
    """Forget everything that was bound: a thread of a pool serves the next one."""
    structlog.contextvars.clear_contextvars()


def bound(name: str) -> str | None:
    """What was bound under this name, to hand it to a task."""
    value = structlog.contextvars.get_contextvars().get(name)
    return None if value is None else str(value)


def _last_steps(process: str, *, console: bool, colours: bool) -> list[structlog.typing.Processor]:
    def add_process(_: Any, __: str, event: Event) -> Event:
        event.setdefault("process", process)
        return event

    # Tracebacks become text first, so that what follows can look into them.
    steps: list[structlog.typing.Processor] = [
        structlog.processors.format_exc_info,
        _without_secrets,
    ]
    if console:
        plain = structlog.dev.plain_traceback
        return [*steps, structlog.dev.ConsoleRenderer(colors=colours, exception_formatter=plain)]
    return [add_process, *steps, structlog.processors.JSONRenderer(default=str)]


def _without_secrets(_: Any, __: str, event: Event) -> Event:
    for name, value in event.items():
        if isinstance(value, bytes | bytearray | memoryview):
            event[name] = f"<{len(value)} bytes>"
        elif isinstance(value, str):
            event[name] = _KEY.sub(r"vt_\1_…", value)
    return event
