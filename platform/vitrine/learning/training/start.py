"""Begin a run with what a model knows already."""

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file

from vitrine.embedding.export import WEIGHTS
from vitrine.embedding.registry import InstalledModel
from vitrine.embedding.runtimes.torch import create_backbone, make_embedder
from vitrine.errors import Invalid
from vitrine.learning.training.held_out import pixels_of
from vitrine.learning.training.network import Network
from vitrine.learning.training.pool import Source
from vitrine.learning.training.sampling import Rows

# A proxy is the mean of so many pictures of its label.
_PER_LABEL = 8
_UNLABELLED = 256
_BATCH = 64


def begin_with(
    network: Network,
    model: InstalledModel,
    sources: Sequence[Source],
    forget: Collection[str] = (),
) -> None:
    """Take over the weights of a model and let the proxies stand where their labels are.

    Or take over only the backbone without its parts `forget`, and learn those, the projection and
    the proxies anew: what late layers know by heart stays behind, what early ones see goes along
    (later-layer forgetting, Zhou et al. 2022).

    A model has its batch norm folded into the projection. So the norm gets the statistics of the
    pictures that will be learnt from and gives back what it takes away: in training as in use the
    network is the model that it begins with. Raises Invalid for a model of another shape.
    """
    was, now = model.spec, network.spec
    if (was.head, was.timm_name, was.dim, was.gem_p) != (
        now.head, now.timm_name, now.dim, now.gem_p,
    ):  # fmt: skip
        raise Invalid(
            f"The run cannot start from {model.name}, a {was.timm_name} of {was.dim} dimensions: "
            f"the recipe asks for a {now.timm_name} of {now.dim}, with gem_p = {now.gem_p:g}, that "
            "`vitrine train` makes."
        )
    if was.levels > now.levels:
        raise Invalid(
            f"The run cannot start from {model.name}: give the recipe its levels = {was.levels}."
        )
    module = make_embedder(create_backbone(was), was)
    module.load_state_dict(load_file(model.path / WEIGHTS))
    if forget:
        _keep_but(forget, network.backbone, module.backbone)
        return
    network.backbone.load_state_dict(module.backbone.state_dict())
    norm, bias = network.norm, module.projection.bias.detach().to(network.norm.bias.device)
    with torch.no_grad():
        # A level that the model does not look at counts nothing at first.
        network.projection.weight.zero_()
        known = module.projection.weight.shape[1]
        network.projection.weight[:, :known].copy_(module.projection.weight)
        chosen = [_some(source.labels) for source in sources]
        projected = [_projected(network, s, rows) for s, rows in zip(sources, chosen, strict=True)]
        everything = torch.cat(projected)
        norm.running_mean.copy_(everything.mean(0))
        norm.running_var.copy_(everything.var(0))
        norm.weight.copy_((norm.running_var + norm.eps).sqrt())
        norm.bias.copy_(bias + norm.running_mean)
        for source, rows, found in zip(sources, chosen, projected, strict=True):
            if not source.dataset.self_supervised:
                means = _means(torch.nn.functional.normalize(found + bias, dim=1), source, rows)
                proxies = network.proxies[source.key]
                # As long as random ones: their length says how fast they turn.
                proxies.copy_(torch.nn.functional.normalize(means, dim=1) * now.dim**0.5)


def _keep_but(forget: Collection[str], backbone: Any, known: Any) -> None:
    parts = [name for name, _ in known.named_children()]
    if unknown := set(forget) - set(parts):
        raise Invalid(
            f"The backbone has no {', '.join(sorted(unknown))} to forget; its parts are "
            f"{', '.join(parts)}."
        )
    kept = {
        name: values
        for name, values in known.state_dict().items()
        if name.partition(".")[0] not in forget
    }
    backbone.load_state_dict(kept, strict=False)


def _some(labels: Rows) -> Rows:
    """Rows of a few pictures of each label, or of some without labels."""
    most = _UNLABELLED if (labels < 0).all() else _PER_LABEL
    rows = [np.flatnonzero(labels == code)[:most] for code in np.unique(labels)]
    return np.concatenate(rows)


def _projected(network: Network, source: Source, rows: Rows) -> Any:
    """What goes into the norm: float32 [rows, dim]."""
    network.eval()
    device = network.norm.bias.device
    return torch.cat(
        [
            network.project(
                pixels_of(source.pixels[rows[at : at + _BATCH]], network.spec, str(device))
            )
            for at in range(0, len(rows), _BATCH)
        ]
    )


def _means(embeddings: Any, source: Source, rows: Rows) -> Any:
    labels = torch.from_numpy(source.labels[rows]).to(embeddings.device)
    sums = embeddings.new_zeros(source.label_count, embeddings.shape[1])
    return sums.index_add_(0, labels, embeddings)
