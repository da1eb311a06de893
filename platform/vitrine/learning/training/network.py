"""What is trained: a backbone, a projection with batch norm, and one classifier a data set."""

from collections.abc import Mapping, Sequence
from typing import Any

import timm
import torch
from torch.nn import functional

from vitrine.embedding.runtimes.torch import (
    channels,
    create_backbone,
    feature_maps,
    make_embedder,
    pool,
)
from vitrine.embedding.specs import ModelSpec, Preprocessing
from vitrine.errors import Invalid
from vitrine.learning.training.recipe import Recipe


def specification(recipe: Recipe) -> ModelSpec:
    """Say what the trained model will be."""
    network = recipe.network
    side = network.input_side
    if not timm.is_model(network.backbone):
        raise Invalid(f"timm has no model {network.backbone!r} for the recipe's backbone.")
    backbone = timm.create_model(network.backbone, pretrained=False, num_classes=0, global_pool="")
    config = timm.data.resolve_model_data_config(backbone)
    stride = max(int(stage["reduction"]) for stage in backbone.feature_info)
    return ModelSpec(
        name=recipe.name,
        timm_name=network.backbone,
        pretrained=False,
        seed=recipe.seed,
        trained=True,
        dim=network.dim,
        map_shape=(network.dim, -(-side // stride), -(-side // stride)),
        # Squeezed, not cut to a square: shops show things up to the edge.
        preprocessing=Preprocessing(
            (3, side, side),
            mean=config["mean"],
            std=config["std"],
            interpolation="bicubic",
            crop_pct=network.crop,
            crop_mode="squash",
        ),
        head="projected",
        gem_p=network.gem_p,
        levels=network.levels,
    )


class Network(torch.nn.Module):  # type: ignore[misc] # mypy sees nothing of torch
    """Pixels → embeddings of length 1 [n, dim], with cosine classifiers beside them."""

    def __init__(self, spec: ModelSpec, labels: Mapping[str, int]) -> None:
        super().__init__()
        self.spec = spec
        self.backbone = create_backbone(spec)
        self.projection = torch.nn.Linear(
            channels(self.backbone, spec.levels), spec.dim, bias=False
        )
        self.norm = torch.nn.BatchNorm1d(spec.dim)
        self.proxies = torch.nn.ParameterDict(
            {name: torch.nn.Parameter(torch.randn(n, spec.dim)) for name, n in labels.items()}
        )

    def pool(self, pixels: Any) -> Any:
        """Pixels → what goes into the projection [n, channels]."""
        _, maps = feature_maps(self.backbone, pixels, self.spec.levels)
        return pool(maps, self.spec.gem_p)[0]

    def project(self, pixels: Any) -> Any:
        """Pixels → what goes into the norm [n, dim]."""
        return self.projection(self.pool(pixels))

    def forward(self, pixels: Any) -> Any:
        return functional.normalize(self.norm(self.project(pixels)), dim=1)

    def cosines(self, name: str, embeddings: Any) -> Any:
        """Cosines [n, labels] to the proxies of a data set."""
        return embeddings @ functional.normalize(self.proxies[name], dim=1).T


def embedder(network: Network) -> Any:
    """What serves: the batch norm folded into the projection, no classifiers, in float32."""
    spec = network.spec
    module = make_embedder(create_backbone(spec), spec)
    module.backbone.load_state_dict(network.backbone.state_dict())
    norm = network.norm
    with torch.no_grad():
        scale = norm.weight / (norm.running_var + norm.eps).sqrt()
        module.projection.weight.copy_(network.projection.weight * scale[:, None])
        module.projection.bias.copy_(norm.bias - norm.running_mean * scale)
    return module.eval()


def parameter_groups(network: Any, weight_decay: float) -> Sequence[Mapping[str, Any]]:
    """Decay matrices and kernels, leave biases and norms alone."""
    decayed = [p for p in network.parameters() if p.ndim > 1]
    free = [p for p in network.parameters() if p.ndim <= 1]
    return [
        {"params": decayed, "weight_decay": weight_decay},
        {"params": free, "weight_decay": 0.0},
    ]
