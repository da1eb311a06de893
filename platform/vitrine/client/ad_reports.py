"""Reports of campaigns: what was shown, what came of it, what it cost."""

from datetime import date, datetime
from typing import Any

from vitrine.client.paging import Pages
from vitrine.client.request import Message, Request, call, given
from vitrine.wire.ad_reports import AttributionModel, CampaignReport, ReportBy, ReportRow

_REPORT = "/v1/campaigns/{campaign}/report"


@call("GET", _REPORT, CampaignReport)
def campaign_report(  # noqa: PLR0913 - one parameter a field of the query
    campaign: str,
    *,
    by: ReportBy | None = None,
    begin: date | datetime | None = None,
    end: date | datetime | None = None,
    attribution: AttributionModel | None = None,
    limit: int | None = None,
    cursor: str | None = None,
) -> Message:
    """Read the figures of a campaign from `begin` to before `end`, one row a group.

    A day is one of the campaign's; a time needs its offset.
    """
    params = _params(by=by, begin=begin, end=end, attribution=attribution, limit=limit)
    return Message(path={"campaign": campaign}, params=params | given(cursor=cursor))


@call("GET", _REPORT, bytes)
def campaign_report_csv(
    campaign: str,
    *,
    by: ReportBy | None = None,
    begin: date | datetime | None = None,
    end: date | datetime | None = None,
    attribution: AttributionModel | None = None,
    limit: int = 10_000,
) -> Message:
    """The same for a spreadsheet: CSV in UTF-8, with a line of headings and no totals."""
    params = _params(by=by, begin=begin, end=end, attribution=attribution, limit=limit)
    return Message(path={"campaign": campaign}, params=params | {"format": "csv"})


def iter_campaign_report(
    campaign: str,
    *,
    by: ReportBy,
    begin: date | datetime | None = None,
    end: date | datetime | None = None,
    attribution: AttributionModel | None = None,
    page_size: int = 1000,
) -> Pages[CampaignReport, ReportRow]:
    """Read all rows of a report, page by page."""

    def page(cursor: str | None) -> Request[CampaignReport]:
        return campaign_report(
            campaign,
            by=by,
            begin=begin,
            end=end,
            attribution=attribution,
            limit=page_size,
            cursor=cursor,
        )

    return Pages(
        first=page(None),
        items=lambda found: found.rows,
        after=lambda found: page(found.next_cursor) if found.next_cursor else None,
    )


def _params(
    *, begin: date | datetime | None, end: date | datetime | None, **others: Any
) -> dict[str, Any]:
    times = {"from": begin, "to": end}
    written = {name: time.isoformat() for name, time in times.items() if time is not None}
    return written | given(**others)
