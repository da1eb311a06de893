"""Events of ads, told by the pages that show them: no key is needed, since tokens are signed."""

from base64 import b64decode
from dataclasses import replace

from flask import Response, request
from sqlalchemy.exc import SQLAlchemyError

from vitrine import logs
from vitrine.ads.models import CLICK, IMPRESSION
from vitrine.ads.traffic import Sender
from vitrine.api.auth import ADVERTISING, NO_KEY
from vitrine.api.bodies import JsonBody, NoBody
from vitrine.api.limits import address
from vitrine.api.operations import (
    AnyQuery,
    Call,
    NoQuery,
    Operation,
    PathParameter,
    Reply,
    Routes,
)
from vitrine.api.services import Services
from vitrine.errors import Invalid, NotFound, TooManyRequests, VitrineError
from vitrine.wire.ad_events import AdEventBatch, AdEventIn, AdEventsTaken

routes = Routes("Ads")

_LONGEST_TOKEN = 2000
_PIXEL = b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")
_TOKEN = {
    "token": PathParameter(
        description="The token of an ad, as its answer holds it.",
        pattern=r"^[A-Za-z0-9_.-]{1,2000}$",
        example="v1.WyJrIiwieDRuTDBtSnhxM1pyMnEwYks5c1Z0dyIsImFkIiwibXVnLTEiXQ.c2lnbmF0dXJl",
    )
}
# A page is not to break for a token that is none.
_WHATEVER = {"token": replace(_TOKEN["token"], pattern=r"^[^/]+$")}
_EXAMPLE = {
    "events": [
        {"token": "v1.WyJrIiwieDRuTDBtSnhxM1pyMnEwYks5c1Z0dyJd.c2lnbmF0dXJl", "event": "viewable"}
    ]
}
_log = logs.get(__name__)


@routes.serve(
    Operation(
        method="GET",
        path="/ads/pixel/{token}",
        summary="Count an impression",
        roles=NO_KEY,
        query=AnyQuery,
        body=NoBody(),
        replies=(Reply(media_types=("image/gif",), description="A transparent pixel, always."),),
        path_parameters=_WHATEVER,
    )
)
def count_impression(services: Services, call: Call[AnyQuery, None]) -> Response:
    """`impression_url` of an ad: to be loaded when the ad is shown.

    Whatever is wrong, the page gets its pixel.
    """
    if _is_wanted():
        try:
            services.limits.count_stranger("ad-pixel")
            _take(services, call.path["token"], IMPRESSION)
        except TooManyRequests:
            pass  # its address is being told so by the others
        except (SQLAlchemyError, VitrineError) as error:
            # Its text may quote the row.
            _log.warning("ad_event.lost", kind=IMPRESSION, reason=type(error).__name__)
    response = Response(_PIXEL, content_type="image/gif")
    response.headers["Cache-Control"] = "no-store"
    # Shops show ads on pages of their own.
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    response.headers["Access-Control-Allow-Origin"] = "*"
    return response


@routes.serve(
    Operation(
        method="GET",
        path="/ads/click/{token}",
        summary="Count a click and go where the ad leads",
        roles=NO_KEY,
        query=AnyQuery,
        body=NoBody(),
        replies=(Reply(status=302, description="To the landing URL of the creative."),),
        problems=(Invalid, NotFound, TooManyRequests),
        path_parameters=_TOKEN,
    )
)
def count_click(services: Services, call: Call[AnyQuery, None]) -> Response:
    """`click_url` of an ad: where its link leads to.

    The destination is that of the creative, and nothing in the request can change it. The same
    click again is counted once. A token that is too old still leads there, and so does a click that
    could not be taken in. What a browser fetches in advance, and HEAD, count nothing.
    """
    services.limits.count_stranger("ad-click")
    token = call.path["token"]
    if len(token) > _LONGEST_TOKEN:
        raise Invalid("This token is longer than any of this shop; quote it exactly as it came.")
    is_wanted = _is_wanted()
    destination = services.ad_events.landing(token, counted=is_wanted)
    if is_wanted:
        try:
            _take(services, token, CLICK)
        except (SQLAlchemyError, VitrineError) as error:
            # The shopper is to get where the ad leads, whoever may not be paid for it.
            _log.warning("ad_event.lost", kind=CLICK, reason=type(error).__name__)
    response = Response(status=302)
    response.headers["Location"] = destination
    response.headers["Cache-Control"] = "no-store"
    # The token is not the advertiser's to see.
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


@routes.serve(
    Operation(
        method="POST",
        path="/v1/ads/events",
        summary="Tell what became of ads",
        roles=NO_KEY,
        query=NoQuery,
        body=JsonBody(AdEventBatch, example=_EXAMPLE, also=("text/plain",)),
        replies=(Reply(status=202, model=AdEventsTaken, description="What became of them."),),
        problems=(TooManyRequests,),
        any_page=True,
    )
)
def send_ad_events(services: Services, call: Call[NoQuery, AdEventBatch]) -> AdEventsTaken:
    """Impressions, viewable impressions and clicks, by the tokens of the ads.

    For pages of any origin, and `navigator.sendBeacon`, which may send the JSON as `text/plain`.
    Each kind of event counts once for an ad, so that a batch may be sent again.
    """
    services.limits.count_stranger("ad-events")
    return services.ad_events.take(call.body.events, _sender())


@routes.serve(
    Operation(
        method="POST",
        path="/v1/ads/postbacks",
        summary="Tell what became of ads, from a server",
        roles=ADVERTISING,
        query=NoQuery,
        body=JsonBody(AdEventBatch, example=_EXAMPLE),
        replies=(Reply(status=202, model=AdEventsTaken, description="What became of them."),),
    )
)
def send_ad_postbacks(services: Services, call: Call[NoQuery, AdEventBatch]) -> AdEventsTaken:
    """As `/v1/ads/events`, of what the shop's server or app backend knows that people did.

    Nothing is concluded from its address or its `User-Agent`; what else counts for nothing still
    does. Leave out what crawlers did.
    """
    return services.ad_events.take(call.body.events, None)


def _take(services: Services, token: str, kind: str) -> None:
    if len(token) <= _LONGEST_TOKEN:
        event = AdEventIn.model_validate({"token": token, "event": kind})
        services.ad_events.take([event], _sender())


def _sender() -> Sender:
    return Sender(address=address(), agent=request.headers.get("User-Agent", ""))


def _is_wanted() -> bool:
    """Whether somebody asked for it: not a look ahead, nor a look at the headers alone."""
    purposes = (request.headers.get("Sec-Purpose", ""), request.headers.get("Purpose", ""))
    ahead = any("prefetch" in said.lower() or "preview" in said.lower() for said in purposes)
    return request.method == "GET" and not ahead
