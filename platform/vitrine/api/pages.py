"""Pages for people: the welcome, the documentation, and what each problem means."""

import html
from collections.abc import Callable
from importlib.resources import files

from flask import Response, current_app, request
from pydantic import BaseModel

from vitrine import __version__
from vitrine.api.auth import NO_KEY
from vitrine.api.bodies import NoBody
from vitrine.api.dispatch import json_response
from vitrine.api.operations import AnyQuery, Call, Handler, Operation, PathParameter, Reply, Routes
from vitrine.api.problem_types import ADVICE, kinds
from vitrine.api.services import Services
from vitrine.errors import NotFound

routes = Routes("Pages")
Serve = Callable[[Handler[AnyQuery, None]], Handler[AnyQuery, None]]

DOCUMENT = "openapi"  # the extension of the app that holds the finished document
_SWAGGER = {
    "swagger-ui-bundle.js": "text/javascript; charset=utf-8",
    "swagger-ui.css": "text/css; charset=utf-8",
    "favicon-32x32.png": "image/png",
}
_START = """\
window.ui = SwaggerUIBundle({
  url: "/openapi.json", dom_id: "#ui", deepLinking: true, persistAuthorization: true,
  displayRequestDuration: true, docExpansion: "list", validatorUrl: null,
});
"""
_STYLE = "body{font:16px/1.6 system-ui,sans-serif;max-width:44rem;margin:3rem auto;padding:0 1rem}"
# The docs run only what this server serves; Swagger UI sets styles of its own.
_POLICY = "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'"


class Welcome(BaseModel):
    """Where to go from here."""

    name: str = "Vitrine"
    version: str = __version__
    docs: str = "/docs"
    openapi: str = "/openapi.json"
    ready: str = "/readyz"
    problems: str = "/problems"


class ProblemType(BaseModel):
    """One kind of problem and what to do about it."""

    type: str
    title: str
    status: int
    advice: str


class ProblemTypes(BaseModel):
    """Every kind of problem."""

    problems: list[ProblemType]


PROBLEM_TYPES = {
    kind.slug: ProblemType(
        type=f"/problems/{kind.slug}",
        title=kind.title,
        status=kind.status,
        advice=ADVICE[kind.slug],
    )
    for kind in kinds()
}


def _page(path: str, summary: str, *replies: Reply, **parameters: PathParameter) -> Serve:
    return routes.serve(
        Operation(
            method="GET",
            path=path,
            summary=summary,
            roles=NO_KEY,
            query=AnyQuery,
            body=NoBody(),
            replies=replies,
            problems=(NotFound,) if parameters else (),
            path_parameters=parameters,
        )
    )


def _either(model: type[BaseModel], description: str) -> Reply:
    return Reply(model=model, media_types=("text/html",), description=description)


@_page("/", "Where to go from here", _either(Welcome, "Links, for people or for programs."))
def welcome(services: Services, call: Call[AnyQuery, None]) -> Response:
    """HTML for a browser, JSON for everyone else."""
    found = Welcome()
    return _negotiated(
        found,
        "Vitrine",
        f"<p>Visual search for this shop, version {__version__}.</p><ul>"
        f'<li><a href="{found.docs}">The calls of the api</a>, to read and to try</li>'
        f'<li><a href="{found.openapi}">The same as an OpenAPI document</a></li>'
        f'<li><a href="{found.ready}">Is everything running?</a></li>'
        f'<li><a href="{found.problems}">What each error means</a></li></ul>',
    )


@_page(
    "/openapi.json",
    "This document",
    Reply(media_types=("application/json",), description="OpenAPI 3.1."),
)
def openapi_document(services: Services, call: Call[AnyQuery, None]) -> Response:
    """What a generator of clients reads."""
    document: bytes = current_app.extensions[DOCUMENT]
    return Response(document, content_type="application/json")


@_page("/docs", "These pages", Reply(media_types=("text/html",), description="Swagger UI."))
def docs(services: Services, call: Call[AnyQuery, None]) -> Response:
    """They load nothing from anywhere else."""
    page = (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>Vitrine: the api</title>'
        '<meta name="viewport" content="width=device-width">'
        '<link rel="icon" href="/docs/favicon-32x32.png">'
        '<link rel="stylesheet" href="/docs/swagger-ui.css"><div id="ui"></div>'
        '<script src="/docs/swagger-ui-bundle.js"></script><script src="/docs/start.js"></script>'
    )
    response = Response(page, content_type="text/html; charset=utf-8")
    response.headers["Content-Security-Policy"] = _POLICY
    return response


@_page(
    "/docs/{file}",
    "A file of these pages",
    Reply(media_types=("text/javascript", "text/css", "image/png"), description="The file."),
    file=PathParameter(
        description="Name of the file.", pattern=r"^[a-z0-9.-]+$", example="swagger-ui.css"
    ),
)
def docs_file(services: Services, call: Call[AnyQuery, None]) -> Response:
    """Swagger UI, as its package holds it."""
    name = call.path["file"]
    if name == "start.js":
        return Response(_START, content_type="text/javascript; charset=utf-8")
    if name not in _SWAGGER:
        raise NotFound("The pages have no such file.")
    data = (files("flask_swagger_ui") / "dist" / name).read_bytes()
    response = Response(data, content_type=_SWAGGER[name])
    response.headers["Cache-Control"] = "public, max-age=3600"
    return response


@_page("/problems", "What each problem means", _either(ProblemTypes, "All of them."))
def problem_types(services: Services, call: Call[AnyQuery, None]) -> Response:
    """HTML for a browser, JSON for everyone else."""
    rows = "".join(
        f'<li><a href="{one.type}">{html.escape(slug)}</a> ({one.status}): '
        f"{html.escape(one.title)}</li>"
        for slug, one in PROBLEM_TYPES.items()
    )
    return _negotiated(
        ProblemTypes(problems=list(PROBLEM_TYPES.values())), "Problems", f"<ul>{rows}</ul>"
    )


@_page(
    "/problems/{slug}",
    "What a problem means",
    _either(ProblemType, "The problem and what to do about it."),
    slug=PathParameter(
        description="Last part of the problem's `type`.", pattern="^[a-z-]+$", example="not-found"
    ),
)
def problem_type(services: Services, call: Call[AnyQuery, None]) -> Response:
    """Where the `type` of a problem document leads to."""
    found = PROBLEM_TYPES.get(call.path["slug"])
    if found is None:
        raise NotFound("There is no such kind of problem; /problems lists them.")
    return _negotiated(
        found,
        f"{found.title} ({found.status})",
        f'<p>{html.escape(found.advice)}</p><p><a href="/problems">All problems</a></p>',
    )


def _negotiated(model: BaseModel, title: str, content: str) -> Response:
    wanted = request.accept_mimetypes.best_match(["application/json", "text/html"])
    if wanted != "text/html":
        response = json_response(model)
    else:
        response = Response(
            f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{html.escape(title)}'
            f"</title><style>{_STYLE}</style><h1>{html.escape(title)}</h1>{content}",
            content_type="text/html; charset=utf-8",
        )
    response.headers["Vary"] = "Accept"
    return response
