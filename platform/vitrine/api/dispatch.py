"""Serve the declared routes: the key, the query, the body, the handler, the answer."""

from collections.abc import Callable, Iterable
from io import BytesIO
from typing import IO, Any

from flask import Flask, Request, Response, g, request
from pydantic import BaseModel
from werkzeug.formparser import FormDataParser

from vitrine import deadline
from vitrine.api import caching, cors
from vitrine.api.auth import ANYONE, Authenticator, Caller, admit
from vitrine.api.bodies import MAX_JSON_BYTES, MAX_PARTS
from vitrine.api.intake import reading
from vitrine.api.operations import Call, Operation, Route
from vitrine.api.queries import read_query
from vitrine.api.services import Services


class StrictRequest(Request):
    """A multipart body that cannot be parsed is an error, not an empty form."""

    max_form_parts = MAX_PARTS
    max_form_memory_size = MAX_JSON_BYTES

    def _get_file_stream(
        self,
        total_content_length: int | None,
        content_type: str | None,
        filename: str | None = None,
        content_length: int | None = None,
    ) -> IO[bytes]:
        # Werkzeug would write larger parts to temporary files, and a query photo is kept nowhere.
        # `max_content_length` bounds what one request holds, `reading` what all of them do.
        return BytesIO()

    def make_form_data_parser(self) -> FormDataParser:
        parser = super().make_form_data_parser()
        parser.silent = False
        return parser


def json_response(model: BaseModel, status: int = 200) -> Response:
    """Write a wire model as JSON."""
    return Response(model.model_dump_json(), status=status, content_type="application/json")


def install(
    app: Flask, routes: Iterable[Route], services: Services, authenticator: Authenticator
) -> dict[str, str]:
    """Add every route to the app; return the path template by Flask endpoint."""
    templates = {}
    for route in routes:
        operation = route.operation
        app.add_url_rule(
            operation.path.replace("{", "<").replace("}", ">"),
            endpoint=route.name,
            view_func=_view(route, services, authenticator),
            methods=[operation.method],
            provide_automatic_options=False,
        )
        templates[route.name] = operation.path
    return templates


def _view(
    route: Route, services: Services, authenticator: Authenticator
) -> Callable[..., Response]:
    operation = route.operation
    seconds = services.settings.request_deadline_seconds

    def view(**path: str) -> Response:
        with deadline.within(seconds):
            caller = _caller(operation, services, authenticator)
        query = read_query(operation.query, request.args)
        size = operation.body.size(request, services.settings)
        with reading(size, services.settings):
            body = operation.body.read(request, services.settings)
            call: Call[Any, Any] = Call(caller=caller, path=path, query=query, body=body)
            # Not before: how fast a body comes is up to who sends it.
            with deadline.within(seconds):
                answer = route.handler(services, call)
        if not isinstance(answer, Response):
            answer = json_response(answer, operation.replies[0].status)
        return caching.conditional(answer) if operation.revalidated else answer

    return view


def _caller(
    operation: Operation[Any, Any], services: Services, authenticator: Authenticator
) -> Caller:
    if not operation.roles:
        return ANYONE
    caller = authenticator.caller(request.headers.get("Authorization"))
    g.caller = caller
    services.limits.count(caller.key_id, published=caller.published)
    cors.check(caller)
    admit(caller, operation.roles)
    return caller
