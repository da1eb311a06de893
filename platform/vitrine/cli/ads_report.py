"""`vitrine ads report`: what became of a campaign."""

import sys
from collections.abc import Callable
from datetime import date, datetime
from typing import get_args

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from vitrine.cli.keyring import read_keys
from vitrine.client import VitrineClient
from vitrine.settings import load_settings
from vitrine.wire.ad_reports import (
    AttributionModel,
    CampaignReport,
    Estimate,
    MicrosEstimate,
    ReportBy,
    ReportRow,
)

_PIPE_COLUMNS = 10_000
_TIMES = click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S%z"])
_NONE = "–"


@click.command()
@click.argument("campaign")
@click.option(
    "--by",
    type=click.Choice(get_args(ReportBy)),
    default="campaign",
    show_default=True,
    help="A row for each.",
)
@click.option("--from", "begin", type=_TIMES, help="From this day, by the campaign's clock.")
@click.option("--to", "end", type=_TIMES, help="Up to this day, which is not counted itself.")
@click.option(
    "--attribution",
    type=click.Choice(get_args(AttributionModel)),
    help="What ads a conversion is of.  [default: as the shop bills]",
)
@click.option("--csv", "as_csv", is_flag=True, help="Print the rows for a spreadsheet.")
@click.option("--json", "as_json", is_flag=True, help="Print the api's answer as it came.")
@click.option("--url", help="Address of the api.  [default: VITRINE_API_URL, or the running one]")
@click.option("--key", help="An ads key.  [default: the one that `vitrine up` made]")
def report(
    campaign: str,
    by: ReportBy,
    begin: datetime | None,
    end: datetime | None,
    attribution: AttributionModel | None,
    as_csv: bool,
    as_json: bool,
    url: str | None,
    key: str | None,
) -> None:
    """Report what became of CAMPAIGN: how often it was shown, what came of it, what it cost.

    \b
      vitrine ads report spring-mugs
      vitrine ads report spring-mugs --by day --from 2026-11-01 --to 2026-12-01
      vitrine ads report spring-mugs --by creative --csv > creatives.csv
    """
    settings = load_settings()
    first, last = _day_or_time(begin), _day_or_time(end)
    with VitrineClient(url or settings.api_url, key or read_keys(settings).ads) as client:
        if as_csv:
            written = client.campaign_report_csv(
                campaign, by=by, begin=first, end=last, attribution=attribution
            )
            click.echo(written.decode(), nl=False)
            return
        found = client.campaign_report(
            campaign, by=by, begin=first, end=last, attribution=attribution
        )
    if as_json:
        click.echo(found.model_dump_json(indent=2))
    else:
        show(found)


def show(found: CampaignReport) -> None:
    """Print the totals with their intervals, and a line for each group."""
    # Nothing is wrapped or cut for a pipe.
    console = Console(width=None if sys.stdout.isatty() else _PIPE_COLUMNS, highlight=False)
    console.print(_totals(found.totals, found.currency))
    if found.by != "campaign":
        console.print()
        console.print(_groups(found))
    if found.next_cursor:
        console.print("\nThere are more rows: --csv writes up to 10,000.")
    for title, since in (("Slots", found.served_since), ("Events", found.events_since)):
        if since is not None:
            said = f"\n{title} of before {since:%Y-%m-%d} are not kept and not counted any more."
            console.print(Text(said))
    for title, reasons in (
        ("Invalid events", found.totals.invalid_by_reason),
        ("Events that were not billed", found.totals.unbilled_by_reason),
    ):
        if reasons:
            said = ", ".join(f"{count:,} {reason}" for reason, count in reasons.items())
            console.print(Text(f"\n{title}: {said}"))


def _totals(row: ReportRow, currency: str) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("")
    table.add_column("value", justify="right", no_wrap=True)
    table.add_column("95 % interval", justify="right", no_wrap=True)
    for name, value, interval in (
        ("served", f"{row.served:,}", ""),
        ("impressions", f"{row.impressions:,}", ""),
        ("viewability", *_estimate(row.viewability, _percent)),
        ("clicks", f"{row.clicks:,}", ""),
        ("CTR", *_estimate(row.ctr, _percent)),
        ("conversions", f"{row.conversions:,.1f}", ""),
        ("CVR", *_estimate(row.cvr, _percent)),
        (f"value, {currency}", _money(row.value_micros), ""),
        (f"spend, {currency}", _money(row.spend_micros), ""),
        ("eCPM", *_estimate(row.ecpm_micros, _money)),
        ("a click", *_estimate(row.cpc_micros, _money)),
        ("a conversion", *_estimate(row.cost_per_conversion_micros, _money)),
        ("ROAS", *_estimate(row.roas, _factor)),
        ("reach", f"{row.reach:,}", ""),
        ("frequency", _NONE if row.frequency is None else f"{row.frequency:.2f}", ""),
    ):
        table.add_row(name, value, Text(interval, style="dim"))
    return table


def _groups(found: CampaignReport) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column(found.by, no_wrap=True)
    for heading in (
        "impressions",
        "clicks",
        "CTR",
        "",
        "conv.",
        "CVR",
        "",
        "spend",
        "eCPM",
        "ROAS",
        "",
    ):
        table.add_column(heading, justify="right", no_wrap=True)
    for row in found.rows:
        ctr, cvr = _estimate(row.ctr, _percent), _estimate(row.cvr, _percent)
        ecpm, roas = _estimate(row.ecpm_micros, _money), _estimate(row.roas, _factor)
        table.add_row(
            Text(row.key),
            f"{row.impressions:,}",
            f"{row.clicks:,}",
            ctr[0],
            Text(ctr[1], style="dim"),
            f"{row.conversions:,.1f}",
            cvr[0],
            Text(cvr[1], style="dim"),
            _money(row.spend_micros),
            ecpm[0],
            roas[0],
            Text(roas[1], style="dim"),
        )
    return table


def _estimate(one: Estimate | MicrosEstimate, write: Callable[[float], str]) -> tuple[str, str]:
    if one.value is None:
        return _NONE, ""
    if one.low is None or one.high is None:
        return write(one.value), ""
    return write(one.value), f"{write(one.low)} – {write(one.high)}"


def _percent(share: float) -> str:
    return f"{share * 100:.2f} %"


def _money(micros: float) -> str:
    return f"{micros / 1_000_000:,.2f}"


def _factor(times: float) -> str:
    return f"{times:.2f}"


def _day_or_time(given: datetime | None) -> date | datetime | None:
    return given if given is None or given.tzinfo is not None else given.date()
