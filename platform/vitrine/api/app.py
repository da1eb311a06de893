"""The Flask app: every route, behind one frame."""

import json
from itertools import chain

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

from vitrine.api import (
    ad_conversions,
    ad_events,
    ad_reports,
    ads,
    advertisers,
    campaigns,
    cors,
    creatives,
    dispatch,
    events,
    explanations,
    health,
    jobs,
    ledger,
    limits,
    media,
    observe,
    openapi,
    pages,
    problems,
    products,
    profiles,
    recommendations,
    search,
    suggest,
    uploads,
    users,
)
from vitrine.api.auth import Authenticator
from vitrine.api.operations import Route
from vitrine.api.services import build_services
from vitrine.assembly import Platform

RESOURCES = (
    search.routes,
    suggest.routes,
    uploads.routes,
    explanations.routes,
    events.routes,
    users.routes,
    profiles.routes,
    recommendations.routes,
    advertisers.routes,
    campaigns.routes,
    creatives.routes,
    ad_reports.routes,
    ad_events.routes,
    ad_conversions.routes,
    ledger.routes,
    ads.routes,
    products.routes,
    jobs.routes,
    media.routes,
    health.routes,
    pages.routes,
)


class App(Flask):
    request_class = dispatch.StrictRequest


PREPARE = "prepare"


def all_routes() -> list[Route]:
    """Every call of the api, in the order of its documentation."""
    return list(chain.from_iterable(RESOURCES))


def create_app(platform: Platform) -> Flask:
    """Build the api over a platform; connects to nothing.

    A process that serves it calls `extensions[PREPARE]` once, to begin reading what takes long.
    """
    app = App("vitrine.api", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = platform.settings.max_request_bytes
    app.config["PROVIDE_AUTOMATIC_OPTIONS"] = False
    app.url_map.merge_slashes = False  # one address for each thing, and no redirects
    services = build_services(platform)
    routes = all_routes()
    authenticator = Authenticator(platform.sessions, services.limits)
    templates = dispatch.install(app, routes, services, authenticator)
    problems.install(app)
    # What is installed first runs last after a request, and first before one.
    observe.install(app, services.metrics, templates)
    limits.install(app)
    cors.install(app, routes, cors.Origins(platform.sessions))
    proxies = platform.settings.trusted_proxies
    if proxies:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=proxies, x_proto=proxies)  # type: ignore[method-assign]
    document = openapi.build(routes, platform.settings)
    app.extensions[pages.DOCUMENT] = json.dumps(document).encode()
    app.extensions[PREPARE] = services.matcher.prepare
    return app
