"""Reports equal what a loop over the raw rows counts, in JSON as in CSV."""

import csv
import io
import json
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, get_args
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import insert

from tests.integration.ad_history import BEGIN, History, add_campaign, rows
from vitrine.ads import figures
from vitrine.ads.models import (
    AdEvent,
    AdSlot,
    Advertiser,
    Attribution,
    Conversion,
    Creative,
    LedgerEntry,
)
from vitrine.ads.report_csv import as_csv
from vitrine.ads.reports import ReportRequest, ReportTerms, read_report
from vitrine.api.app import create_app
from vitrine.assembly import Platform
from vitrine.catalog.keys import create_key
from vitrine.db import Sessions, make_engine, make_sessions
from vitrine.decisions.models import Login
from vitrine.decisions.retention import Kept
from vitrine.errors import Invalid, NotFound
from vitrine.wire.ad_reports import CampaignReport, ReportBy, ReportRow

ZONE = "Europe/Berlin"
GROUPINGS = get_args(ReportBy)
TERMS = ReportTerms(currency="EUR", kept=Kept(event_days=395, decision_days=90))
Row = dict[str, Any]


@pytest.fixture
def sessions(database_url: str) -> Iterator[Sessions]:
    engine = make_engine(database_url)
    yield make_sessions(engine)
    engine.dispose()


def report(sessions: Sessions, by: ReportBy = "campaign", **asked: Any) -> CampaignReport:
    return read_report(sessions, "asked", ReportRequest(by=by, **asked), TERMS, now=BEGIN)


class Recount:
    """The naive way: every row is looked at in turn."""

    def __init__(self, sessions: Sessions, history: History) -> None:
        self.campaign = history.campaigns[0]
        self.tables = {
            table: rows(sessions, table)
            for table in (AdSlot, AdEvent, LedgerEntry, Attribution, Conversion, Login, Creative)
        }
        self.slugs = {one["id"]: one["slug"] for one in self.tables[Creative]}
        self.users = {one["anonymous_id"]: one["user_id"] for one in self.tables[Login]}
        self.sold = {one["id"]: one for one in self.tables[Conversion]}

    def key(self, one: Row, by: str) -> str:
        local = one["at"].astimezone(ZoneInfo(ZONE))
        return {
            "campaign": "asked",
            "creative": self.slugs[one["creative_id"]],
            "placement": one["placement"],
            "day": local.date().isoformat(),
            "hour": local.replace(minute=0, second=0, microsecond=0).isoformat(),
        }[by]

    def groups(
        self, by: str, attribution: str, begin: datetime | None, end: datetime | None
    ) -> dict[str, dict[type[Any], list[Row]]]:
        found: dict[str, dict[type[Any], list[Row]]] = defaultdict(lambda: defaultdict(list))
        for table in (AdSlot, AdEvent, LedgerEntry, Attribution):
            for one in self.tables[table]:
                if one["campaign_id"] != self.campaign:
                    continue
                if (begin and one["at"] < begin) or (end and one["at"] >= end):
                    continue
                if table is Attribution:
                    sold = self.sold[one["conversion_id"]]
                    if sold["invalid"] or not one[attribution]:
                        continue
                    one["part"] = Decimal(str(one[attribution]))
                    one["worth"] = (one["part"] * sold["value_micros"]).quantize(
                        Decimal(1), "ROUND_HALF_UP"
                    )
                found[self.key(one, by)][table].append(one)
        return found

    def figures(self, group: dict[type[Any], list[Row]]) -> Row:
        valid = [one for one in group[AdEvent] if one["invalid"] is None]
        kinds = {kind: [one for one in valid if one["kind"] == kind] for kind in KINDS}
        impressions, clicks = len(kinds["impression"]), len(kinds["click"])
        people = [one["person_id"] for one in kinds["impression"] if one["person_id"]]
        reach = len({self.users.get(person, person) for person in people})
        charged = sum(one["amount_micros"] for one in group[LedgerEntry] if not one["refunds"])
        refunded = -sum(one["amount_micros"] for one in group[LedgerEntry] if one["refunds"])
        spend = charged - refunded
        conversions = sum(one["part"] for one in group[Attribution])
        views = sum(one["part"] for one in group[Attribution] if one["touch"] == "view")
        value = sum(one["worth"] for one in group[Attribution])
        return {
            "served": len(group[AdSlot]),
            "impressions": impressions,
            "viewable": len(kinds["viewable"]),
            "viewability": ratio(len(kinds["viewable"]), impressions),
            "clicks": clicks,
            "ctr": ratio(clicks, impressions),
            "conversions": pytest.approx(float(conversions)),
            "view_conversions": pytest.approx(float(views)),
            "cvr": ratio(conversions - views, clicks),
            "value_micros": value,
            "charged_micros": charged,
            "refunded_micros": refunded,
            "spend_micros": spend,
            "ecpm_micros": ratio(spend * 1000, impressions, 1),
            "cpc_micros": ratio(spend, clicks, 1),
            "cost_per_conversion_micros": ratio(spend, conversions, 1),
            "roas": ratio(value, max(spend, 0)),
            "reach": reach,
            "frequency": ratio(len(people), reach),
            "invalid_by_reason": reasons(group, "invalid", group[AdEvent]),
            "unbilled_by_reason": reasons(group, "unbilled", valid),
        }


KINDS = ("impression", "viewable", "click")


def ratio(one: Any, other: Any, tolerance: float = 1e-9) -> Any:
    return pytest.approx(float(one) / float(other), abs=tolerance) if other else None


def reasons(group: Any, name: str, events: list[Row]) -> dict[str, int]:
    found: dict[str, int] = defaultdict(int)
    for one in events:
        if one[name] is not None:
            found[one[name]] += 1
    return dict(found)


def shown(row: ReportRow) -> Row:
    """A row with each ratio as its number, once its interval holds it."""
    said = {}
    for name, value in row.model_dump().items():
        if isinstance(value, dict) and set(value) == {"value", "low", "high"}:
            if value["low"] is not None:
                assert value["low"] <= value["value"] <= value["high"], name
            said[name] = value["value"]
        else:
            said[name] = value
    assert said.pop("invalid_events") == sum(said["invalid_by_reason"].values())
    assert said.pop("unbilled_events") == sum(said["unbilled_by_reason"].values())
    said.pop("key")
    return said


@pytest.mark.parametrize(("seed", "attribution"), [(1, "last_touch"), (2, "position_based")])
def test_every_figure_equals_a_recount(sessions: Sessions, seed: int, attribution: Any) -> None:
    recount = Recount(sessions, History(sessions, seed=seed, slots=250, zone=ZONE))
    for by in GROUPINGS:
        for begin, end in ((None, None), (date(2026, 10, 25), date(2026, 10, 26))):
            day = [datetime(2026, 10, 24, 22, tzinfo=UTC), datetime(2026, 10, 25, 23, tzinfo=UTC)]
            span = day if begin else [None, None]
            naive = recount.groups(by, attribution, *span)
            found = report(sessions, by, attribution=attribution, begin=begin, end=end)
            assert {row.key for row in found.rows} == set(naive)
            for row in found.rows:
                assert shown(row) == recount.figures(naive[row.key]), (by, row.key)
            everything = recount.groups("campaign", attribution, *span)["asked"]
            assert shown(found.totals) == recount.figures(everything)
            for name in ("served", "impressions", "clicks", "value_micros", "spend_micros"):
                assert sum(getattr(row, name) for row in found.rows) == getattr(found.totals, name)
            assert (found.from_, found.to) == tuple(span)


def test_an_hour_that_comes_twice_is_two_rows(sessions: Sessions) -> None:
    History(sessions, seed=3, slots=200, zone=ZONE)
    found = report(sessions, "hour", begin=date(2026, 10, 25), end=date(2026, 10, 26))
    hours = [row.key for row in found.rows]
    assert len(hours) == 25
    assert hours[2:4] == ["2026-10-25T02:00:00+02:00", "2026-10-25T02:00:00+01:00"]


def test_a_half_hour_zone_has_its_own_days_and_hours(sessions: Sessions) -> None:
    recount = Recount(sessions, History(sessions, seed=4, slots=50, zone="Asia/Kathmandu"))
    found = report(sessions, "hour")
    assert {row.key[-9:] for row in found.rows} == {":00+05:45"}
    assert sum(row.clicks for row in found.rows) == found.totals.clicks
    assert shown(found.totals) == recount.figures(
        recount.groups("campaign", "last_touch", None, None)["asked"]
    )


def test_pages_follow_each_other(sessions: Sessions) -> None:
    History(sessions, seed=5, slots=40, zone=ZONE)
    whole = report(sessions, "hour")
    assert len(whole.rows) > 25
    cursor, pages = None, []
    while True:
        page = report(sessions, "hour", limit=20, cursor=cursor)
        assert page.totals == whole.totals
        pages.append(page.rows)
        if (cursor := page.next_cursor) is None:
            break
    assert [row for page in pages for row in page] == whole.rows
    assert len(pages[0]) == 20
    with pytest.raises(Invalid, match="not made by this api"):
        report(sessions, cursor="'; drop")
    with pytest.raises(Invalid, match="later than `from`"):
        report(sessions, begin=date(2026, 10, 2), end=BEGIN - timedelta(days=90))
    with pytest.raises(NotFound):
        read_report(sessions, "nobody", ReportRequest(), TERMS, now=BEGIN)


def test_a_campaign_without_anything_has_one_empty_row(sessions: Sessions) -> None:
    with sessions.begin() as session:
        session.execute(insert(Advertiser).values(id="acme", name="Acme"))
        add_campaign(session, "asked")
    (row,) = report(sessions).rows
    assert (row.key, row.served, row.spend_micros, row.ctr.value) == ("asked", 0, 0, None)
    assert report(sessions, "hour").rows == report(sessions, "creative").rows == []


def test_what_is_not_kept_any_more_is_told(sessions: Sessions) -> None:
    with sessions.begin() as session:
        session.execute(insert(Advertiser).values(id="acme", name="Acme"))
        add_campaign(session, "asked")
    began = datetime(2026, 10, 1, tzinfo=UTC)
    hour, day = timedelta(hours=1), timedelta(days=1)

    def since(now: datetime, **asked: Any) -> tuple[datetime | None, datetime | None]:
        request = ReportRequest(**asked)
        found = read_report(sessions, "asked", request, TERMS, now=now)
        return found.served_since, found.events_since

    assert since(began + 90 * day) == (None, None)
    later = began + 396 * day
    assert since(began + 91 * day) == (began + day - hour, None)
    assert since(later) == (later - 90 * day - hour, later - 395 * day - hour)
    assert since(later, begin=later - 91 * day) == (later - 90 * day - hour, None)
    assert since(later, begin=later - 90 * day) == (None, None)


def test_csv_says_what_json_says(platform: Platform) -> None:
    History(platform.sessions, seed=6, slots=100, zone=ZONE)
    api = create_app(platform).test_client()
    with platform.sessions.begin() as session:
        keys = {role: create_key(session, role)[1] for role in ("ads", "storefront")}

    def get(query: str, role: str = "ads") -> Any:
        headers = {"Authorization": f"Bearer {keys[role]}"}
        return api.get(f"/v1/campaigns/asked/report?{query}", headers=headers)

    query = "by=creative&from=2026-10-25T00:00:00%2B02:00&to=2026-10-27&attribution=position_based"
    answer = get(query).json
    assert answer["from"] == "2026-10-24T22:00:00Z"
    assert len(answer["rows"]) == 3
    exported = get(f"{query}&format=csv")
    assert exported.mimetype == "text/csv"
    assert 'filename="asked-by-creative.csv"' in exported.headers["Content-Disposition"]
    lines = list(csv.DictReader(io.StringIO(exported.text)))
    assert [flattened(row) for row in answer["rows"]] == [
        {name: read(cell) for name, cell in line.items()} for line in lines
    ]
    assert get(query, "storefront").status_code == 403
    assert get("from=0001-01-01&to=9999-12-31").json["totals"] == get("").json["totals"]
    assert get("by=day&from=9999-12-31").json["rows"] == []
    for wrong in (
        "from=0",
        "from=2026-02-30",
        "to=2026-10-25T00:00:00",
        "from=0001-01-01T00:00:00%2B01:00",
        "by=x",
    ):
        refused = get(wrong)
        assert refused.status_code == 422, wrong
    assert api.get("/v1/campaigns/nobody/report", headers={}).status_code == 401


def flattened(row: Row) -> Row:
    cells: Row = {}
    for name, value in row.items():
        if isinstance(value, dict) and "value" in value:
            bounds = {f"{name}_{bound}": value[bound] for bound in ("low", "high")}
            cells |= {name: value["value"], **bounds}
        else:
            cells[name] = value
    return cells


def read(cell: str) -> Any:
    if not cell:
        return None
    try:
        return json.loads(cell)
    except ValueError:
        return cell


def test_no_cell_is_a_formula() -> None:
    (_, line) = csv.reader(io.StringIO(as_csv([figures.row("=1+1", figures.Counts())])))
    assert line[0] == "'=1+1"
