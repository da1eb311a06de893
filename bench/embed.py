"""Pictures per second from file to vector: the plain pipeline of the article against ours.

The article that this project came from decodes with Pillow at full size, runs timm in eager mode on
one picture at a time and sorts the cosines in Python. Ours decodes JPEGs at reduced scale, has its
own preprocessing and runs OpenVINO on batches. Both see the same files, in turns, run by run, and
the figures are medians. The ratio of the photos is the last line.

    python bench/embed.py --images 16 --runs 5
"""

import argparse
import io
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import timm
import torch
from PIL import Image
from timm.data import create_transform

from vitrine.embedding.names import parse
from vitrine.embedding.registry import InstalledModel, ModelStore
from vitrine.embedding.runtimes.openvino import OpenVinoEncoder
from vitrine.embedding.runtimes.torch import TorchEncoder
from vitrine.media.decode import Limits, decode

LIMITS = Limits(max_bytes=20 * 1024 * 1024, max_pixels=50_000_000)
BATCH = 16
CATALOGUE = 1000
PAUSE_SECONDS = 0.3
SIZES = {"photos 1600×1200": (1600, 1200), "listings 480×480": (480, 480)}


def photo(size: tuple[int, int], seed: int) -> bytes:
    """Draw a JPEG with coarse and fine detail, about as hard to decode as a photo."""
    random = np.random.default_rng(seed)
    width, height = size
    picture = np.zeros((height, width, 3), np.float32)
    for cells, weight in ((6, 0.6), (40, 0.25), (200, 0.15)):
        noise = Image.fromarray(random.integers(0, 256, (cells, cells, 3), np.uint8))
        picture += weight * np.asarray(noise.resize(size, Image.Resampling.BICUBIC), np.float32)
    out = io.BytesIO()
    Image.fromarray(picture.astype(np.uint8)).save(out, "JPEG", quality=90)
    return out.getvalue()


def plain_pipeline(model: InstalledModel) -> Callable[[list[bytes]], list[int]]:
    """The article's: one picture at a time, eager, sorted in Python."""
    spec = model.spec
    # The same weights as ours, so that both do the same sums.
    backbone = TorchEncoder(model, device="cpu")._module.to(memory_format=torch.contiguous_format)
    how = spec.preprocessing
    transform = create_transform(
        how.input_size,
        is_training=False,
        interpolation=how.interpolation,
        mean=how.mean,
        std=how.std,
        crop_pct=how.crop_pct,
        crop_mode=how.crop_mode,
    )
    catalogue = unit(np.random.default_rng(0).normal(size=(CATALOGUE, spec.dim)))

    def run(files: list[bytes]) -> list[int]:
        best = []
        for data in files:
            picture = Image.open(io.BytesIO(data)).convert("RGB")
            with torch.no_grad():
                vector = backbone(transform(picture).unsqueeze(0))[0].numpy()[0]
            cosines = [(float(vector @ row), at) for at, row in enumerate(catalogue)]
            best.append(sorted(cosines, reverse=True)[0][1])
        return best

    return run


def our_pipeline(model: InstalledModel) -> Callable[[list[bytes]], list[int]]:
    """Ours: reduced decoding, one preprocessing, OpenVINO on batches, one matrix product."""
    encoder = OpenVinoEncoder(model, hint="throughput")
    how = model.spec.preprocessing
    catalogue = unit(np.random.default_rng(0).normal(size=(CATALOGUE, model.dim)))

    def run(files: list[bytes]) -> list[int]:
        best: list[int] = []
        for start in range(0, len(files), BATCH):
            pictures = [
                decode(data, LIMITS, short_side=how.short_side)
                for data in files[start : start + BATCH]
            ]
            vectors = encoder.encode(pictures).embedding
            best += (vectors @ catalogue.T).argmax(1).tolist()
        return best

    return run


def unit(vectors: np.ndarray) -> np.ndarray:
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def rate(pipeline: Callable[[list[bytes]], list[int]], files: list[bytes]) -> float:
    # The threads of torch and OpenVINO spin for a moment after their work: not into this turn.
    time.sleep(PAUSE_SECONDS)
    began = time.perf_counter()
    assert len(pipeline(files)) == len(files)
    return len(files) / (time.perf_counter() - began)


def measure(model: InstalledModel, images: int, runs: int) -> dict[str, tuple[float, float, float]]:
    """Median rates of plain and ours and the median of the ratios, per kind of file."""
    plain, ours = plain_pipeline(model), our_pipeline(model)
    found = {}
    for kind, size in SIZES.items():
        files = [photo(size, seed) for seed in range(images)]
        plain(files[:2])
        ours(files)
        # In turns, so that what else the machine does meets both alike.
        pairs = [(rate(plain, files), rate(ours, files)) for _ in range(runs)]
        found[kind] = (
            statistics.median(one for one, _ in pairs),
            statistics.median(other for _, other in pairs),
            statistics.median(other / one for one, other in pairs),
        )
    return found


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--model", default="timm:resnet18?pretrained=false&seed=0")
    options.add_argument("--models-dir", type=Path, help="Where built models are kept.")
    options.add_argument("--images", type=int, default=16)
    options.add_argument("--runs", type=int, default=5)
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        store = ModelStore(chosen.models_dir or Path(scratch))
        model = store.build(parse(chosen.model).name, progress=lambda step: print(f"… {step}"))
        found = measure(model, chosen.images, chosen.runs)
    print(f"\n{model.name}, {torch.get_num_threads()} threads, timm {timm.__version__}")
    print(f"{chosen.images} pictures, {chosen.runs} runs in turns, medians\n")
    print(f"{'images per second':<20}{'plain':>10}{'vitrine':>10}{'ratio':>8}")
    for kind, (one, other, ratio) in found.items():
        print(f"{kind:<20}{one:>10.1f}{other:>10.1f}{ratio:>8.1f}")
    print(f"\nratio {found['photos 1600×1200'][2]:.2f}")


if __name__ == "__main__":
    main()
