"""The calls for reports of campaigns."""

from datetime import UTC, date, datetime
from typing import Any

from flask import request
from tests.unit.client.conftest import NOW, Shop

from vitrine.ads.figures import Counts, row


def test_reports_are_asked_for_and_read(shop: Shop, client: Any) -> None:
    got: list[Any] = []

    def report(campaign: str) -> Any:
        got.append(dict(request.args))
        if request.args.get("format") == "csv":
            return "key\r\nblue\r\n"
        answer = {"campaign": campaign, "by": "day", "attribution": "last_touch", "from": NOW}
        one = row("blue", Counts()).model_dump()
        following = None if "cursor" in request.args else "blue"
        where = {"time_zone": "UTC", "currency": "EUR"}
        return {**answer, **where, "rows": [one], "totals": one, "next_cursor": following}

    shop.on("GET", "/v1/campaigns/<campaign>/report", report)
    found = client.campaign_report("mugs", begin=date(2026, 1, 2))
    assert (found.campaign, found.from_) == ("mugs", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))
    assert [one.key for one in client.iter_campaign_report("mugs", by="day")] == ["blue", "blue"]
    end = datetime(2026, 1, 3, tzinfo=UTC)
    assert client.campaign_report_csv("mugs", end=end) == b"key\r\nblue\r\n"
    assert got == [
        {"from": "2026-01-02"},
        {"by": "day", "limit": "1000"},
        {"by": "day", "limit": "1000", "cursor": "blue"},
        {"to": "2026-01-03T00:00:00+00:00", "limit": "10000", "format": "csv"},
    ]
