"""How well the network searches pictures that it never learns from, as the run goes on."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from vitrine.embedding.preprocess import FittedPixels, normalise
from vitrine.embedding.specs import ModelSpec
from vitrine.learning.evaluation.metrics import count_relevant, is_right, recall_at
from vitrine.learning.evaluation.ranking import Rows, rank
from vitrine.learning.training.network import Network
from vitrine.learning.training.recipe import HeldOut

_BATCH = 64


@dataclass(frozen=True)
class Task:
    """A held-out search: fitted pictures and label codes of catalogue and queries.

    `own` [q] is the catalogue row of the query itself, which it must not find, or NONE.
    """

    held_out: HeldOut
    own: Rows
    catalogue: tuple[FittedPixels, Rows]
    queries: tuple[FittedPixels, Rows]


def recall_at_1(network: Network, task: Task, device: str) -> float:
    """R@1 of the task, with the preprocessing that will serve."""
    queries = embed(network, task.queries[0], device)
    itself = task.held_out.catalog == task.held_out.queries
    catalogue = queries if itself else embed(network, task.catalogue[0], device)
    codes = task.queries[1], task.catalogue[1]
    found = rank(queries, catalogue, codes, depth=1, own=task.own).found
    relevant = count_relevant(*codes, task.own)
    return float(np.nanmean(recall_at(is_right(found, *codes), relevant, 1)))


def embed(network: Network, pictures: FittedPixels, device: str) -> Any:
    """Embed fitted pictures: float32 [n, dim] of length 1."""
    network.eval()
    with torch.inference_mode():
        batches = [
            network(pixels_of(pictures[at : at + _BATCH], network.spec, device))
            for at in range(0, len(pictures), _BATCH)
        ]
    return torch.cat(batches).float().cpu().numpy()


def pixels_of(pictures: FittedPixels, spec: ModelSpec, device: str) -> Any:
    """Fitted pictures [n, h, w, 3] as what the network is given [n, 3, h, w], on the device."""
    pixels = torch.from_numpy(normalise(np.array(pictures), spec.preprocessing))
    return pixels.to(device, memory_format=torch.channels_last)
