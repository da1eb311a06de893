"""`vitrine events`: send a file of what shoppers did."""

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click

from vitrine.cli.progress import counting
from vitrine.cli.storefront import address_options, open_shop
from vitrine.wire.events import MAX_EVENTS, EventsTaken

SHOWN_PROBLEMS = 20
# Well below what the api takes at once.
BATCH_BYTES = 2 * 1024 * 1024


@dataclass
class Tally:
    """What became of the lines; `problems` has the first of them, each in words."""

    lines: int = 0
    accepted: int = 0
    duplicates: int = 0
    ignored: int = 0
    errors: int = 0
    problems: list[str] = field(default_factory=list)

    def refuse(self, line: int, detail: str) -> None:
        """Count a line that could not be used."""
        self.errors += 1
        self.tell(line, detail)

    def tell(self, line: int, detail: str) -> None:
        """Keep what is to be said of a line, unless there is enough of it."""
        if len(self.problems) < SHOWN_PROBLEMS:
            self.problems.append(f"line {line}: {detail}")

    def add(self, lines: list[int], taken: EventsTaken) -> None:
        """Count an answer; `lines` has the number of the line of each event sent."""
        self.accepted += taken.accepted
        self.duplicates += taken.duplicates
        self.ignored += taken.ignored
        for note in taken.errors:
            self.refuse(lines[note.index], note.detail)
        for note in taken.warnings:
            self.tell(lines[note.index], note.detail)


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@address_options
def events(file: Path, url: str | None, key: str | None) -> None:
    """Send the events in FILE: JSON Lines, one event a line, as docs/events.md has them.

    Events that are there already count once, so a file may be sent again, also after Ctrl-C. A line
    that cannot be used is named and costs none of the others; then the exit code is 1.
    """
    tally = Tally()
    with file.open("rb") as lines:
        total = sum(1 for line in lines if line.strip())
    with open_shop(url, key) as client, counting(quiet=not sys.stderr.isatty()) as progress:
        task = progress.add_task("events", total=total)
        for numbers, batch in read_batches(file, tally):
            tally.add(numbers, client.send_events(batch))
            progress.update(task, completed=tally.lines)
    click.echo(
        f"{tally.accepted} accepted, {tally.duplicates} there already, {tally.ignored} ignored, "
        f"{tally.errors} refused."
    )
    for problem in tally.problems:
        click.echo(f"  {problem}", err=True)
    if tally.errors:
        sys.exit(1)


def read_batches(file: Path, tally: Tally) -> Iterator[tuple[list[int], list[dict[str, Any]]]]:
    """Read batches that one request can carry, with the numbers of their lines."""
    numbers: list[int] = []
    batch: list[dict[str, Any]] = []
    size = 0
    with file.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            tally.lines += 1
            event = _read_line(line, number, tally)
            if event is None:
                continue
            if len(batch) == MAX_EVENTS or (batch and size + len(line) > BATCH_BYTES):
                yield numbers, batch
                numbers, batch, size = [], [], 0
            numbers.append(number)
            batch.append(event)
            size += len(line)
    if batch:
        yield numbers, batch


def _read_line(line: bytes, number: int, tally: Tally) -> dict[str, Any] | None:
    if len(line) > BATCH_BYTES:
        tally.refuse(number, f"is longer than {BATCH_BYTES} bytes")
        return None
    try:
        event = json.loads(line)
        # NaN and 1e999 can be read and not be sent: they would cost all of the batch.
        json.dumps(event, allow_nan=False)
    except (ValueError, RecursionError) as error:
        tally.refuse(number, f"is not JSON: {error}")
        return None
    if not isinstance(event, dict):
        tally.refuse(number, "must be a JSON object")
        return None
    return event
