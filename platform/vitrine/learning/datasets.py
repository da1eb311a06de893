"""Directories of labelled pictures: `images.csv` and the images beside it.

    path,label,coarse_label,split
    images/train/apple_001.jpg,Golden-Delicious,Apple,train

More columns are allowed; `coarse_label` may be left out. A picture without a label has it empty.
"""

import csv
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from vitrine.errors import Invalid, NotFound

LISTING = "images.csv"
_REQUIRED = ("path", "label", "split")


@dataclass(frozen=True)
class Example:
    """One picture file and what it shows; an empty label says that nobody knows."""

    path: Path
    label: str
    coarse_label: str


def read_examples(folder: Path, split: str) -> list[Example]:
    """Read one split in the order of the file.

    Raises NotFound for a directory, a listing, a split or a picture that is not there, and Invalid
    for a listing that cannot be used.
    """
    rows = list(_rows(folder))
    chosen = [
        Example(folder / row["path"], row["label"], row["coarse_label"])
        for row in rows
        if row["split"] == split
    ]
    if not chosen:
        raise NotFound(_no_such_split(folder, split, Counter(row["split"] for row in rows)))
    _check_paths(folder, split, [example.path for example in chosen])
    return chosen


def splits(folder: Path) -> dict[str, int]:
    """Count the pictures of each split, in the order of the file."""
    return dict(Counter(row["split"] for row in _rows(folder)))


def _rows(folder: Path) -> Iterator[dict[str, str]]:
    """Read `path`, `label`, `coarse_label` and `split` of every row, without outer blanks."""
    listing = folder / LISTING
    if not listing.is_file():
        raise NotFound(
            f"There is no {LISTING} in {folder}: give a directory with a file {LISTING} "
            "(path,label,coarse_label,split) and the pictures beside it."
            if folder.is_dir()
            else f"There is no directory {folder}: give one with a file {LISTING} in it."
        )
    try:
        # Spreadsheets put a byte order mark in front.
        with listing.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            missing = [name for name in _REQUIRED if name not in (reader.fieldnames or ())]
            if missing:
                raise Invalid(
                    f"{listing} has no column {', '.join(missing)}: its first line has to name "
                    "path, label, coarse_label and split, separated by commas."
                )
            for row in reader:
                wanted = {name: (row.get(name) or "").strip() for name in _REQUIRED}
                if not wanted["path"]:
                    raise Invalid(f"Line {reader.line_num} of {listing} has no path: give one.")
                yield wanted | {"coarse_label": (row.get("coarse_label") or "").strip()}
    except (UnicodeDecodeError, csv.Error) as error:
        raise Invalid(
            f"{listing} cannot be read as CSV in UTF-8 ({error}): save it as that."
        ) from error


def _no_such_split(folder: Path, split: str, there: Counter[str]) -> str:
    if not there:
        return f"{folder / LISTING} names no picture: add a line for each."
    named = ", ".join(f"{name or '(empty)'} ({count} pictures)" for name, count in there.items())
    return f"There is no split {split!r} in {folder / LISTING}; it has {named}."


def _check_paths(folder: Path, split: str, paths: Sequence[Path]) -> None:
    missing = [path for path in paths if not path.is_file()]
    if missing:
        raise NotFound(
            f"{len(missing)} of {len(paths)} pictures of the split {split!r} are not there, the "
            f"first is {missing[0]}: paths in {LISTING} start from {folder}."
        )
    # A picture that stands in a split twice would be found by its own copy.
    twice = [path for path, count in Counter(paths).items() if count > 1]
    if twice:
        raise Invalid(
            f"{len(twice)} pictures stand in the split {split!r} of {folder / LISTING} more than "
            f"once, the first is {twice[0]}: keep one line of each."
        )
