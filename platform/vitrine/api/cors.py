"""Which pages may use the api from a browser: those of the origins that a storefront key names.

A key without origins is for servers, and nothing here concerns it. A key with origins is used from
pages of these, and from servers, which send no `Origin`; from other pages it is refused. A call
that needs no key and says so (`any_page`) is for the pages of all.
"""

import threading
import time
from collections import defaultdict
from collections.abc import Iterable

from flask import Flask, Response, current_app, g, request
from sqlalchemy.exc import SQLAlchemyError

from vitrine.api.auth import REMEMBER_SECONDS, STOREFRONT, Caller
from vitrine.api.operations import Route
from vitrine.catalog.keys import ANY_ORIGIN, origins_in_force
from vitrine.db import Sessions
from vitrine.errors import Forbidden, VitrineError

_MAX_AGE_SECONDS = 600
_REQUEST_HEADERS = "Authorization, Content-Type, If-None-Match, X-Request-ID"
_SHOWN_HEADERS = "X-Request-ID, Retry-After, RateLimit, RateLimit-Policy, ETag"


class Origins:
    """The origins of all keys in force, remembered for as long as a key is."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions
        self._lock = threading.Lock()
        self._known: frozenset[str] = frozenset()
        self._until = 0.0

    def allow(self, origin: str) -> bool:
        """Whether a key in force names this origin. Raises SQLAlchemyError."""
        if time.monotonic() >= self._until:
            until = time.monotonic() + REMEMBER_SECONDS
            with self._sessions() as session:
                known = frozenset(origins_in_force(session))
            with self._lock:
                self._known, self._until = known, until
        return self.remembered(origin)

    def remembered(self, origin: str) -> bool:
        """The same as it was known last, without asking."""
        return origin in self._known or ANY_ORIGIN in self._known


def check(caller: Caller) -> None:
    """Raise Forbidden for a page that may not use this key."""
    origin = request.headers.get("Origin")
    if origin and caller.origins and not _own_page(origin) and not _named(origin, caller.origins):
        raise Forbidden(
            f"Pages of {origin[:200]} may not use this key; `vitrine keys origins` says which may."
        )


def install(app: Flask, routes: Iterable[Route], origins: Origins) -> None:
    """Answer preflights, and let pages read the answers that are theirs."""
    for_pages = defaultdict(set)
    for_all = set()
    for route in routes:
        rule = _rule(route.operation.path)
        if STOREFRONT in route.operation.roles or route.operation.any_page:
            for_pages[rule].add(route.operation.method)
        if route.operation.any_page:
            for_all.add(rule)

    @app.before_request
    def answer_preflight() -> Response | None:
        origin = request.headers.get("Origin")
        if request.method != "OPTIONS" or not origin:
            return None
        wanted = request.headers.get("Access-Control-Request-Method")
        rule = _rule_at(wanted) if wanted else ""
        methods = for_pages.get(rule)
        if not methods:
            return None  # 404 or 405, as without any Origin
        if rule not in for_all and not origins.allow(origin):
            raise Forbidden("No storefront key in force names this origin.")
        response = Response(status=204)
        response.headers["Access-Control-Allow-Methods"] = ", ".join(sorted(methods))
        response.headers["Access-Control-Allow-Headers"] = _REQUEST_HEADERS
        response.headers["Access-Control-Max-Age"] = str(_MAX_AGE_SECONDS)
        if rule in for_all:
            _open_to(origin, response)
        return response

    @app.after_request
    def show(response: Response) -> Response:
        if "Access-Control-Allow-Origin" in response.headers:
            return response  # for everybody
        response.vary.add("Origin")
        origin = request.headers.get("Origin")
        if origin and request.url_rule is not None and request.url_rule.rule in for_all:
            _open_to(origin, response)
        elif origin and _readable(origin, response, origins):
            response.headers["Access-Control-Allow-Origin"] = origin
            response.headers["Access-Control-Expose-Headers"] = _SHOWN_HEADERS
        return response


def _open_to(origin: str, response: Response) -> None:
    """Let any page call: nothing here knows cookies, but a beacon always asks whether it may."""
    response.headers["Access-Control-Allow-Origin"] = origin
    response.headers["Access-Control-Allow-Credentials"] = "true"
    response.vary.add("Origin")


def _readable(origin: str, response: Response, origins: Origins) -> bool:
    caller: Caller | None = g.get("caller")
    if caller is not None:
        return _named(origin, caller.origins)
    if response.status_code < 400 and request.method != "OPTIONS":
        return False  # needs no key, and says nothing that a shop's page wants
    try:
        # While the database is away nobody waits for it twice.
        look = origins.remembered if response.status_code >= 500 else origins.allow
        return look(origin)
    except (SQLAlchemyError, VitrineError):
        return False


def _named(origin: str, origins: frozenset[str]) -> bool:
    return origin in origins or ANY_ORIGIN in origins


def _own_page(origin: str) -> bool:
    """The api's own documentation, which can try calls."""
    return origin in (f"http://{request.host}", f"https://{request.host}")


def _rule(path: str) -> str:
    return path.replace("{", "<").replace("}", ">")


def _rule_at(method: str) -> str:
    """The rule that the request's address would match with another method; "" if none."""
    adapter = current_app.create_url_adapter(request)
    if adapter is None or not adapter.test(method=method):
        return ""
    rule, _ = adapter.match(method=method, return_rule=True)
    return str(rule.rule)
