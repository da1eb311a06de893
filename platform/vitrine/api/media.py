"""Pictures of the catalogue and of ads, for everyone."""

from typing import Annotated

from flask import Response, request
from pydantic import BaseModel, Field

from vitrine.api.auth import NO_KEY
from vitrine.api.bodies import NoBody
from vitrine.api.operations import Call, Operation, PathParameter, Reply, Routes
from vitrine.api.renditions import LADDER, rung
from vitrine.api.services import Services
from vitrine.errors import NotFound
from vitrine.media.cid import is_content_id

routes = Routes("Media")


class MediaQuery(BaseModel):
    """The size; other parameters are ignored, as caches in front may add some."""

    w: Annotated[
        int,
        Field(
            ge=1,
            le=100_000,
            description="Wanted width in pixels. The next of "
            f"{', '.join(map(str, LADDER))} is served, and no picture is enlarged.",
        ),
    ] = LADDER[-1]


@routes.serve(
    Operation(
        method="GET",
        path="/media/{cid}",
        summary="Fetch a picture",
        roles=NO_KEY,
        query=MediaQuery,
        body=NoBody(),
        replies=(
            Reply(media_types=("image/jpeg",), description="A JPEG without any metadata."),
            Reply(status=304, description="The picture that the caller has is still right."),
        ),
        problems=(NotFound,),
        path_parameters={
            "cid": PathParameter(
                description="Content id, as products and creatives name it.",
                pattern="^b[a-z2-7]{58}$",
                example="bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy",
            )
        },
    )
)
def get_media(services: Services, call: Call[MediaQuery, None]) -> Response:
    """Only pictures that a product or an ad shows.

    The answer never changes and may be kept for ever.
    """
    cid = call.path["cid"]
    if not is_content_id(cid) or not _is_shown(services, cid):
        raise NotFound("No product and no ad shows such a picture.")
    width = rung(call.query.w)
    etag = f"{cid[-24:]}-{width}"
    response = Response(content_type="image/jpeg")
    if request.if_none_match.contains(etag):
        response.status_code = 304
    else:
        response.set_data(services.renditions.get(cid, width))
    response.set_etag(etag)
    response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
    # Shops show these pictures on pages of their own.
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    response.headers["Access-Control-Allow-Origin"] = "*"  # and draw on them
    return response


def _is_shown(services: Services, cid: str) -> bool:
    return services.catalog.picture_in_use(cid) or services.creatives.shows(cid)
