"""What an operator's machines ask: alive, ready, metrics."""

from flask import Response
from prometheus_client import CONTENT_TYPE_LATEST

from vitrine import __version__
from vitrine.api.auth import NO_KEY
from vitrine.api.bodies import NoBody
from vitrine.api.dispatch import json_response
from vitrine.api.operations import AnyQuery, Call, Operation, Reply, Routes
from vitrine.api.services import Services
from vitrine.wire import Alive, Readiness

routes = Routes("Operations")


@routes.serve(
    Operation(
        method="GET",
        path="/healthz",
        summary="Is the process alive?",
        roles=NO_KEY,
        query=AnyQuery,
        body=NoBody(),
        replies=(Reply(model=Alive, description="It is."),),
    )
)
def healthz(services: Services, call: Call[AnyQuery, None]) -> Alive:
    """Asks no dependency."""
    return Alive(version=__version__)


@routes.serve(
    Operation(
        method="GET",
        path="/readyz",
        summary="Can the platform serve?",
        roles=NO_KEY,
        query=AnyQuery,
        body=NoBody(),
        replies=(
            Reply(model=Readiness, description="It can."),
            Reply(status=503, model=Readiness, description="It cannot; each check says why."),
        ),
    )
)
def readyz(services: Services, call: Call[AnyQuery, None]) -> Response:
    """Asks every dependency, each within a bound of time."""
    found = services.readiness.look()
    return json_response(found, 200 if found.ready else 503)


@routes.serve(
    Operation(
        method="GET",
        path="/metrics",
        summary="Prometheus metrics",
        roles=NO_KEY,
        query=AnyQuery,
        body=NoBody(),
        replies=(Reply(media_types=("text/plain",), description="The exposition format."),),
    )
)
def metrics(services: Services, call: Call[AnyQuery, None]) -> Response:
    """Requests of this process, and the work that the whole shop owes."""
    return Response(services.metrics.text(), content_type=CONTENT_TYPE_LATEST)
