"""Reports of campaigns."""

import datetime as dt
import re
from typing import Annotated, Literal

from flask import Response
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.json_schema import SkipJsonSchema
from pydantic_core import PydanticCustomError

from vitrine.ads.report_csv import as_csv
from vitrine.ads.reports import ReportRequest, ReportTerms, read_report
from vitrine.api.auth import ADVERTISING
from vitrine.api.bodies import NoBody
from vitrine.api.campaigns import CAMPAIGN
from vitrine.api.operations import Call, Operation, Reply, Routes
from vitrine.api.services import Services
from vitrine.decisions.retention import Kept
from vitrine.errors import NotFound
from vitrine.wire.ad_reports import AttributionModel, CampaignReport, ReportBy
from vitrine.wire.base import without_null_defaults

routes = Routes("Ads")

MAX_ROWS = 10_000


def _moment(written: str) -> dt.date | dt.datetime:
    try:
        if re.fullmatch(r"\d{4}-\d\d-\d\d", written, re.ASCII):
            return dt.date.fromisoformat(written)
        if re.match(r"\d{4}-\d\d-\d\dT", written, re.ASCII):
            time = dt.datetime.fromisoformat(written)
            if time.utcoffset() is not None:
                return time.astimezone(dt.UTC)
    except (ValueError, OverflowError):
        pass
    raise PydanticCustomError(
        "moment", "must be a day, such as 2026-11-23, or a time, such as 2026-11-23T10:00:00Z"
    )


Moment = Annotated[dt.date | dt.datetime, BeforeValidator(_moment)]


class ReportQuery(BaseModel):
    """What to count, and how to show it."""

    model_config = ConfigDict(extra="forbid", json_schema_extra=without_null_defaults)

    by: Annotated[ReportBy, Field(description="A row for each.")] = "campaign"
    from_: Moment | SkipJsonSchema[None] = Field(
        None, alias="from", description="A day by the campaign's clock, or a time; inclusive."
    )
    to: Moment | SkipJsonSchema[None] = Field(
        None, description="The first day, or time, that does not count."
    )
    attribution: AttributionModel | SkipJsonSchema[None] = Field(
        None, description="What ads a conversion is of; by default as the shop bills."
    )
    format: Annotated[
        Literal["json", "csv"], Field(description="csv: for a spreadsheet, one page of it.")
    ] = "json"
    limit: Annotated[int, Field(ge=1, le=MAX_ROWS, description="Most rows wanted.")] = 1000
    cursor: Annotated[
        str, Field(max_length=100, description="`next_cursor` of the page before.")
    ] = ""


@routes.serve(
    Operation(
        method="GET",
        path="/v1/campaigns/{campaign}/report",
        summary="Report what became of a campaign",
        roles=ADVERTISING,
        query=ReportQuery,
        body=NoBody(),
        replies=(
            Reply(
                model=CampaignReport,
                media_types=("text/csv",),
                description="Figures with intervals, in the order of their keys.",
            ),
        ),
        problems=(NotFound,),
        path_parameters=CAMPAIGN,
    )
)
def report_campaign(services: Services, call: Call[ReportQuery, None]) -> CampaignReport | Response:
    """Counted anew from every event, charge and conversion; money is in micros."""
    query = call.query
    request = ReportRequest(
        by=query.by,
        attribution=query.attribution or services.settings.ad_attribution,
        begin=query.from_,
        end=query.to,
        limit=query.limit,
        cursor=query.cursor or None,
    )
    campaign = call.path["campaign"]
    settings = services.settings
    terms = ReportTerms(
        currency=settings.currency,
        kept=Kept(event_days=settings.event_days, decision_days=settings.decision_days),
    )
    found = read_report(services.sessions, campaign, request, terms, now=services.clock())
    if query.format == "json":
        return found
    response = Response(as_csv(found.rows), content_type="text/csv; charset=utf-8")
    name = f"{campaign}-by-{query.by}.csv"
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response
