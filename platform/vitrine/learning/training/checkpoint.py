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


@dataclass(frozen=True)
class Checkpoint:
    """The state after `step` steps."""

    step: int
    network: dict[str, Any]
    average: dict[str, Any]
    optimiser: dict[str, Any]


def save_checkpoint(folder: Path, recipe: Recipe, state: Checkpoint) -> None:
    """Write the file beside the old one, then take its place: a kill leaves one of the two."""
    building = folder / f".{_FILE}"
    torch.save({"recipe": recipe.model_dump(mode="json"), **vars(state)}, building)
    building.rename(folder / _FILE)


def load_checkpoint(folder: Path, recipe: Recipe) -> Checkpoint | None:
    """Read where a run is, None if it has not begun.

    Raises Conflict when it belongs to another recipe.
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
    return Checkpoint(**values)
