"""What is kept of one person: handed over, and erased."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from vitrine.api.auth import ADMIN
from vitrine.api.bodies import NoBody
from vitrine.api.operations import Call, NoQuery, Operation, Reply, Routes
from vitrine.api.recommendations import USER
from vitrine.api.services import Services
from vitrine.errors import NotFound
from vitrine.recommend.erasure import erase
from vitrine.recommend.export import export
from vitrine.wire.users import MAX_EXPORT_PAGE, UserErased, UserExport

routes = Routes("Users")

_ADMINS = frozenset({ADMIN})


class ExportQuery(BaseModel):
    """Which page."""

    model_config = ConfigDict(extra="forbid")

    cursor: Annotated[
        str, Field(max_length=300, description="`next_cursor` of the page before.")
    ] = ""
    limit: Annotated[
        int, Field(ge=1, le=MAX_EXPORT_PAGE, description="Most events and decisions of a page.")
    ] = 200


@routes.serve(
    Operation(
        method="GET",
        path="/v1/users/{user}/export",
        summary="Hand over all that is kept of a person",
        roles=_ADMINS,
        query=ExportQuery,
        body=NoBody(),
        replies=(Reply(model=UserExport, description="One page of it."),),
        problems=(NotFound,),
        path_parameters=USER,
        fresh=True,
    )
)
def export_user(services: Services, call: Call[ExportQuery, None]) -> UserExport:
    """Events first, then what was shown; go on with `next_cursor` until there is none.

    The id of a browser that logged in stands for its user.
    """
    query = call.query
    return export(services.sessions, call.path["user"], cursor=query.cursor, limit=query.limit)


@routes.serve(
    Operation(
        method="DELETE",
        path="/v1/users/{user}",
        summary="Erase a person",
        roles=_ADMINS,
        query=NoQuery,
        body=NoBody(),
        replies=(Reply(model=UserErased, description="What was erased."),),
        problems=(NotFound,),
        path_parameters=USER,
    )
)
def erase_user(services: Services, call: Call[NoQuery, None]) -> UserErased:
    """Events, logins, what was shown and the reactions to it, the profile, and the name.

    At once and for good. The id of a browser that logged in stands for its user.
    """
    return erase(services.sessions, call.path["user"])
