"""`vitrine ads`: what there is as tables, and what is done with a campaign by hand."""

import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from click.testing import CliRunner, Result
from flask import Flask, request
from werkzeug.serving import make_server

from vitrine.cli import main

NOW = "2027-03-01T12:00:00Z"
UNIT = 1_000_000
CAMPAIGN: dict[str, Any] = {
    **{"id": "mugs[red]", "advertiser": "tern", "name": "Mugs", "state": "active"},
    **{"status": "day_spent", "time_zone": "Europe/Berlin", "starts_on": "2027-03-01"},
    **{"ends_on": None, "total_budget_micros": 1000 * UNIT, "daily_budget_micros": 10 * UNIT},
    **{"spent_micros": 1234 * UNIT, "spent_today_micros": 10 * UNIT, "bid_type": "cpc"},
    **{"bid_micros": UNIT // 2, "lowest_bid_micros": None, "highest_bid_micros": None},
    **{"target_cost_micros": None, "bid_now_micros": UNIT // 4, "pacing": "even", "pace": 0.256},
    **{"caps": [], "targeting": {"example_similarity": 0.5}, "exclusions": {}, "examples": []},
    **{"reserve_micros": 0, "click_days": 30, "view_days": 1, "version": 1},
    **{"created_at": NOW, "updated_at": NOW},
}
LISTS = {name: [] for name in ("categories", "interests", "geo", "devices", "keywords")}
CAMPAIGN["targeting"] |= LISTS
CAMPAIGN["exclusions"] |= LISTS
CREATIVE: dict[str, Any] = {
    **{"id": "blue", "campaign": "mugs", "state": "active", "title": "A mug", "text": ""},
    **{"call_to_action": "", "landing_url": "https://a.b/", "product_id": None, "category": None},
    **{"image": {"id": "c", "url": None, "state": "failed", "reason": "cut off"}, "ready": False},
    **{"version": 1, "created_at": NOW, "updated_at": NOW},
}


@pytest.fixture
def asked() -> list[Any]:
    return []


@pytest.fixture
def url(asked: list[Any]) -> Iterator[str]:
    app = Flask("shop")

    @app.get("/v1/campaigns")
    def campaigns() -> Any:
        asked.append((request.headers["Authorization"], request.args.get("state")))
        return {"campaigns": [CAMPAIGN], "next_cursor": None}

    @app.get("/v1/creatives")
    def creatives() -> Any:
        return {"creatives": [CREATIVE, {**CREATIVE, "ready": True}], "next_cursor": None}

    @app.route("/v1/campaigns/<campaign>", methods=["GET", "PATCH", "DELETE"])
    def one(campaign: str) -> Any:
        if campaign != "mugs":
            return {"type": "/problems/not-found", "status": 404, "detail": "There is none."}, 404
        asked.append((request.method, request.get_json(silent=True)))
        return CAMPAIGN

    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()


def run(url: str, *arguments: str, typed: str = "") -> Result:
    return CliRunner().invoke(main, ["ads", *arguments, "--url", url, "--key", "k"], input=typed)


def test_campaigns_are_a_line_each(url: str, asked: list[Any]) -> None:
    said = run(url, "campaigns", "--state", "active")
    head, line = said.stdout.splitlines()
    assert head.split()[:3] == ["campaign", "advertiser", "status"]
    for told in ("mugs[red]", "day spent", "1,234.00", "1,000.00", "10.00", "cpc 0.25", "26%"):
        assert told in line
    assert "2027-03-01" in line
    assert json.loads(run(url, "campaigns", "--json").stdout)["spent_micros"] == 1234 * UNIT
    assert asked == [("Bearer k", "active"), ("Bearer k", None)]


def test_creatives_say_what_keeps_them_from_being_shown(url: str) -> None:
    said = run(url, "creatives", "mugs").stdout.splitlines()
    assert "failed: cut off" in said[1]
    assert "ready" in said[2]
    nothing = run(url, "creatives", "none")
    assert nothing.exit_code == 1
    assert "There is none." in nothing.stderr


def test_a_campaign_is_paused_resumed_and_archived_after_a_yes(url: str, asked: list[Any]) -> None:
    assert "vitrine ads resume mugs" in run(url, "pause", "mugs").stdout
    assert "day spent" in run(url, "resume", "mugs").stdout
    assert run(url, "archive", "mugs", typed="n\n").exit_code == 1
    assert "1,234.00" in run(url, "archive", "mugs", "--yes").stdout
    assert asked == [
        ("PATCH", {"state": "paused"}),
        ("PATCH", {"state": "active"}),
        ("DELETE", None),
    ]


def test_an_unknown_command_names_the_way_out(url: str) -> None:
    said = run(url, "campains")
    assert said.exit_code == 2
    assert "`vitrine ads --help`" in said.output
