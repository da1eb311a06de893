"""Pictures per second from file to vector: the plain pipeline, ours, and what the CPU could do.

The plain pipeline is that of the usual article: Pillow at full size, timm's transform, timm's model
in eager torch, one picture after the other. Ours is the worker's: JPEGs decoded at reduced scale in
lanes, computed by OpenVINO in batches. The ceiling takes only what cannot be left out, decoding and
computing on tensors that are ready, adds up their CPU time with every core busy, and divides the
cores by it. All see the same files, in turns, and the figures are medians of the turns.

    python bench/embed.py --images 16 --runs 5

Where other programs use the cores too, the clock runs against everybody at different times; the
share of the ceiling by CPU time alone tells most then.
"""

import argparse
import io
import statistics
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import timm
import torch
from _pictures import CATALOGUE, PHONE, pictures
from PIL import Image
from timm.data import create_transform

from vitrine.embedding.cores import usable_cores
from vitrine.embedding.lanes import in_lanes, lanes_for
from vitrine.embedding.preprocess import preprocess
from vitrine.embedding.registry import InstalledModel, ModelStore, Precision
from vitrine.embedding.runtimes import MAX_BATCH
from vitrine.embedding.runtimes.openvino import OpenVinoEncoder, load_openvino
from vitrine.embedding.specs import Preprocessing
from vitrine.media.decode import Limits, decode, probe
from vitrine.settings import load_settings

LIMITS = Limits(max_bytes=20 * 1024 * 1024, max_pixels=50_000_000)
SIZES = {"catalogue JPEGs 400×500": CATALOGUE, "phone JPEGs 1600×1200": PHONE}
CORES = usable_cores()
PAUSE_SECONDS = 0.3

Run = Callable[[list[bytes]], object]


@dataclass
class Figures:
    """Of every turn: pictures per second by the clock, and CPU milliseconds of a picture."""

    rates: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)

    def take(self, run: Run, files: list[bytes]) -> None:
        # The threads of torch and OpenVINO spin for a moment after their work: not into this turn.
        time.sleep(PAUSE_SECONDS)
        cpu, began = time.process_time(), time.perf_counter()
        run(files)
        self.rates.append(len(files) / (time.perf_counter() - began))
        self.cpu.append((time.process_time() - cpu) * 1000 / len(files))

    @property
    def rate(self) -> float:
        return statistics.median(self.rates)

    @property
    def cpu_ms(self) -> float:
        return statistics.median(self.cpu)


def plain(timm_name: str, how: Preprocessing) -> Run:
    """The usual article's. Its weights are random: they cost what trained ones do."""
    model = timm.create_model(timm_name, pretrained=False, num_classes=0).eval()
    transform = create_transform(
        how.input_size,
        is_training=False,
        interpolation=how.interpolation,
        mean=how.mean,
        std=how.std,
        crop_pct=how.crop_pct,
        crop_mode=how.crop_mode,
    )

    def run(files: list[bytes]) -> None:
        for data in files:
            picture = Image.open(io.BytesIO(data)).convert("RGB")
            with torch.no_grad():
                model(transform(picture).unsqueeze(0))[0].numpy()

    return run


def own(timm_name: str) -> Preprocessing:
    """What timm says of a model: 224 pixels for the ResNets."""
    model = timm.create_model(timm_name, pretrained=False)
    return Preprocessing.from_timm(timm.data.resolve_model_data_config(model))


def ours(model: InstalledModel, form: Precision) -> Run:
    """The worker's, without the database."""
    encoder = OpenVinoEncoder(model, hint="throughput", precision=form, threads=CORES)
    short_side = model.spec.preprocessing.short_side

    def piece(files: Sequence[bytes]) -> Any:
        for data in files:
            probe(data, LIMITS)
        drawn = [decode(data, LIMITS, short_side=short_side) for data in files]
        return encoder.encode(drawn).embedding

    def run(files: list[bytes]) -> int:
        return sum(len(vectors) for vectors in in_lanes(piece, files, lanes=lanes_for(CORES)))

    return run


def decoding(model: InstalledModel) -> Run:
    """Decode on every core, as the ceiling does it."""
    short_side = model.spec.preprocessing.short_side

    def run(files: list[bytes]) -> None:
        with ThreadPoolExecutor(CORES) as cores:
            list(cores.map(lambda data: decode(data, LIMITS, short_side=short_side), files))

    return run


def computing(model: InstalledModel, form: Precision) -> Run:
    """Compute ready tensors on every core, one thread a batch, which wastes the least."""
    network = load_openvino().Core()
    options = {"NUM_STREAMS": CORES, "INFERENCE_NUM_THREADS": CORES, "ENABLE_CPU_PINNING": False}
    options["INFERENCE_PRECISION_HINT"] = "f32"
    compiled = network.compile_model(str(model.ir(form)), "CPU", options)
    requests = [compiled.create_infer_request() for _ in range(CORES)]
    how = model.spec.preprocessing
    # Whatever is in it, the sums are the same.
    ready = preprocess([Image.new("RGB", (how.short_side, how.short_side))] * MAX_BATCH, how)

    def run(files: list[bytes]) -> None:
        each = -(-len(files) // CORES)
        for start in range(0, each, MAX_BATCH):
            batch = ready[: min(MAX_BATCH, each - start)]
            for request in requests:
                request.start_async({0: batch}, share_inputs=True)
            for request in requests:
                request.wait()

    return run


def measure(model: InstalledModel, files: list[bytes], runs: int) -> dict[str, Figures]:
    """Everything in turns, so that what else the machine does meets all alike."""
    name, how = model.spec.timm_name, model.spec.preprocessing
    todo = {
        "plain resnet50 at 224": plain("resnet50", own("resnet50")),
        "plain resnet18 at 224": plain("resnet18", own("resnet18")),
        f"plain {name} at {how.input_size[1]}, as ours": plain(name, how),
        "decoding": decoding(model),
    }
    for form in model.precisions:
        todo[f"vitrine {form}"] = ours(model, form)
        todo[f"computing {form}"] = computing(model, form)
    found = {what: Figures() for what in todo}
    for run in todo.values():
        run(files[:CORES])
    for _ in range(runs):
        for what, run in todo.items():
            found[what].take(run, files)
    return found


def report(model: InstalledModel, found: dict[str, Figures]) -> None:
    plains = [what for what in found if what.startswith("plain")]
    print(f"{'':34}{'images/s':>10}{'CPU ms each':>13}")
    for what in plains:
        print(f"{what:34}{found[what].rate:10.1f}{found[what].cpu_ms:13.1f}")
    for form in model.precisions:
        mine = found[f"vitrine {form}"]
        needed = found["decoding"].cpu_ms + found[f"computing {form}"].cpu_ms
        ceiling = CORES / needed * 1000
        print(f"{f'vitrine {form}':34}{mine.rate:10.1f}{mine.cpu_ms:13.1f}")
        print(f"{f'ceiling {form}':34}{ceiling:10.1f}{needed:13.1f}")
        for what in plains:
            print(f"  vitrine {form} / {what:34}{mine.rate / found[what].rate:7.1f}")
        share, by_cpu = mine.rate / ceiling, needed / mine.cpu_ms
        print(f"  vitrine {form} / ceiling {share:.0%}, by CPU time alone {by_cpu:.0%}")


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--model", help="Any name of a model.  [default: VITRINE_MODEL]")
    options.add_argument("--models-dir", type=Path, help="Where built models are kept.")
    options.add_argument("--images", type=int, default=32, help="Files of each size.")
    options.add_argument("--runs", type=int, default=5, help="Turns of each pipeline.")
    chosen = options.parse_args()
    settings = load_settings()
    store = ModelStore(chosen.models_dir or settings.model_store)
    model = store.build(chosen.model or settings.model, progress=lambda step: print(f"… {step}"))
    side = model.spec.preprocessing.input_size[1]
    print(
        f"{model.name}: {model.spec.timm_name} at {side} pixels, {' and '.join(model.precisions)}"
    )
    print(f"{CORES} cores, torch {torch.__version__} with {torch.get_num_threads()} threads")
    print(f"{chosen.images} files a turn, medians of {chosen.runs} turns")
    for kind, size in SIZES.items():
        files = pictures(size, chosen.images)
        kib = statistics.mean(len(data) for data in files) / 1024
        print(f"\n{kind}, {kib:.0f} KiB each")
        report(model, measure(model, files, chosen.runs))


if __name__ == "__main__":
    main()
