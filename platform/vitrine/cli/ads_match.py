"""`vitrine ads match` and `vitrine ads decision`: an auction, and why it went as it did."""

import sys
from pathlib import Path
from typing import get_args

import click
from rich.console import Console
from rich.table import Table

from vitrine.cli.ad_system import ads_options, open_ads
from vitrine.wire.ads import MAX_SLOTS, DecisionOut, MatchQuery, MatchResponse, Participant
from vitrine.wire.targeting import Device

_PIPE_COLUMNS = 10_000
_NONE = "–"


@click.command()
@click.argument("photo", required=False, type=click.Path(dir_okay=False, path_type=Path))
@click.option("--user", "user_id", help="A user of the shop.")
@click.option("--client", "client_id", help="A browser of nobody known.")
@click.option("--product", "product_id", metavar="ID", help="The product of the page.")
@click.option("--category", help="The category of the page.")
@click.option("--text", help="What the shopper typed.")
@click.option("--geo", help="Where, such as DE or DE-BY.")
@click.option("--device", type=click.Choice(get_args(Device)), help="What they look at it with.")
@click.option("--placement", default="default", show_default=True, help="What the place is called.")
@click.option(
    "--slots", type=click.IntRange(1, MAX_SLOTS), default=3, show_default=True, help="How many ads."
)
@click.option("--explain", is_flag=True, help="Tell how it was decided, too.")
@click.option("--json", "as_json", is_flag=True, help="Print the api's answer as it came.")
@ads_options
def match(
    photo: Path | None,
    explain: bool,
    as_json: bool,
    url: str | None,
    key: str | None,
    **asked: str | int | None,
) -> None:
    """Ask for the ads that suit somebody, a page, words or a PHOTO.

    \b
      vitrine ads match --product acme:mug-1
      vitrine ads match photo.jpg --user u-1042 --slots 4 --explain

    It is a real auction: what the winners are expected to cost is kept free for a while.
    """
    query = MatchQuery.model_validate(
        {name: value for name, value in asked.items() if value is not None}
    )
    with open_ads(url, key) as client:
        found = client.match_ads(query, image=photo)
        told = client.ad_decision(found.decision_id) if explain else None
    if as_json:
        click.echo(found.model_dump_json(indent=2))
        return
    _show_ads(found)
    if told is not None:
        click.echo()
        _show_decision(told)


@click.command()
@click.argument("decision_id", metavar="DECISION")
@click.option("--json", "as_json", is_flag=True, help="Print the api's answer as it came.")
@ads_options
def decision(decision_id: str, as_json: bool, url: str | None, key: str | None) -> None:
    """Explain a DECISION: who took part, who was filtered by what, and prices."""
    with open_ads(url, key) as client:
        found = client.ad_decision(decision_id)
    if as_json:
        click.echo(found.model_dump_json(indent=2))
    else:
        _show_decision(found)


def _console() -> Console:
    # Nothing is wrapped or cut for a pipe.
    return Console(width=None if sys.stdout.isatty() else _PIPE_COLUMNS, highlight=False)


def _table(*headings: str) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for heading in headings:
        number = heading in {"slot", "relevance", "visual", "profile", "context", "bid", "chance",
                             "score", "price", "similarity", "billed"}  # fmt: skip
        table.add_column(heading, justify="right" if number else "left", no_wrap=number)
    return table


def _show_ads(found: MatchResponse) -> None:
    console = _console()
    if found.degraded:
        console.print(found.degraded, style="yellow")
    if not found.ads:
        console.print("No ad suits. `--explain` says who was filtered by what.")
    table = _table("slot", "creative", "campaign", "title", "relevance", "similarity")
    for one in found.ads:
        similarity = _NONE if one.similarity is None else f"{one.similarity:.3f}"
        table.add_row(
            str(one.position),
            one.creative,
            one.campaign,
            one.title,
            f"{one.relevance.total:.3f}",
            similarity,
        )
    if found.ads:
        console.print(table)
    console.print(f"decision {found.decision_id} · {found.timing_ms.total:.0f} ms", style="dim")


def _show_decision(found: DecisionOut) -> None:
    console = _console()
    console.print(
        f"{found.placement}, {found.at:%Y-%m-%d %H:%M:%S}; relevance at least "
        f"{found.relevance_floor:g}, to the power of {found.relevance_exponent:g}; "
        f"click model {found.click_model}; seed {found.seed}"
    )
    table = _table("slot", "creative", "campaign", "outcome", "bid", "chance", "visual", "profile",
                   "context", "score", "price")  # fmt: skip
    for one in found.participants:
        if one.outcome != "filtered":
            table.add_row(*_cells(one))
    console.print(table)
    for slot in found.slots:
        came = ", ".join(slot.events) or "nothing yet"
        console.print(
            f"slot {slot.position}: {slot.creative}, {_units(slot.price_micros)} for what it pays "
            f"for ({slot.bid_type}), {_units(slot.expected_micros)} reserved; came of it: {came}; "
            f"billed {_units(slot.billed_micros)}"
        )
    filtered = ", ".join(f"{reason} {count}" for reason, count in sorted(found.filtered.items()))
    console.print(f"filtered: {filtered or 'nobody'}")


def _cells(one: Participant) -> list[str]:
    relevance = one.relevance
    factors = (
        [_NONE] * 3
        if relevance is None
        else [f"{each:.2f}" for each in (relevance.visual, relevance.profile, relevance.context)]
    )
    return [
        _NONE if one.position is None else str(one.position),
        one.creative,
        one.campaign,
        one.outcome if one.reason is None else f"{one.outcome}: {one.reason}",
        _NONE if one.bid_micros is None else _units(one.bid_micros),
        _NONE if one.probability is None else f"{one.probability:.4f}",
        *factors,
        _NONE if one.score is None else f"{one.score:,.0f}",
        _NONE if one.price_micros is None else _units(one.price_micros),
    ]


def _units(micros: int) -> str:
    return f"{micros / 1_000_000:,.6f}".rstrip("0").rstrip(".")
