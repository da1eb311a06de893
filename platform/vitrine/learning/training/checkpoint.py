"""What a run leaves behind to go on from: one file, replaced whole."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from vitrine.errors import Conflict
from vitrine.learning.training.recipe import Recipe

_FILE = "checkpoint.pt"
# These may change between two halves of a run: they decide nothing about its result.
_FREE = {"data", "evaluate_every", "held_out", "licences"}

Pictures = dict[str, str]
"""By folder a digest of what is learnt from it."""


@dataclass(frozen=True)
class Checkpoint:
    """The state after `step` steps, and `commit`, the code that began."""

    step: int
    commit: str
    pictures: Pictures
    recalls: dict[str, float]
    network: dict[str, Any]
    average: dict[str, Any]
    optimiser: dict[str, Any]


def save_checkpoint(folder: Path, recipe: Recipe, state: Checkpoint) -> None:
    """Write the file beside the old one, then take its place: a kill leaves one of the two."""
    building = folder / f".{_FILE}"
    torch.save({"recipe": recipe.model_dump(mode="json"), **vars(state)}, building)
    building.rename(folder / _FILE)


def forget_run(folder: Path) -> None:
    """Remove what a run left in its folder, and nothing else that is there."""
    for name in (_FILE, f".{_FILE}"):
        (folder / name).unlink(missing_ok=True)


def load_checkpoint(folder: Path, recipe: Recipe) -> Checkpoint | None:
    """Read where a run is, None if it has not begun.

    Raises Conflict when it belongs to another recipe, or was written by another Vitrine.
    """
    path = folder / _FILE
    if not path.exists():
        return None
    values = torch.load(path, map_location="cpu", weights_only=True)
    before, now = values.pop("recipe"), recipe.model_dump(mode="json")
    changed = sorted(key for key in now if key not in _FREE and now[key] != before.get(key))
    if changed:
        raise Conflict(
            f"{folder} holds a run of another recipe ({', '.join(changed)} differ). Give another "
            "--run folder, or --fresh to begin again."
        )
    try:
        return Checkpoint(**values)
    except TypeError as error:
        raise Conflict(
            f"{folder} holds a run of another version of Vitrine. Give another --run folder, or "
            "--fresh to begin again."
        ) from error


def check_pictures(found: Checkpoint, pictures: Pictures) -> None:
    """Raise Conflict where a run would go on with other pictures or labels than it began with."""
    for folder, digest in pictures.items():
        if found.pictures.get(folder) != digest:
            raise Conflict(
                f"The pictures or labels of {folder} are not those that this run began with. Give "
                "another --run folder, or --fresh to begin again."
            )
