"""What a batch of embeddings is told to become."""

from typing import Any

import torch
from torch.nn import functional

from vitrine.errors import Misconfigured
from vitrine.learning.training.recipe import Losses


def normalised_softmax(cosines: Any, labels: Any, how: Losses) -> Any:
    """Cross entropy [n] over cosines to proxies (Zhai and Wu 2019)."""
    return functional.cross_entropy(
        cosines / how.temperature, labels, label_smoothing=how.label_smoothing, reduction="none"
    )


def two_views(one: Any, other: Any, temperature: float) -> Any:
    """NT-Xent (Chen et al. 2020): each of [n, d] finds its other view among all of them."""
    both = torch.cat([one, other])
    cosines = both @ both.T / temperature
    count = len(one)
    cosines.fill_diagonal_(float("-inf"))
    right = torch.arange(2 * count, device=both.device).roll(count)
    return functional.cross_entropy(cosines, right)


class PairLosses:
    """The losses over pairs that a recipe asks for, from pytorch-metric-learning."""

    def __init__(self, how: Losses) -> None:
        self._weighted: list[tuple[float, Any]] = []
        if how.supervised_contrastive or how.multi_similarity:
            losses = _metric_learning()
            if how.supervised_contrastive:
                loss = losses.SupConLoss(temperature=0.1)
                self._weighted.append((how.supervised_contrastive, loss))
            if how.multi_similarity:
                self._weighted.append((how.multi_similarity, losses.MultiSimilarityLoss()))

    def __call__(self, embeddings: Any, labels: Any) -> Any:
        total = embeddings.new_zeros(())
        for weight, loss in self._weighted:
            total = total + weight * loss(embeddings, labels)
        return total


def _metric_learning() -> Any:
    try:
        from pytorch_metric_learning import losses
    except ImportError as error:
        raise Misconfigured(
            "The recipe asks for a loss over pairs, which needs pytorch-metric-learning: "
            'pip install "vitrine[train]"'
        ) from error
    return losses
