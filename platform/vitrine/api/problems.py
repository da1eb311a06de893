"""Errors as problem documents (RFC 9457): the one place where an error becomes HTTP."""

import json
from typing import Any

from flask import Flask, Response, g, request
from redis.exceptions import RedisError
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from werkzeug.exceptions import HTTPException

from vitrine import logs
from vitrine.errors import (
    ImageRejected,
    Malformed,
    MethodNotAllowed,
    Misconfigured,
    NotFound,
    TooLarge,
    TooManyRequests,
    Unauthenticated,
    Unavailable,
    UnsupportedMediaType,
    VitrineError,
)

CONTENT_TYPE = "application/problem+json"
_log = logs.get("vitrine.api")

_BY_STATUS: dict[int, type[VitrineError]] = {
    kind.status: kind
    for kind in (Malformed, NotFound, MethodNotAllowed, TooLarge, UnsupportedMediaType)
}


def install(app: Flask) -> None:
    """Turn every error of the app into a problem document."""
    app.register_error_handler(VitrineError, _refused)
    app.register_error_handler(HTTPException, _http)
    for outage in (OperationalError, InterfaceError, PoolTimeout, RedisError):
        app.register_error_handler(outage, _outage)
    app.register_error_handler(Exception, _unexpected)


def problem(error: VitrineError, *, status: int | None = None) -> Response:
    """Write an error as its problem document."""
    document: dict[str, Any] = {
        "type": f"/problems/{error.slug}",
        "title": error.title,
        "status": status or error.status,
        "detail": str(error),
        "instance": g.get("request_id", ""),
        "errors": error.errors,
    }
    if isinstance(error, ImageRejected):
        document["code"] = error.code
    response = Response(json.dumps(document), status=document["status"], content_type=CONTENT_TYPE)
    if isinstance(error, Unavailable | TooManyRequests):
        response.headers["Retry-After"] = str(error.retry_after_seconds)
    if isinstance(error, Unauthenticated):
        response.headers["WWW-Authenticate"] = 'Bearer realm="vitrine"'
    return response


def _refused(error: VitrineError) -> Response:
    if isinstance(error, Unavailable):
        _log.warning("unavailable", reason=str(error), cause=repr(error.__cause__))
    elif error.status >= 500:
        # The message is for the operator, and names paths and settings.
        _log.error("misconfigured", reason=str(error), exc_info=error)
        return problem(
            Misconfigured(
                "The installation needs a change before it can answer this. The log of the api "
                "says which, beside this request id."
            )
        )
    return problem(error)


def _http(error: HTTPException) -> Response:
    status = error.code or 500
    if status >= 500:
        return _unexpected(error)
    kind = _BY_STATUS.get(status, Malformed)
    response = problem(kind(_sentence(error, status)), status=status)
    if status == MethodNotAllowed.status and error.get_response().headers.get("Allow"):
        response.headers["Allow"] = error.get_response().headers["Allow"]
    return response


def _sentence(error: HTTPException, status: int) -> str:
    if status == NotFound.status:
        return "There is nothing at this address; /docs lists the calls there are."
    if status == MethodNotAllowed.status:
        return f"{request.method} is not possible at this address; /docs says what is."
    if status == TooLarge.status:
        most = request.max_content_length
        return f"The request has more than {most} bytes, or too many parts; send less at once."
    return error.description or error.name


def _outage(error: Exception) -> Response:
    kind = "Redis" if isinstance(error, RedisError) else "The database"
    # One line a request is enough of it: an outage meets every request there is.
    cause = str(getattr(error, "orig", None) or error).strip().partition("\n")[0]
    _log.warning("unavailable", reason=f"{kind} does not answer: {cause}")
    return problem(Unavailable(f"{kind} does not answer; try again in a few seconds."))


def _unexpected(error: Exception) -> Response:
    _log.error("unexpected", exc_info=error)
    return problem(
        VitrineError(
            "Something went wrong on our side. Quote this request id when you report it; the log "
            "of the api says more."
        )
    )
