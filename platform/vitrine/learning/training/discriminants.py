"""The projection in closed form, when the backbone has learnt what it can.

Gradients stop when every picture of the training set is classified, and the spread that is left
within a label is no loss of theirs; but it is what a search stumbles over, since the nearest
picture may be an outlier of another label. Linear discriminants take away exactly that spread
(Fisher 1936; Rao 1948).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional

from vitrine.errors import Invalid
from vitrine.learning.training.held_out import pixels_of
from vitrine.learning.training.network import Network
from vitrine.learning.training.pool import Source
from vitrine.learning.training.sampling import Rows

_BATCH = 64
Matrix = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Labelled:
    """Features [n, c] and label codes [n] of one data set, and its share of all."""

    features: Matrix
    labels: Rows
    share: float


def project_by_discriminants(
    network: Network, sources: Sequence[Source], shrinkage: float, device: str
) -> None:
    """Replace projection and norm by the discriminants of what the backbone sees in the sources."""
    sets = [
        Labelled(_pooled(network, one, device), one.labels, one.dataset.share)
        for one in sources
        if not one.dataset.self_supervised
    ]
    weights, mean = discriminants(sets, network.spec.dim, shrinkage, network.spec.seed)
    with torch.no_grad():
        network.projection.weight.copy_(torch.from_numpy(weights))
        network.norm.reset_running_stats()
        network.norm.running_mean.copy_(torch.from_numpy(weights @ mean))
        network.norm.weight.fill_(1)
        network.norm.bias.zero_()


def discriminants(
    sets: Sequence[Labelled], dim: int, shrinkage: float, seed: int
) -> tuple[Matrix, Matrix]:
    """Directions [dim, c] in which labels differ most for how much they spread, and the mean [c].

    The spread within labels is the data sets', by their shares, shrunk towards a sphere by
    `shrinkage` (0 to 1), so that it can be inverted when pictures are few; every label of a data
    set counts the same. Labels span one dimension less than they are: fewer than `dim` directions
    are laid into all `dim` dimensions by a rotation, which leaves cosines as they are.

    Raises Invalid when no label has two pictures that differ.
    """
    channels = sets[0].features.shape[1]
    within, means, counts = np.zeros((channels, channels)), [], []
    total = sum(one.share for one in sets)
    for one in sets:
        centres = np.stack([one.features[one.labels == code].mean(0) for code in _codes(one)])
        spread = one.features - centres[np.searchsorted(_codes(one), one.labels)]
        within += one.share / total * spread.T @ spread / len(spread)
        means.append(centres)
        counts.append(np.full(len(centres), one.share / total / len(centres)))
    chances = np.concatenate(counts)
    centres = np.concatenate(means)
    mean = chances @ centres
    if not np.trace(within) > 0:
        raise Invalid(
            "Discriminants need labels with more than one picture: give some labels more, or leave "
            "`discriminants` out of the recipe."
        )
    sphere = np.trace(within) / channels * np.eye(channels)
    lengths, axes = np.linalg.eigh((1 - shrinkage) * within + shrinkage * sphere)
    whitening = axes / np.sqrt(np.maximum(lengths, 1e-9 * lengths.max()))
    apart = np.sqrt(chances)[:, None] * ((centres - mean) @ whitening)
    _, strengths, directions = np.linalg.svd(apart, full_matrices=False)
    differing = strengths > 1e-6 * strengths.max()
    kept = directions[differing][:dim] @ whitening.T
    turn, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(dim, len(kept))))
    weights: Matrix = turn @ kept
    return weights, mean


def _codes(one: Labelled) -> Rows:
    return np.unique(one.labels)


def _pooled(network: Network, source: Source, device: str) -> Matrix:
    """What the projection is given of every picture, as it is when the model serves [n, c]."""
    network.eval()
    spec, found = network.spec, []
    with torch.inference_mode():
        for at in range(0, len(source.pixels), _BATCH):
            served = _served(np.array(source.pixels[at : at + _BATCH]), network)
            found.append(network.pool(pixels_of(served, spec, device)).double().cpu().numpy())
    return np.concatenate(found)


def _served(pictures: npt.NDArray[np.uint8], network: Network) -> npt.NDArray[np.uint8]:
    """The middle of whole pictures [n, side, side, 3] at the size that serves, as uint8."""
    how = network.spec.preprocessing
    whole = pictures.shape[1]
    kept = round(whole * how.crop_pct)
    start = (whole - kept) // 2
    middle = torch.from_numpy(pictures[:, start : start + kept, start : start + kept])
    fitted = functional.interpolate(
        middle.permute(0, 3, 1, 2).float(),
        how.input_size[1:],
        mode="bicubic",
        antialias=True,
    )
    fitted = fitted.round().clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1)
    result: npt.NDArray[np.uint8] = fitted.contiguous().numpy()
    return result
