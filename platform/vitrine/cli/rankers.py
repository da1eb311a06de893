"""`vitrine rankers`: what the recommendations learnt, and the way back."""

import sys
from collections.abc import Mapping
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from vitrine.assembly import assemble
from vitrine.recommend.versions import Version, list_versions, serving_version, withdraw
from vitrine.settings import load_settings

_PIPE_COLUMNS = 10_000
_KEPT = 1000


@click.group()
def rankers() -> None:
    """See what the ranker of the recommendations learnt, and take it back."""


@rankers.command("list")
@click.option("--last", type=click.IntRange(1), default=10, show_default=True, help="How many.")
def list_rankers(last: int) -> None:
    """List the newest versions with their progressive validation.

    Every example is predicted before it is learnt; the figures are of the last few thousand. The
    prior is what ranks before anything is learnt. A version that predicts worse than it is held: it
    does not serve, and learning goes on.
    """
    with assemble(load_settings()).sessions() as session:
        versions = list_versions(session, limit=_KEPT)
    if not versions:
        click.echo("Nothing is learnt yet: the prior ranks.")
        return
    serving = serving_version(versions)
    table = Table(box=None, header_style="bold", pad_edge=False)
    for heading in ("version", "made", "examples", "clicked", "log-loss", "prior", "base rate",
                    "AUC", "prior", "predicted/real", ""):  # fmt: skip
        table.add_column(heading, justify="right" if heading else "left", no_wrap=True)
    for one in versions[:last]:
        table.add_row(*_cells(one), _state(one, serving))
    # Nothing is wrapped or cut for a pipe.
    console = Console(width=None if sys.stdout.isatty() else _PIPE_COLUMNS, highlight=False)
    console.print(table)
    if not serving:
        console.print("None of them serves: the prior ranks.")


@rankers.command("withdraw")
@click.argument("version", type=click.IntRange(1))
def withdraw_ranker(version: int) -> None:
    """Take back VERSION and every version after it, for they were learnt from it.

    The version before serves within seconds, the prior if there is none, and learning goes on from
    there. What is withdrawn stays withdrawn.
    """
    with assemble(load_settings()).sessions.begin() as session:
        withdrawn = withdraw(session, version)
        serving = serving_version(list_versions(session, limit=_KEPT))
    count = len(withdrawn)
    done = f"Withdrew {count} version{'' if count == 1 else 's'}." if count else "Nothing to do."
    click.echo(f"{done} Now ranking: {f'version {serving}' if serving else 'the prior'}.")


def _cells(one: Version) -> list[str]:
    report = one.report
    return [
        str(one.version),
        f"{one.created_at:%Y-%m-%d %H:%M:%S}",
        f"{one.examples:,}",
        _number(report, "click_rate"),
        *(_number(report, "log_loss", name) for name in ("ranker", "prior", "base_rate")),
        *(_number(report, "auc", name) for name in ("ranker", "prior")),
        _number(report, "predicted_per_click", "ranker"),
    ]


def _number(report: Mapping[str, Any], *path: str) -> str:
    found: Any = report
    for name in path:
        found = found.get(name) if isinstance(found, Mapping) else None
    return "–" if found is None else f"{found:.3f}"


def _state(one: Version, serving: int) -> str:
    if one.withdrawn:
        return "withdrawn"
    if one.held:
        return "held: worse than the prior"
    return "[green]serves[/]" if one.version == serving else ""
