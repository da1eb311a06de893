"""The model card: what a trained model was made of, and what it is worth (Mitchell et al. 2019)."""

import platform as machine
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version

from vitrine.embedding.specs import ModelSpec
from vitrine.learning.training.recipe import Dataset, Recipe


@dataclass(frozen=True)
class Made:
    """What is known of a run when it is over; `recalls` are R@1 of its held-out searches.

    `start` is the digest of the model that it began with.
    """

    pictures: Mapping[str, int]
    steps: int
    device: str
    recalls: Mapping[str, float]
    commit: str
    start: str | None = None


def model_card(recipe: Recipe, spec: ModelSpec, made: Made) -> str:
    """Write the card as Markdown."""
    rows = [_dataset_row(one, made.pictures, recipe.licences) for one in recipe.datasets]
    stages = ", then ".join(f"{one.epochs:g} epochs at {one.side} pixels" for one in recipe.stages)
    figures = [f"| {title} | {recall:.3f} |" for title, recall in made.recalls.items()]
    versions = ", ".join(f"{name} {version(name)}" for name in ("torch", "timm"))
    lines = [
        f"# {recipe.name}",
        "",
        f"An embedding model for image search: {spec.timm_name} with generalised-mean pooling "
        f"(p = {spec.gem_p:g}) and a projection to {spec.dim} dimensions, for pictures of "
        f"{spec.preprocessing.input_size[1]}×{spec.preprocessing.input_size[2]} pixels.",
        "",
        "## Trained on",
        "",
        f"From {_beginning(recipe, made)}, on these pictures and no others:",
        "",
        "| data set | splits | pictures | share of a batch | licence |",
        "|---|---|---|---|---|",
        *rows,
        "",
        "## Trained how",
        "",
        f"`vitrine train` with the `recipe.toml` beside this card: {stages}; {made.steps} steps "
        f"on {made.device}, seed {recipe.seed}, commit {made.commit}, {versions}, Python "
        f"{machine.python_version()}.",
        "",
        "## Measured as it was trained",
        "",
        "| held-out search | R@1 |",
        "|---|---|",
        *figures,
        "",
        "## Limits",
        "",
        "It knows the kinds of things it was trained on, and other things only by their colours, "
        "shapes and textures. It was not made to recognise people, and must not be used for that. "
        "`vitrine evaluate` says what it is worth on pictures of your own.",
        "",
    ]
    return "\n".join(lines)


def _beginning(recipe: Recipe, made: Made) -> str:
    if made.start is None:
        return "random weights"
    forgotten = "".join(f", without its {part}" for part in recipe.network.forget)
    known = f"{recipe.network.start} (digest {made.start[:12]}; see its own card)"
    return f"the weights of {known}{forgotten}"


def _dataset_row(one: Dataset, pictures: Mapping[str, int], licences: Mapping[str, str]) -> str:
    name = one.folder + (" (without labels)" if one.self_supervised else "")
    licence = licences.get(one.folder, "not stated in the recipe")
    count = pictures[one.folder]
    return f"| {name} | {', '.join(one.splits)} | {count} | {one.share:g} | {licence} |"
