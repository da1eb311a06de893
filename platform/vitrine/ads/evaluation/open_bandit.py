"""The log of an ad system that others published: the Open Bandit Dataset (Saito et al. 2021).

Its folder has one folder a policy (`random` drew what was shown evenly, `bts` went by Thompson
sampling), with one a campaign in each: `CAMPAIGN.csv`, one row an impression, and
`item_context.csv`, one row an item. What its features mean was hidden by those who published it.
"""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vitrine.errors import Invalid

RANDOM = "random"
POLICIES = (RANDOM, "bts")
ITEMS_FILE = "item_context.csv"
_USER = tuple(f"user_feature_{at}" for at in range(4))
_ITEM_NUMBER, _ITEM = "item_feature_0", tuple(f"item_feature_{at}" for at in range(1, 4))
_LOGGED = ("timestamp", "item_id", "position", "click", "propensity_score", *_USER)

Numbers = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Log:
    """Impressions of one campaign, by time.

    `drawn` [n] tells those that the random policy drew, `at` [n] is in seconds since 1970, `item`
    [n] a place in `items`, `position` [n] from 1, `clicked` [n], `propensity` [n] how likely just
    that item stood there, `user` [n] the hidden features of who looked, `affinity` [n, items] how
    often they had clicked each item before. `items` has each item's number and its hidden kinds.
    """

    campaign: str
    drawn: NDArray[np.bool_]
    at: Numbers
    item: NDArray[np.intp]
    position: NDArray[np.intp]
    clicked: NDArray[np.bool_]
    propensity: Numbers
    user: NDArray[np.str_]
    affinity: NDArray[np.float32]
    items: Sequence[tuple[float, tuple[str, ...]]]

    def __len__(self) -> int:
        return len(self.at)


def find_campaigns(directory: Path) -> list[str]:
    """Name the campaigns that a folder has. Raises Invalid if it is no such folder."""
    found = {
        folder.name
        for policy in POLICIES
        for folder in directory.glob(f"{policy}/*")
        if (folder / f"{folder.name}.csv").is_file()
    }
    if not found:
        raise Invalid(
            f"{directory} is no open-bandit log: name the folder that has "
            f"{RANDOM}/CAMPAIGN/CAMPAIGN.csv, such as {RANDOM}/men/men.csv."
        )
    return sorted(found)


def read_log(directory: Path, campaign: str) -> Log:
    """Read one campaign under all policies. Raises Invalid, naming the file and what is wrong."""
    folders = [directory / policy / campaign for policy in POLICIES]
    files = [file for folder in folders if (file := folder / f"{campaign}.csv").is_file()]
    # The kinds of items are called otherwise under each policy; the items are the same.
    items = _rows(files[0].parent / ITEMS_FILE, ("item_id", _ITEM_NUMBER, *_ITEM))
    affinities = [f"user-item_affinity_{row['item_id']}" for row in items]
    ids = {row["item_id"]: at for at, row in enumerate(items)}
    rows: list[tuple[dict[str, str], bool]] = []
    for file in files:
        drawn = file.parent.parent.name == RANDOM
        rows += [(row, drawn) for row in _rows(file, (*_LOGGED, *affinities))]
    try:
        by_time = sorted((datetime.fromisoformat(row["timestamp"]).timestamp(), at)
                         for at, (row, _) in enumerate(rows))  # fmt: skip
        ordered = [rows[at] for _, at in by_time]
        return Log(
            campaign,
            drawn=np.array([drawn for _, drawn in ordered]),
            at=np.array([at for at, _ in by_time]),
            item=np.array([ids[row["item_id"]] for row, _ in ordered], np.intp),
            position=np.array([int(row["position"]) for row, _ in ordered], np.intp),
            clicked=np.array([int(row["click"]) > 0 for row, _ in ordered]),
            propensity=np.array([_propensity(row["propensity_score"]) for row, _ in ordered]),
            user=np.array([[row[name] for name in _USER] for row, _ in ordered]),
            affinity=np.array(
                [[row[name] for name in affinities] for row, _ in ordered], np.float32
            ),
            items=[(float(row[_ITEM_NUMBER]), tuple(row[name] for name in _ITEM))
                   for row in items],
        )  # fmt: skip
    except KeyError as error:
        raise Invalid(
            f"The log of {campaign!r} shows item {error}, which {ITEMS_FILE} does not have."
        ) from error
    except ValueError as error:
        raise Invalid(f"The log of {campaign!r} cannot be read: {error}.") from error


def _rows(file: Path, columns: Sequence[str]) -> list[dict[str, str]]:
    try:
        with file.open(newline="", encoding="utf-8") as opened:
            reader = csv.DictReader(opened)
            missing = [name for name in columns if name not in (reader.fieldnames or ())]
            if missing:
                raise Invalid(f"{file} has no column {missing[0]!r}: it is no open-bandit log.")
            rows = [row for row in reader if None not in row.values()]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise Invalid(f"{file} cannot be read: {error}.") from error
    if not rows:
        raise Invalid(f"{file} has no rows.")
    return rows


def _propensity(said: str) -> float:
    value = float(said)
    if not 0 < value <= 1:
        raise ValueError(f"a propensity of {said}")
    return value
