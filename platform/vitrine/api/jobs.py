"""Jobs: what a seller's request set in motion."""

from vitrine.api.auth import SELLERS
from vitrine.api.bodies import NoBody
from vitrine.api.operations import Call, NoQuery, Operation, PathParameter, Reply, Routes
from vitrine.api.services import Services
from vitrine.errors import NotFound
from vitrine.wire import JobOut

routes = Routes("Jobs")


@routes.serve(
    Operation(
        method="GET",
        path="/v1/jobs/{id}",
        summary="Read where a job stands",
        roles=SELLERS,
        query=NoQuery,
        body=NoBody(),
        replies=(Reply(model=JobOut, description="With the state of each picture."),),
        problems=(NotFound,),
        path_parameters={
            "id": PathParameter(
                description="Id of the job.",
                pattern="^[0-9a-fA-F-]{32,36}$",
                example="0e6f3a5e-4c5d-4a52-9d0d-6f6f5ad0a6c1",
            )
        },
    )
)
def get_job(services: Services, call: Call[NoQuery, None]) -> JobOut:
    """A job that is done may hold pictures that failed; `errors` says why.

    A seller sees only their own jobs.
    """
    return services.catalog.job(call.path["id"], seller=call.caller.seller)
