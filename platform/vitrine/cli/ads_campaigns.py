"""`vitrine ads campaigns` and `creatives`: what there is, and how it stands."""

import json
import sys
from collections.abc import Sequence
from typing import get_args

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from vitrine.cli.ad_system import ads_options, open_ads
from vitrine.wire.campaigns import AdState, CampaignOut
from vitrine.wire.creatives import CreativeOut

_PIPE_COLUMNS = 10_000
_COLOURS = {"running": "green", "spent": "yellow", "day_spent": "yellow"}
_STATE = click.Choice(get_args(AdState))


@click.command()
@click.option("--advertiser", help="Only of this advertiser.")
@click.option("--state", type=_STATE, help="Only in this state.  [default: all but archived ones]")
@click.option("--json", "as_json", is_flag=True, help="Print what the api says of each, a line.")
@ads_options
def campaigns(
    advertiser: str | None, state: AdState | None, as_json: bool, url: str | None, key: str | None
) -> None:
    """List campaigns, oldest first. Money is in units of the shop's currency.

    `bid` is what it bids now, within its bounds; `pace` the share of auctions that it takes part
    in.
    """
    with open_ads(url, key) as client:
        found = list(client.iter_campaigns(advertiser=advertiser, state=state))
    if as_json:
        _print_json(found)
    elif not found:
        click.echo("There is no campaign; `PUT /v1/campaigns/{campaign}` makes one.")
    else:
        _print(_campaigns(found))


@click.command()
@click.argument("campaign")
@click.option("--state", type=_STATE, help="Only in this state.  [default: all but archived ones]")
@click.option("--json", "as_json", is_flag=True, help="Print what the api says of each, a line.")
@ads_options
def creatives(
    campaign: str, state: AdState | None, as_json: bool, url: str | None, key: str | None
) -> None:
    """List the creatives of CAMPAIGN, oldest first, and whether their pictures can be found."""
    with open_ads(url, key) as client:
        client.get_campaign(campaign)
        found = list(client.iter_creatives(campaign=campaign, state=state))
    if as_json:
        _print_json(found)
    elif not found:
        click.echo(f"{campaign} has no creative; `PUT /v1/creatives/{{creative}}` makes one.")
    else:
        _print(_creatives(found))


def _campaigns(found: Sequence[CampaignOut]) -> Table:
    table = _table("campaign", "advertiser", "status")
    for heading in ("spent", "of", "today", "of", "bid", "pace"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("flight", no_wrap=True)
    for one in found:
        table.add_row(
            Text(one.id),
            Text(one.advertiser),
            Text(one.status.replace("_", " "), style=_COLOURS.get(one.status, "")),
            _money(one.spent_micros),
            _money(one.total_budget_micros),
            _money(one.spent_today_micros),
            _money(one.daily_budget_micros),
            f"{one.bid_type} {_money(one.bid_now_micros)}",
            f"{one.pace:.0%}",
            f"{one.starts_on} – {one.ends_on or ''} {one.time_zone}",
        )
    return table


def _creatives(found: Sequence[CreativeOut]) -> Table:
    table = _table("creative", "state", "picture", "product", "title", "leads to")
    for one in found:
        table.add_row(
            Text(one.id),
            one.state,
            _picture(one),
            Text(one.product_id or ""),
            Text(one.title),
            Text(one.landing_url),
        )
    return table


def _picture(one: CreativeOut) -> Text:
    if one.ready:
        return Text("ready", style="green")
    if one.image is None:
        return Text("none yet: see its product")
    said = one.image.state if one.image.reason is None else f"failed: {one.image.reason}"
    return Text(said, style="red" if one.image.state == "failed" else "")


def _table(*headings: str) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for heading in headings:
        table.add_column(heading, no_wrap=True)
    return table


def _money(micros: int | None) -> str:
    return "–" if micros is None else f"{micros / 1_000_000:,.2f}"


def _print(table: Table) -> None:
    # Nothing is wrapped or cut for a pipe: what reads it wants one line for each.
    Console(width=None if sys.stdout.isatty() else _PIPE_COLUMNS, highlight=False).print(table)


def _print_json(found: Sequence[CampaignOut] | Sequence[CreativeOut]) -> None:
    for one in found:
        click.echo(json.dumps(one.model_dump(mode="json"), ensure_ascii=False))
