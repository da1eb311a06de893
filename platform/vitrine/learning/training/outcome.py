"""From a finished run to a model that the shop can use."""

from pathlib import Path

from vitrine.embedding.build import add
from vitrine.embedding.export import WEIGHTS, save_weights, write_forms
from vitrine.embedding.registry import InstalledModel, ModelStore, Progress
from vitrine.learning.training.network import Network, embedder

CARD = "card.md"
RECIPE = "recipe.toml"


def install(
    store: ModelStore, network: Network, recipe: bytes, card: str, progress: Progress
) -> InstalledModel:
    """Put a trained network into the store: weights in float16, the fp32 IR, recipe and card.

    `recipe` is the file as the run was given it.

    The digest is of the rounded weights, so that a model is the same after it was shipped.
    """
    module = embedder(network)

    def write(folder: Path) -> None:
        progress("writing weights")
        save_weights(module, folder / WEIGHTS, half=True)
        (folder / CARD).write_text(card)
        (folder / RECIPE).write_bytes(recipe)
        write_forms(module, network.spec, folder, progress)

    return add(store, write)
