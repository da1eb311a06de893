"""From a timm model to a folder that serves: OpenVINO IR, weights and specification."""

import difflib
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import numpy as np

from vitrine.embedding.names import Recipe
from vitrine.embedding.preprocess import preprocess
from vitrine.embedding.registry import InstalledModel, Progress, write_manifest
from vitrine.embedding.runtimes import Encoded
from vitrine.embedding.runtimes.openvino import OpenVinoEncoder, load_openvino
from vitrine.embedding.runtimes.torch import (
    arrangement,
    create_backbone,
    make_embedder,
    model_options,
    require_torch,
)
from vitrine.embedding.scenes import scene
from vitrine.embedding.specs import ModelSpec, Preprocessing, model_digest
from vitrine.errors import Misconfigured, NotFound, Unavailable

WEIGHTS = "weights.safetensors"
# Below this the two runtimes do not run the same model.
LEAST_COSINE = 0.999


def export(recipe: Recipe, folder: Path, progress: Progress) -> ModelSpec:
    """Write a servable model into `folder` and return its specification.

    Raises NotFound for a name that timm does not know, Unavailable when its weights cannot be
    fetched, Misconfigured without torch or when OpenVINO does not reproduce the model.
    """
    require_torch()
    progress(_announcement(recipe))
    with _quiet():
        backbone = _create(recipe)
        spec = _describe(recipe, backbone)
        module = make_embedder(backbone, spec).eval()
    progress("writing weights")
    save_weights(module, folder / WEIGHTS)
    write_forms(module, spec, folder, progress)
    return spec


def write_forms(module: Any, spec: ModelSpec, folder: Path, progress: Progress) -> None:
    """Write what serves beside the weights that are in `folder`: the IR, and the manifest last."""
    digest = model_digest(spec, folder / WEIGHTS)
    _write_fp32(module, InstalledModel(spec.name, digest, spec.dim, folder, spec), progress)
    write_manifest(folder, spec, digest)


def restore(model: InstalledModel, progress: Progress) -> None:
    """Make the fp32 form of a model that has only its weights, as the shipped ones have.

    Raises Misconfigured without torch.
    """
    require_torch()
    from safetensors.torch import load_file

    module = make_embedder(create_backbone(model.spec), model.spec).eval()
    module.load_state_dict(load_file(model.path / WEIGHTS))
    _write_fp32(module, model, progress)


def _write_fp32(module: Any, model: InstalledModel, progress: Progress) -> None:
    with _quiet():
        progress("converting to OpenVINO")
        _convert(module, model.spec, model.path)
        progress("checking that OpenVINO and torch agree")
        _compare(module, model)


def _announcement(recipe: Recipe) -> str:
    if recipe.pretrained:
        return f"fetching {recipe.timm_name} with pretrained weights"
    return f"making {recipe.timm_name} with random weights: it is NOT TRAINED, to try things out"


def _create(recipe: Recipe) -> Any:
    torch, timm = require_torch()
    if not timm.is_model(recipe.timm_name.partition(".")[0]):
        close = difflib.get_close_matches(recipe.timm_name, timm.list_models(), n=3)
        raise NotFound(
            f"timm has no model {recipe.timm_name!r}"
            + (f"; did you mean {' or '.join(close)}?" if close else ".")
        )
    options = model_options(recipe.timm_name, recipe.size)
    if not recipe.pretrained:
        # The seed is set for this model alone: the caller's random numbers go on as they were.
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(recipe.seed)
            return timm.create_model(recipe.timm_name, pretrained=False, **options).eval()
    try:
        return timm.create_model(recipe.timm_name, pretrained=True, **options).eval()
    except (OSError, RuntimeError, ValueError, httpx.HTTPError) as error:
        raise Unavailable(
            f"The pretrained weights of {recipe.timm_name} cannot be had "
            f"({str(error).strip().splitlines()[0][:200]}). Let this machine reach the model hub "
            "(HF_ENDPOINT names a mirror), copy the model's folder from a machine that built it, "
            f"or try things out without training: 'timm:{recipe.timm_name}?pretrained=false'.",
            retry_after_seconds=60,
        ) from error


def _describe(recipe: Recipe, backbone: Any) -> ModelSpec:
    torch, timm = require_torch()
    config = timm.data.resolve_model_data_config(backbone)
    if recipe.size is not None:
        config["input_size"] = (3, recipe.size, recipe.size)
    preprocessing = Preprocessing.from_timm(config)
    with torch.inference_mode():
        pixels = torch.zeros(1, *preprocessing.input_size)
        features = backbone.forward_features(pixels)
        pooled = backbone.forward_head(features, pre_logits=True)
        channels, height, width = (int(side) for side in arrangement(backbone)(features).shape[1:])
    return ModelSpec(
        name=recipe.name,
        timm_name=recipe.timm_name,
        pretrained=recipe.pretrained,
        seed=recipe.seed,
        trained=recipe.pretrained,
        dim=int(pooled.shape[1]),
        map_shape=(channels, height, width),
        preprocessing=preprocessing,
    )


def save_weights(module: Any, path: Path, *, half: bool = False) -> None:
    """Write the weights; `half` rounds them to float16, in the module too."""
    from safetensors.torch import save_file

    torch, _ = require_torch()
    state = {
        name: tensor.detach().cpu().contiguous() for name, tensor in module.state_dict().items()
    }
    if half:
        state = {
            name: tensor.half() if tensor.dtype == torch.float32 else tensor
            for name, tensor in state.items()
        }
        module.load_state_dict(state)
    save_file(state, path)


def _convert(module: Any, spec: ModelSpec, folder: Path) -> None:
    """Write OpenVINO IR with a free batch size and named outputs."""
    openvino = load_openvino()
    from openvino.frontend.pytorch.ts_decoder import TorchScriptPythonDecoder

    torch, _ = require_torch()
    _, height, width = spec.preprocessing.input_size
    with torch.no_grad():
        # Not checked by tracing twice more: `_compare` checks what comes out in the end.
        traced = torch.jit.trace(module, torch.zeros(2, 3, height, width), check_trace=False)
    model = openvino.convert_model(TorchScriptPythonDecoder(traced))
    model.inputs[0].get_tensor().set_names({"pixels"})
    model.reshape([-1, 3, height, width])
    for output, name in zip(model.outputs, ("embedding", "map"), strict=True):
        output.get_tensor().set_names({name})
    # Half the size as float16, but then the two runtimes would not run the same weights.
    openvino.save_model(model, folder / "model.xml", compress_to_fp16=False)


def _compare(module: Any, model: InstalledModel) -> None:
    """Refuse a conversion that does not reproduce the model."""
    torch, _ = require_torch()
    how = model.spec.preprocessing
    pictures = [scene(np.random.default_rng(seed), how.short_side) for seed in range(2)]
    with torch.inference_mode():
        outputs = module(torch.from_numpy(preprocess(pictures, how)))
    wanted = Encoded(*(output.numpy() for output in outputs))
    got = OpenVinoEncoder(model, precision="fp32").encode(pictures)
    for one, other in ((wanted.embedding, got.embedding), (wanted.map, got.map)):
        least = float(_cosines(one, other).min())
        if not least > LEAST_COSINE:
            raise Misconfigured(
                f"OpenVINO does not reproduce {model.name} (cosine {least:.4f} to torch), so it is "
                "not installed; try another version of openvino."
            )


def _cosines(one: Any, other: Any) -> Any:
    a, b = (np.asarray(value, np.float64).reshape(len(value), -1) for value in (one, other))
    return (a * b).sum(1) / (np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1))


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the tracer's warnings from the terminal; they are about code that is timm's."""
    hub = logging.getLogger("huggingface_hub")
    level = hub.level
    hub.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        hub.setLevel(level)
