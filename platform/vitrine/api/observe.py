"""Around every request: its id, its line in the log, its count, and headers that always hold."""

import re
import time
import uuid

from flask import Flask, Response, g, request

from vitrine import logs
from vitrine.api.metrics import Metrics

REQUEST_ID = "X-Request-ID"
# Long enough to be unique, and nothing that could break a log line or a header.
_SANE_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")
_PROBES = frozenset({"/healthz", "/readyz", "/metrics"})
_log = logs.get("vitrine.api.access")


def install(app: Flask, metrics: Metrics, templates: dict[str, str]) -> None:
    """`templates`: path template by Flask endpoint."""

    @app.before_request
    def begin() -> None:
        logs.unbind()
        given = request.headers.get(REQUEST_ID, "")
        g.request_id = given if _SANE_ID.fullmatch(given) else uuid.uuid4().hex
        g.started = time.perf_counter()
        logs.bind(request_id=g.request_id)

    @app.after_request
    def end(response: Response) -> Response:
        route = templates.get(request.endpoint or "", "unmatched")
        seconds = time.perf_counter() - g.started
        method = request.method if request.method in _METHODS else "OTHER"
        metrics.count(method=method, route=route, status=response.status_code, seconds=seconds)
        caller = g.get("caller")
        write = _log.debug if route in _PROBES else _log.info
        write(
            "request",
            method=method,
            route=route,  # never the path: who knows the id in it may read an upload or a search
            status=response.status_code,
            ms=round(seconds * 1000, 1),
            key_id=caller.key_id if caller else None,
            role=caller.role if caller else None,
        )
        response.headers[REQUEST_ID] = g.request_id
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers.setdefault("Cache-Control", "no-store")
        return response


_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
