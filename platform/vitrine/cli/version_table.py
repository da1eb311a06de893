"""The versions of an online model as a person reads them; for rankers and for the click model."""

import sys
from collections.abc import Mapping, Sequence
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from vitrine.db import Sessions
from vitrine.recommend.versions import Kind, Version, list_versions, serving_version, withdraw

_PIPE_COLUMNS = 10_000
_KEPT = 1000


def show_versions(sessions: Sessions, kind: Kind, *, last: int, serves: str) -> None:
    """Print the newest versions with their progressive validation.

    `serves` says what the prior does while none serves: it "ranks", it "predicts".
    """
    with sessions() as session:
        versions = list_versions(session, kind, limit=_KEPT)
    if not versions:
        click.echo(f"Nothing is learnt yet: the prior {serves}.")
        return
    serving = serving_version(versions)
    # Nothing is wrapped or cut for a pipe.
    console = Console(width=None if sys.stdout.isatty() else _PIPE_COLUMNS, highlight=False)
    console.print(_table(versions[:last], serving, kind.called))
    if not serving:
        console.print(f"None of them serves: the prior {serves}.")


def withdraw_version(sessions: Sessions, kind: Kind, version: int, *, serving_is: str) -> str:
    """Withdraw a version and those after it; returns what was done, and what serves now.

    `serving_is` says what that does: it is "ranking", or "predicting".
    """
    with sessions.begin() as session:
        withdrawn = withdraw(session, version, kind)
        serving = serving_version(list_versions(session, kind, limit=_KEPT))
    count = len(withdrawn)
    done = f"Withdrew {count} version{'' if count == 1 else 's'}." if count else "Nothing to do."
    return f"{done} Now {serving_is}: {f'version {serving}' if serving else 'the prior'}."


def _table(versions: Sequence[Version], serving: int, called: str) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for heading in ("version", "made", "examples", "clicked", "log-loss", "prior", "base rate",
                    "AUC", "prior", "predicted/real", ""):  # fmt: skip
        table.add_column(heading, justify="right" if heading else "left", no_wrap=True)
    for one in versions:
        table.add_row(*_cells(one, called), _state(one, serving))
    return table


def _cells(one: Version, called: str) -> list[str]:
    report = one.report
    return [
        str(one.version),
        f"{one.created_at:%Y-%m-%d %H:%M:%S}",
        f"{one.examples:,}",
        _number(report, "click_rate"),
        *(_number(report, "log_loss", name) for name in (called, "prior", "base_rate")),
        *(_number(report, "auc", name) for name in (called, "prior")),
        _number(report, "predicted_per_click", called),
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
