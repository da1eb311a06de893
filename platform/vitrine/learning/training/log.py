"""The diary of a run: one CSV file that a spreadsheet or pandas reads."""

import csv
from collections.abc import Mapping
from pathlib import Path


class Log:
    """Appends rows; the columns are fixed by the first that is written."""

    def __init__(self, path: Path, columns: list[str]) -> None:
        self._path = path
        self._columns = columns

    def drop_after(self, step: int) -> None:
        """Forget what an interrupted run wrote after its last checkpoint."""
        if not self._path.exists():
            return
        with self._path.open(newline="") as file:
            rows = [row for row in csv.DictReader(file) if int(row["step"]) <= step]
        self._write(rows, "w")

    def add(self, row: Mapping[str, object]) -> None:
        self._write([row], "a")

    def _write(self, rows: list[Mapping[str, object]] | list[dict[str, str]], mode: str) -> None:
        new = mode == "w" or not self._path.exists()
        with self._path.open(mode, newline="") as file:
            writer = csv.DictWriter(file, self._columns, extrasaction="ignore")
            if new:
                writer.writeheader()
            writer.writerows(rows)
