"""The books: what a campaign paid for, and what it was given back."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field
from pydantic.json_schema import SkipJsonSchema

from vitrine.api.auth import ADVERTISING
from vitrine.api.bodies import JsonBody, NoBody
from vitrine.api.operations import Call, NoQuery, Operation, PathParameter, Reply, Routes
from vitrine.api.services import Services
from vitrine.errors import Conflict, Invalid, NotFound
from vitrine.wire.ad_events import LedgerEntryOut, LedgerPage, RefundIn
from vitrine.wire.base import without_null_defaults
from vitrine.wire.names import SLUG

routes = Routes("Ads")

MAX_ENTRIES = 1000


class LedgerQuery(BaseModel):
    """Which page."""

    model_config = ConfigDict(extra="forbid", json_schema_extra=without_null_defaults)

    cursor: (
        Annotated[str, Field(max_length=100, description="`next_cursor` of the page before.")]
        | SkipJsonSchema[None]
    ) = None
    limit: Annotated[int, Field(ge=1, le=MAX_ENTRIES, description="Most entries of a page.")] = 100


@routes.serve(
    Operation(
        method="GET",
        path="/v1/campaigns/{campaign}/ledger",
        summary="Read the ledger of a campaign",
        roles=ADVERTISING,
        query=LedgerQuery,
        body=NoBody(),
        replies=(Reply(model=LedgerPage, description="Some entries, oldest first."),),
        problems=(NotFound, Invalid),
        path_parameters={
            "campaign": PathParameter(
                description="Id of the campaign.",
                pattern=f"^{SLUG.pattern}$",
                example="spring-mugs",
            )
        },
    )
)
def read_ledger(services: Services, call: Call[LedgerQuery, None]) -> LedgerPage:
    """Every charge and refund, for ever: entries are added and never changed.

    All of them add up to `spent_micros`.
    """
    query = call.query
    return services.accounting.page(call.path["campaign"], cursor=query.cursor, limit=query.limit)


@routes.serve(
    Operation(
        method="POST",
        path="/v1/ads/refunds",
        summary="Give a charge back",
        roles=ADVERTISING,
        query=NoQuery,
        body=JsonBody(
            RefundIn,
            example={"refund_id": "case-77", "charge": 10231, "note": "Clicked by a test."},
        ),
        replies=(Reply(model=LedgerEntryOut, description="The entry of the refund."),),
        problems=(NotFound, Invalid, Conflict),
    )
)
def refund_charge(services: Services, call: Call[NoQuery, RefundIn]) -> LedgerEntryOut:
    """All of it or a part: an entry of its own beside the charge, which stays.

    The budget has it back, that of the day if the charge is of the campaign's last day. The same
    refund again is booked once.
    """
    return services.accounting.refund(call.body)
