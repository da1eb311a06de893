"""int8: post-training quantisation of a model's OpenVINO IR with NNCF, calibrated on pictures.

Three choices make the vectors good; figures are of a ResNet-18 on groceries, on a CPU without VNNI.

Weights use 7 of the 8 bits (`OverflowFix.ENABLE`). Without VNNI a CPU adds products of two bytes in
16 bits, which full weights overflow: mean cosine to fp32 0.993 instead of 0.999, and the same model
would give other vectors on other CPUs.

Biases are corrected layer by layer, each by what comes out of the layers already quantised
(`fast_bias_correction=False`): mean cosine to fp32 0.997 instead of 0.995, for some seconds.

What follows the backbone stays in float: pooling, powers, projection, the division by the length.
It costs next to nothing. Quantised, the two sides of that division differ: vectors come out
10 % too long, and six points of recall at 1 are gone.
"""

import io
import logging
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Any

from vitrine.embedding.fidelity import Calibration, Picture, measure
from vitrine.embedding.preprocess import preprocess
from vitrine.embedding.registry import IR, InstalledModel, Progress, write_manifest
from vitrine.embedding.runtimes.openvino import OpenVinoEncoder, load_openvino
from vitrine.embedding.specs import ModelSpec
from vitrine.errors import Misconfigured

# So begin the names of the backbone's operations (see `make_embedder`).
_BACKBONE = "__module.backbone"


def make_int8(model: InstalledModel, calibration: Calibration, progress: Progress) -> None:
    """Write the int8 form beside the fp32 form, and into the manifest what it costs.

    Raises Misconfigured without NNCF.
    """
    require_nncf()
    progress(f"quantising to int8 by {len(calibration.pictures)} pictures ({calibration.name})")
    quantize(model.path, model.spec, calibration.pictures)
    task = calibration.task
    progress(f"measuring int8 against fp32: {len(task.queries)} searches ({task.name})")
    fp32, int8 = (OpenVinoEncoder(model, precision=form) for form in ("fp32", "int8"))
    found = {"calibrated_on": calibration.name, **measure(fp32, int8, task)}
    write_manifest(model.path, model.spec, model.digest, found)
    progress(described(found))


def described(found: dict[str, Any]) -> str:
    """Say in a sentence what int8 was measured to cost."""
    recall = found["r@1"]
    said = (
        f"int8: cosine to fp32 {found['cosine_mean']:.4f} (least {found['cosine_min']:.4f}); R@1 "
        f"{recall['int8']:.3f}, in a catalogue of fp32 {recall['int8 in fp32']:.3f}, "
        f"fp32 alone {recall['fp32']:.3f}"
    )
    if found["served"]:
        return said
    return (
        f"{said}. It loses {found['loss'] * 100:.1f} points, so fp32 stays in use "
        "(VITRINE_PRECISION=int8 runs int8 all the same)"
    )


def quantize(folder: Path, spec: ModelSpec, pictures: Sequence[Picture]) -> None:
    """Write the int8 form beside the fp32 form that is in `folder`.

    `pictures` should look like the catalogue; a few hundred are enough.
    """
    openvino, nncf = load_openvino(), require_nncf()
    model = openvino.Core().read_model(folder / IR["fp32"])
    how = spec.preprocessing
    with _quiet():
        quantized = nncf.quantize(
            model,
            nncf.Dataset(list(pictures), lambda one: preprocess([one(how.short_side)], how)),
            subset_size=len(pictures),
            fast_bias_correction=False,
            ignored_scope=nncf.IgnoredScope(names=_after_the_backbone(model), validate=False),
            advanced_parameters=nncf.AdvancedQuantizationParameters(
                overflow_fix=nncf.OverflowFix.ENABLE
            ),
        )
    # What is left in float is small; as float16 it is half of that.
    openvino.save_model(quantized, folder / IR["int8"], compress_to_fp16=True)


def require_nncf() -> Any:
    """Import NNCF without its reporting. Raises Misconfigured where it is not installed.

    It reports through the same package as OpenVINO, which `load_openvino` has put out of reach.
    """
    load_openvino()
    try:
        with _quiet():
            import nncf
    except ImportError as error:
        raise Misconfigured(
            'An int8 form needs NNCF, which is not installed here: pip install "vitrine[torch]". '
            "Or build without it: --precision fp32."
        ) from error
    return nncf


def _after_the_backbone(model: Any) -> list[str]:
    """Name the operations that no operation of the backbone depends on."""
    backbone = [op for op in model.get_ops() if op.get_friendly_name().startswith(_BACKBONE)]
    if not backbone:
        return []
    before, waiting = set(), list(backbone)
    while waiting:
        op = waiting.pop()
        name = op.get_friendly_name()
        if name not in before:
            before.add(name)
            waiting += [value.get_source_output().get_node() for value in op.inputs()]
    names = (op.get_friendly_name() for op in model.get_ops())
    return [name for name in names if name not in before]


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep messages and bars of NNCF, and of the torch it loads, from the terminal."""
    logs = [logging.getLogger(name) for name in ("nncf", "torch.utils.cpp_extension")]
    levels = [log.level for log in logs]
    try:
        for log in logs:
            log.setLevel(logging.ERROR)
        with redirect_stdout(io.StringIO()), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for log, level in zip(logs, levels, strict=True):
            log.setLevel(level)
