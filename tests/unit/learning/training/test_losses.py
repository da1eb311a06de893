"""The losses against loops over their definitions."""

import math

import pytest
import torch

from vitrine.learning.training.losses import PairLosses, normalised_softmax, two_views
from vitrine.learning.training.recipe import Losses


def unit(rows: int, dim: int, seed: int) -> torch.Tensor:
    torch.manual_seed(seed)
    return torch.nn.functional.normalize(torch.randn(rows, dim), dim=1)


def test_normalised_softmax() -> None:
    cosines = unit(5, 8, 0) @ unit(3, 8, 1).T
    labels = torch.tensor([0, 2, 1, 1, 0])
    wanted = 0.0
    for row, label in zip(cosines.tolist(), labels.tolist(), strict=True):
        exponents = [math.exp(value / 0.05) for value in row]
        wanted -= math.log(exponents[label] / sum(exponents)) / 5
    found = normalised_softmax(cosines, labels, Losses(temperature=0.05))
    assert float(found.mean()) == pytest.approx(wanted, rel=1e-4)


def test_two_views_find_each_other_among_all() -> None:
    one, other = unit(4, 8, 0), unit(4, 8, 1)
    both = [*one, *other]
    wanted = 0.0
    for at, view in enumerate(both):
        scores = {
            where: math.exp(float(view @ them) / 0.2)
            for where, them in enumerate(both)
            if where != at
        }
        wanted -= math.log(scores[(at + 4) % 8] / sum(scores.values())) / 8
    assert float(two_views(one, other, 0.2)) == pytest.approx(wanted, rel=1e-4)


def test_pair_losses_are_added_by_their_weight() -> None:
    embeddings, labels = unit(8, 8, 0), torch.tensor([0, 0, 1, 1, 2, 2, 3, 3])
    nothing = PairLosses(Losses())(embeddings, labels)
    single = PairLosses(Losses(supervised_contrastive=1))(embeddings, labels)
    double = PairLosses(Losses(supervised_contrastive=2))(embeddings, labels)
    both = PairLosses(Losses(supervised_contrastive=1, multi_similarity=1))(embeddings, labels)
    assert float(nothing) == 0
    assert float(single) > 0
    assert float(double) == pytest.approx(2 * float(single), rel=1e-5)
    assert float(both) > float(single)
