"""`vitrine ads report`: what a person sees."""

import json
import threading
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from click.testing import CliRunner, Result
from flask import Flask, request
from werkzeug.serving import make_server

from vitrine.ads.figures import Counts, Terms, row
from vitrine.cli.ads_report import report

COUNTS = Counts(
    served=1200,
    impressions=1000,
    viewable=600,
    clicks=30,
    known=900,
    reach=300,
    invalid=Counter(rate=4),
    charged_micros=9_000_000,
    spend=Terms(Decimal(9_000_000), 30 * 300_000.0**2, 300_000.0),
)


@pytest.fixture
def url() -> Iterator[str]:
    app = Flask("shop")

    @app.get("/v1/campaigns/mugs/report")
    def answer() -> Any:
        if request.args.get("format") == "csv":
            return "key,served\r\nblue,1200\r\n"
        answer = {"campaign": "mugs", "by": request.args["by"], "attribution": "last_touch"}
        said = {
            "time_zone": "UTC",
            "currency": "EUR",
            "served_since": "2026-02-01T00:00:00Z",
            "from": f"{request.args.get('from', '2026-01-01')}T00:00:00Z",
        }
        rows, totals = [row(name, COUNTS).model_dump() for name in ("blue[b]", "red")], COUNTS
        return {**answer, **said, "rows": rows, "totals": row("mugs", totals).model_dump()}

    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()


def run(*arguments: str) -> Result:
    return CliRunner().invoke(report, ["mugs", *arguments, "--key", "k"])


def test_totals_come_with_their_intervals(url: str) -> None:
    said = [" ".join(line.split()) for line in run("--url", url).output.splitlines()]
    assert "CTR 3.00 % 2.11 % – 4.25 %" in said
    assert "spend, EUR 9.00" in said
    assert "eCPM 9.00 6.11 – 12.79" in said
    assert "ROAS 0.00" in said
    assert "CVR 0.00 % 0.00 % – 11.35 %" in said
    assert "frequency 3.00" in said
    assert "Invalid events: 4 rate" in said
    assert "Slots of before 2026-02-01 are not kept and not counted any more." in said


def test_a_line_a_group(url: str) -> None:
    said = run("--by", "creative", "--url", url).output.splitlines()
    assert [line.split()[0] for line in said if line.startswith(("blue", "red"))] == [
        "blue[b]",
        "red",
    ]


def test_json_and_csv_are_the_answer(url: str) -> None:
    said = json.loads(run("--json", "--from", "2026-01-02", "--url", url).output)
    assert (said["from"], said["totals"]["reach"]) == ("2026-01-02T00:00:00Z", 300)
    assert run("--csv", "--url", url).output == "key,served\nblue,1200\n"
    assert run("--from", "yesterday", "--url", url).exit_code == 2
