"""`vitrine index`: rebuild, verify and diagnose the vector index."""

import json
from collections.abc import Sequence

import click
from rich.console import Console
from rich.table import Table

from vitrine import work
from vitrine.assembly import Platform, assemble
from vitrine.cli import phrases
from vitrine.cli.progress import counting
from vitrine.errors import Unavailable
from vitrine.index.generations import active_generation
from vitrine.ingest.beside import make_beside
from vitrine.ingest.reconcile import reconcile
from vitrine.ingest.switch import rebuild as rebuild_index
from vitrine.ingest.text_work import verify_texts
from vitrine.ingest.verify import Verified
from vitrine.ingest.verify import verify as verify_index
from vitrine.settings import load_settings


@click.group()
def index() -> None:
    """Look after the vector index. Postgres is the truth: all of this can be run at any time."""


@index.command()
def rebuild() -> None:
    """Make fresh collections from the vectors in Postgres and switch to them.

    That is those of products and of ads. It needs no encoder and no GPU. Searches go on meanwhile,
    and what is listed meanwhile is in the new collections too. Use it when Milvus was lost, or
    moved.
    """
    platform = assemble(load_settings())
    with counting() as bar:
        task = bar.add_task("index", total=None)
        switched = rebuild_index(
            platform.ingest,
            progress=lambda stage, done, total: bar.update(
                task, description=stage, completed=done, total=total
            ),
        )
    click.echo(
        f"{switched.pictures} pictures stand in {switched.collection}, which answers from now on."
    )


@index.command()
@click.option("--check", is_flag=True, help="Only compare; repair nothing. Exit 1 if it differs.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
def verify(check: bool, as_json: bool) -> None:
    """Compare the index with Postgres, row by row in pages, and repair what differs.

    That is the pictures of products, their words, and ads.
    """
    platform, report = assemble(load_settings()), Verified()
    if not check:
        make_beside(platform.ingest)
    with platform.sessions() as session:
        generation = active_generation(session)
    with counting(quiet=as_json) as bar:
        task = bar.add_task("compare", total=None)
        for holding in platform.ingest.holdings:
            found = verify_index(
                platform.ingest,
                generation,
                holding,
                repair=not check,
                progress=lambda count: bar.advance(task, count),
            )
            report = report.with_others(found)
        words = verify_texts(
            platform.ingest, repair=not check, progress=lambda count: bar.advance(task, count)
        )
        report = report.with_others(words)
    owed: dict[str, int] = {}
    if not check:
        with platform.sessions.begin() as session:
            owed = reconcile(session, beside=platform.ingest.beside)
        platform.doorbell.ring([kind for kind, count in owed.items() if count])
    _report(report, owed, as_json=as_json)
    if check and report.wrong:
        raise SystemExit(1)


@index.command()
def diagnose() -> None:
    """Show what the index holds, what is owed to it and what was given up."""
    platform = assemble(load_settings())
    table = Table("kind of work", "pending", "given up", title="Work")
    with platform.sessions() as session:
        backlog = work.backlog(session)
        generation = active_generation(session)
    for kind in work.KINDS:
        pending, dead = backlog.get(kind, (0, 0))
        table.add_row(kind, str(pending), f"[red]{dead}[/]" if dead else "0")
    console = Console()
    console.print(table)
    names = [one.collection(generation) for one in platform.ingest.holdings]
    _describe(console, platform, names, generation.model)


def _describe(console: Console, platform: Platform, active: Sequence[str], model: str) -> None:
    reason = platform.index.ping()
    if reason is not None:
        raise Unavailable(reason)
    there = platform.index.collections()
    console.print(
        f"{phrases.milvus(platform.index.capabilities)} at {platform.settings.milvus_uri}"
    )
    console.print(f"Model  {model}")
    for name in active:
        lost = "" if name in there else " [red](missing: run vitrine index rebuild)[/]"
        console.print(f"Active {name}{lost}")
    others = [name for name in there if name not in active]
    console.print(f"Others {', '.join(others) or 'none'}")


def _report(report: Verified, owed: dict[str, int], *, as_json: bool) -> None:
    found = {
        "compared": report.compared,
        "missing": report.missing,
        "surplus": report.surplus,
        "different": report.different,
        "repaired": report.repaired,
        "owed_again": sum(owed.values()),
    }
    if as_json:
        click.echo(json.dumps(found))
        return
    click.echo(
        "{compared} rows compared: {missing} missing, {surplus} surplus, {different} different; "
        "{repaired} repaired, {owed_again} pieces of work owed again.".format(**found)
    )
