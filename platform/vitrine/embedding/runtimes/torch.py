"""torch: the timm model itself, for workers with a GPU. Imports torch and timm only when used."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from PIL.Image import Image

from vitrine.embedding.memory import BatchSize, within_memory
from vitrine.embedding.names import parse
from vitrine.embedding.preprocess import preprocess
from vitrine.embedding.registry import InstalledModel
from vitrine.embedding.runtimes import Encoded
from vitrine.embedding.specs import ModelSpec
from vitrine.errors import Misconfigured

_GPU_BATCH = 64
_CPU_BATCH = 16
# A root has no gradient at zero.
_LEAST_ACTIVATION = 1e-6


class TorchEncoder:
    """Runs the timm model with `weights.safetensors`, on CUDA where there is a GPU.

    In float32 on either: its vectors meet those of OpenVINO. On a CPU, `threads` sets how many
    torch uses in the whole process; None leaves that as it is.
    """

    def __init__(
        self, model: InstalledModel, *, device: str | None = None, threads: int | None = None
    ) -> None:
        torch, _ = require_torch()
        from safetensors.torch import load_file

        self._model = model
        self._torch = torch
        self._device = device or ("cuda" if torch.cuda.is_available() else "cpu")
        module = make_embedder(create_backbone(model.spec), model.spec)
        module.load_state_dict(load_file(model.path / "weights.safetensors"))
        self._module = module.eval().to(self._device, memory_format=torch.channels_last)
        # On a GPU convolutions would be rounded to ten bits, and vectors have to meet OpenVINO's.
        torch.backends.cudnn.allow_tf32 = False
        on_gpu = self._device.startswith("cuda")
        if threads is not None and not on_gpu:
            torch.set_num_threads(threads)
        self._fits = BatchSize(_GPU_BATCH if on_gpu else _CPU_BATCH)

    @property
    def spec(self) -> ModelSpec:
        return self._model.spec

    @property
    def digest(self) -> str:
        return self._model.digest

    def encode(self, images: Sequence[Image]) -> Encoded:
        """Embed pictures in batches that suit the device and its memory. Raises OutOfMemory."""
        pieces: list[Encoded] = []
        within_memory(self._fits, len(images), lambda size: self._compute(images, size, pieces))
        return Encoded.join(self.spec, pieces)

    def _compute(self, images: Sequence[Image], size: int, pieces: list[Encoded]) -> None:
        """Add the batches that `pieces` lack, in order."""
        done = sum(len(piece.embedding) for piece in pieces)
        for start in range(done, len(images), size):
            pixels = preprocess(images[start : start + size], self.spec.preprocessing)
            with self._torch.inference_mode():
                outputs = self._module(
                    self._torch.from_numpy(pixels).to(
                        self._device, memory_format=self._torch.channels_last
                    )
                )
                embedding, features = (
                    np.ascontiguousarray(output.float().cpu().numpy()) for output in outputs
                )
            pieces.append(Encoded(embedding, features))


def require_torch() -> tuple[Any, Any]:
    """Import torch and timm. Raises Misconfigured where they are not installed."""
    try:
        import timm
        import torch
    except ImportError as error:
        raise Misconfigured(
            "This needs PyTorch and timm, which are not installed here: "
            'pip install "vitrine[torch]"'
        ) from error
    return torch, timm


def model_options(timm_name: str, size: int | None) -> dict[str, Any]:
    """What `timm.create_model` is told beyond the name."""
    # A transformer is made for one input size; a convolutional network takes any.
    if size is not None and timm_name.startswith(("vit_", "deit", "beit", "eva", "swin")):
        return {"img_size": size}
    return {}


def create_backbone(spec: ModelSpec) -> Any:
    """Make the timm model of a specification, without weights."""
    _, timm = require_torch()
    if spec.head == "projected":
        return timm.create_model(spec.timm_name, pretrained=False, num_classes=0, global_pool="")
    recipe = parse(spec.name)
    options = model_options(recipe.timm_name, recipe.size)
    return timm.create_model(spec.timm_name, pretrained=False, **options)


def make_embedder(backbone: Any, spec: ModelSpec) -> Any:
    """Wrap a timm model: pixels → (embedding of length 1 [n, d], feature map [n, c, h, w]).

    Whatever the head, it treats every place of the map as it treats the whole, so that the mean of
    the map points where the embedding does.
    """
    torch, _ = require_torch()
    heads = {"pooled": _pooled, "projected": _projected}
    if spec.head not in heads:
        raise Misconfigured(
            f"This Vitrine has no head {spec.head!r}, as {spec.name} has it. OpenVINO still serves "
            "what is built of it; `vitrine models use NAME` switches to another model."
        )

    # mypy sees nothing of torch, which serving never installs, and so not what this inherits.
    class Embedder(torch.nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.backbone = backbone
            heads[spec.head](self, spec)

        def forward(self, pixels: Any) -> tuple[Any, Any]:
            pooled, features = self.head(*feature_maps(self.backbone, pixels, spec.levels))
            return torch.nn.functional.normalize(pooled, dim=1), features

    return Embedder()


def _pooled(module: Any, spec: ModelSpec) -> None:
    """Pool as the timm model does."""
    module.head = lambda raw, maps: (
        module.backbone.forward_head(raw, pre_logits=True),
        maps[0],
    )


def _projected(module: Any, spec: ModelSpec) -> None:
    """GeM pooling (Radenović et al. 2018) and an affine projection.

    The generalised mean y of x is also the plain mean of x**p / y**(p-1) over the places, and the
    projection is affine, so the map that is given is an exact decomposition: its mean over the
    places is the embedding before it is normalised.
    """
    torch, _ = require_torch()
    module.projection = torch.nn.Linear(channels(module.backbone, spec.levels), spec.dim)

    def head(raw: Any, maps: Sequence[Any]) -> tuple[Any, Any]:
        pooled, shares = pool(maps, spec.gem_p)
        weight = module.projection.weight[..., None, None]
        shares = torch.nn.functional.conv2d(shares, weight, module.projection.bias)
        return module.projection(pooled), shares

    module.head = head


def pool(maps: Sequence[Any], p: float) -> tuple[Any, Any]:
    """Pool feature maps, the last stage first, to [n, c]; also give the share of every place.

    The last by its generalised mean and earlier ones, brought to its grid, by their plain mean.
    The plain mean of the shares [n, c, h, w] is what is pooled.
    """
    torch, _ = require_torch()
    powered = maps[0].clamp(min=_LEAST_ACTIVATION).pow(p)
    pooled = powered.mean((2, 3)).pow(1 / p)
    shares = [powered / pooled.pow(p - 1)[..., None, None]]
    for earlier in maps[1:]:
        shares.append(torch.nn.functional.adaptive_avg_pool2d(earlier, maps[0].shape[2:]))
    return torch.cat([pooled, *(one.mean((2, 3)) for one in shares[1:])], 1), torch.cat(shares, 1)


def channels(backbone: Any, levels: int) -> int:
    """How many channels the maps of the last stages have together."""
    before = backbone.feature_info[-levels:-1] if levels > 1 else []
    return int(backbone.num_features) + sum(int(stage["num_chs"]) for stage in before)


def feature_maps(backbone: Any, pixels: Any, levels: int) -> tuple[Any, list[Any]]:
    """What the backbone gives, and the maps [n, c, h, w] of its last stages, the last first."""
    arrange = arrangement(backbone)
    if levels == 1:
        raw = backbone.forward_features(pixels)
        return raw, [arrange(raw)]
    raw, stages = backbone.forward_intermediates(pixels, indices=levels)
    return raw, [arrange(raw), *stages[-2::-1]]


def arrangement(backbone: Any) -> Callable[[Any], Any]:
    """Say how this family's features become [n, c, h, w]."""
    prefix = int(getattr(backbone, "num_prefix_tokens", 0))
    channels_last = getattr(backbone, "output_fmt", "NCHW") == "NHWC"

    def arrange(features: Any) -> Any:
        if features.ndim == 3:
            tokens = features[:, prefix:]
            side = math.isqrt(int(tokens.shape[1]))
            return tokens.transpose(1, 2).unflatten(2, (side, side))
        return features.permute(0, 3, 1, 2) if channels_last else features

    return arrange
