"""`vitrine doctor`: what works here, what does not, and what to do about it."""

import click
from rich.console import Console
from rich.table import Table

from vitrine.cli.checks import CHECKS, Finding, Grade, examine
from vitrine.settings import load_settings

MARKS = {Grade.GOOD: "[green]✓[/]", Grade.WARNING: "[yellow]![/]", Grade.BAD: "[red]✗[/]"}


@click.command()
def doctor() -> None:
    """Check this installation and what it depends on. Exit code 1 if something is broken."""
    settings = load_settings()
    table = Table("", "check", "finding", show_edge=False)
    grades = []
    for title, check in CHECKS.items():
        for finding in examine(check, settings):
            table.add_row(MARKS[finding.grade], _titled(title, finding), finding.text)
            grades.append(finding.grade)
    Console().print(table)
    if Grade.BAD in grades:
        raise SystemExit(1)


def _titled(title: str, finding: Finding) -> str:
    return f"{title}: {finding.part}" if finding.part else title
