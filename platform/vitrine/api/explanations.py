"""Explanations: which parts of a photo matched which parts of a product's picture."""

import numpy as np
from flask import Response
from numpy.typing import NDArray

from vitrine.api.auth import STOREFRONTS
from vitrine.api.bodies import NoBody
from vitrine.api.operations import Call, NoQuery, Operation, PathParameter, Reply, Routes
from vitrine.api.products import PRODUCT_ID
from vitrine.api.services import Services
from vitrine.catalog.views import image_url
from vitrine.errors import Conflict, Invalid, NotFound
from vitrine.search.explanations import Explanation, within
from vitrine.search.heat import Box
from vitrine.search.heat_picture import in_words
from vitrine.wire import BoxOut, ExplanationOut, HeatOut, MatchedParts, ResultImage

routes = Routes("Explanations")

_PARAMETERS = {
    "search_id": PathParameter(
        description="Id of a search of the last 15 minutes, made with the same key.",
        pattern="^[A-Za-z0-9_-]{22}$",
        example="x4nL0mJxq3Zr2q0bK9sVtw",
    ),
    "product": PRODUCT_ID["id"],
}
_DIGITS = 5


@routes.serve(
    Operation(
        method="GET",
        path="/v1/search/{search_id}/explanations/{product}",
        summary="Tell which parts of a photo matched a product",
        roles=STOREFRONTS,
        query=NoQuery,
        body=NoBody(),
        replies=(Reply(model=ExplanationOut, description="In numbers and in words."),),
        problems=(NotFound, Conflict, Invalid),
        path_parameters=_PARAMETERS,
    )
)
def explain(services: Services, call: Call[NoQuery, None]) -> ExplanationOut:
    """The cosine of the two photos, taken apart over the places of both, without a remainder.

    For searches with a photo or by a product; words or likes have no photo to compare. There are no
    `pairs` up to a cosine of 0.05: the two are hardly alike.
    """
    search_id, product_id = call.path["search_id"], call.path["product"]
    found = services.explanations.explain(search_id, product_id, key_id=call.caller.key_id)
    return ExplanationOut(
        search_id=search_id,
        product_id=product_id,
        image=ResultImage(id=found.cid, url=image_url(found.cid)),
        cosine=round(found.match.cosine, _DIGITS),
        query=_heat(found.match.query_heat, found.query_seen),
        product=_heat(found.match.product_heat, found.product_seen),
        pairs=_pairs(found),
        picture=f"/v1/search/{search_id}/explanations/{product_id}/picture",
        model=found.model,
    )


@routes.serve(
    Operation(
        method="GET",
        path="/v1/search/{search_id}/explanations/{product}/picture",
        summary="Show which parts of a photo matched a product",
        roles=STOREFRONTS,
        query=NoQuery,
        body=NoBody(),
        replies=(Reply(media_types=("image/png",), description="Both photos, side by side."),),
        problems=(NotFound, Conflict, Invalid),
        path_parameters=_PARAMETERS,
    )
)
def draw_explanation(services: Services, call: Call[NoQuery, None]) -> Response:
    """The warmer a place, the more of the similarity is there; numbers mark what matches what.

    The query photo is shown if it came by an upload that is still kept, else only its warmth.
    """
    found = services.explanations.picture(
        call.path["search_id"], call.path["product"], key_id=call.caller.key_id
    )
    return Response(found, content_type="image/png")


def _heat(heat: NDArray[np.floating], seen: Box) -> HeatOut:
    rows = [[round(float(share), _DIGITS) for share in row] for row in heat]
    return HeatOut(box=_box(seen), rows=rows)


def _pairs(found: Explanation) -> list[MatchedParts]:
    return [
        MatchedParts(
            query=_box(within(found.query_seen, pair.query)),
            product=_box(within(found.product_seen, pair.product)),
            share=round(pair.share, _DIGITS),
            words=in_words(pair.query, pair.product, pair.share / found.match.cosine),
        )
        for pair in found.match.pairs
    ]


def _box(box: Box) -> BoxOut:
    x, y, width, height = (round(number, _DIGITS) for number in box)
    return BoxOut(x=x, y=y, width=width, height=height)
