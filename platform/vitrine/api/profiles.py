"""Profiles: what the shop makes of what a person did."""

from flask import Response

from vitrine.api.auth import ADMIN
from vitrine.api.bodies import NoBody
from vitrine.api.operations import Call, NoQuery, Operation, Reply, Routes
from vitrine.api.recommendations import USER
from vitrine.api.services import Services
from vitrine.errors import NotFound
from vitrine.wire.profiles import ProfileOut

routes = Routes("Profiles")

_ADMINS = frozenset({ADMIN})


@routes.serve(
    Operation(
        method="GET",
        path="/v1/users/{user}/profile",
        summary="Tell what the shop makes of what a person did",
        roles=_ADMINS,
        query=NoQuery,
        body=NoBody(),
        replies=(Reply(model=ProfileOut, description="In words and with products."),),
        problems=(NotFound,),
        path_parameters=USER,
        fresh=True,
    )
)
def get_profile(services: Services, call: Call[NoQuery, None]) -> ProfileOut:
    """Interests and dislikes are groups of products that look alike; it counts every event so far.

    The id of a browser that logged in stands for its user.
    """
    return services.portraits.of(call.path["user"])


@routes.serve(
    Operation(
        method="GET",
        path="/v1/users/{user}/profile/picture",
        summary="Show the interests of a person",
        roles=_ADMINS,
        query=NoQuery,
        body=NoBody(),
        replies=(
            Reply(media_types=("image/png",), description="A row of products for each interest."),
        ),
        problems=(NotFound,),
        path_parameters=USER,
        fresh=True,
    )
)
def draw_profile(services: Services, call: Call[NoQuery, None]) -> Response:
    """The first product of each row stands for it; the bar says what it weighs."""
    response = Response(services.portraits.picture(call.path["user"]), content_type="image/png")
    response.headers["Cache-Control"] = "private, no-store"
    return response
