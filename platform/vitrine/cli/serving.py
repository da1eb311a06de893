"""The api under gunicorn, configured by the settings alone."""

import gc
from collections.abc import Callable
from typing import Any

from flask import Response
from gunicorn.app.base import BaseApplication
from gunicorn.glogging import Logger
from gunicorn.http.errors import ParseException

from vitrine.api.app import PREPARE, create_app
from vitrine.api.problems import problem
from vitrine.assembly import assemble
from vitrine.errors import Malformed
from vitrine.index.text_words import load_dictionary
from vitrine.settings import Settings

# A worker that gives no sign of life for so long is replaced; requests have bounds of their own.
SILENCE_SECONDS = 60
# Requests under way when the stop comes may take this long.
GRACE_SECONDS = 10


class PropagatingLogger(Logger):  # type: ignore[misc]  # gunicorn has no types
    """Hands gunicorn's messages to the logs of the process; the api logs requests itself."""

    def setup(self, cfg: Any) -> None:
        super().setup(cfg)
        self.error_log.handlers[:] = []
        self.error_log.propagate = True


class Server(BaseApplication):  # type: ignore[misc]
    """gunicorn without its command line, files and environment variables."""

    def __init__(self, load: Callable[[], Any], options: dict[str, Any]) -> None:
        self._load, self._options = load, options
        super().__init__()

    def load_config(self) -> None:
        for name, value in self._options.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        return self._load()


def serve(settings: Settings, host: str, port: int) -> None:
    """Serve until a signal. Raises what is wrong with the settings before the first fork."""
    # Connects to nothing yet, so it may be forked.
    app = create_app(assemble(settings, processes=settings.api_processes, serving=True))
    app.register_error_handler(ParseException, _misframed)
    load_dictionary()
    # What is loaded now stays for ever. The collector need not go through it again and again, half
    # a million objects at a time in the middle of a request, and forks go on sharing its memory.
    gc.collect()
    gc.freeze()
    address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    Server(
        lambda: app,
        {
            "bind": address,
            "worker_class": "gthread",
            "workers": settings.api_processes,
            "threads": settings.api_threads,
            "timeout": SILENCE_SECONDS,
            "graceful_timeout": GRACE_SECONDS,
            "keepalive": 15,
            # A cart and what is to be left out stand in the address of recommendations.
            "limit_request_line": 8190,
            "preload_app": True,
            # Threads are not carried over a fork.
            "post_worker_init": lambda worker: app.extensions[PREPARE](),
            "control_socket_disable": True,
            "logger_class": PropagatingLogger,
            "loglevel": settings.log_level.lower(),
            "proc_name": "vitrine-api",
        },
    ).run()


def _misframed(error: ParseException) -> Response:
    # gunicorn takes a body in chunks apart only while the app reads it.
    return problem(Malformed(f"The body's chunks cannot be read: {error}."))
