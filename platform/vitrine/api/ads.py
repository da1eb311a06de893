"""Ads: the auction, and why it went as it did."""

from flask import Response

from vitrine.api.auth import ADVERTISING
from vitrine.api.bodies import NoBody, Upload, UploadBody
from vitrine.api.dispatch import json_response
from vitrine.api.operations import Call, NoQuery, Operation, PathParameter, Reply, Routes
from vitrine.api.photos import base64_room, read_base64
from vitrine.api.services import Services
from vitrine.errors import Conflict, ImageRejected, Invalid, NotFound
from vitrine.wire.ads import DecisionOut, MatchBody, MatchQuery, MatchResponse

routes = Routes("Ads")

_EXAMPLE = {"user_id": "u-1042", "placement": "search-top", "slots": 2, "text": "blue mug"}
_DECISION = {
    "decision": PathParameter(
        description="The `decision_id` of a match.",
        pattern=r"^[A-Za-z0-9_-]{22}$",
        example="x4nL0mJxq3Zr2q0bK9sVtw",
    )
}


@routes.serve(
    Operation(
        method="POST",
        path="/v1/ads/match",
        summary="Fill slots with the ads that suit this shopper, on this page, now",
        roles=ADVERTISING,
        query=NoQuery,
        body=UploadBody(
            part="query",
            part_model=MatchQuery,
            part_required=False,
            files="image",
            most_files=lambda settings: 1,
            json=MatchBody,
            json_room=base64_room,
            example=_EXAMPLE,
            json_example=_EXAMPLE,
        ),
        replies=(Reply(model=MatchResponse, description="Best first."),),
        problems=(ImageRejected, NotFound, Conflict),
    )
)
def match_ads(services: Services, call: Call[NoQuery, Upload[MatchQuery]]) -> Response:
    """By any of: who looks, the page's product or category, a photo, words, a search.

    An auction among those that are relevant enough decides; what the winners are expected to cost
    is reserved. Each ad comes with a token and with the addresses that count what comes of it.
    """
    query = call.body.model
    photos = tuple(call.body.files or ())
    encoded = query.image_base64 if isinstance(query, MatchBody) else None
    if encoded is not None:
        photos = (read_base64(encoded, "/image_base64", services.settings),)
    if photos and query.upload_id is not None:
        raise Invalid("Send a photo or an `upload_id`, not both.")
    found = services.matcher.match(query, key_id=call.caller.key_id, photos=photos)
    response = json_response(found)
    response.headers["Cache-Control"] = "private, no-store"
    return response


@routes.serve(
    Operation(
        method="GET",
        path="/v1/ads/decisions/{decision}",
        summary="Explain an auction",
        roles=ADVERTISING,
        query=NoQuery,
        body=NoBody(),
        replies=(Reply(model=DecisionOut, description="Who took part, who did not, and prices."),),
        problems=(NotFound,),
        path_parameters=_DECISION,
    )
)
def ad_decision(services: Services, call: Call[NoQuery, None]) -> DecisionOut:
    """Who took part, who was filtered by what, what each was worth, prices, and what came of it."""
    return services.explainer(call.path["decision"])
