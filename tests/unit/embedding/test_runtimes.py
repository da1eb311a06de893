"""The one contract of both runtimes: whatever computes it, an embedding is the same."""

import subprocess
import sys
import threading
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from vitrine.embedding.registry import InstalledModel
from vitrine.embedding.runtimes import MAX_BATCH, Encoder
from vitrine.embedding.runtimes.openvino import OpenVinoEncoder
from vitrine.embedding.runtimes.torch import TorchEncoder
from vitrine.embedding.vectors import normalise

# float32 on different kernels: directions agree to this.
LEAST_COSINE = 0.9999


@pytest.fixture(scope="module", params=["openvino", "openvino-throughput", "torch"])
def encoder(request: pytest.FixtureRequest, resnet: InstalledModel) -> Encoder:
    if request.param == "torch":
        return TorchEncoder(resnet)
    hint = "throughput" if request.param.endswith("throughput") else "latency"
    return OpenVinoEncoder(resnet, hint=hint)


def test_shapes_and_length(
    encoder: Encoder, resnet: InstalledModel, pictures: list[Image.Image]
) -> None:
    encoded = encoder.encode(pictures)
    assert encoder.spec == resnet.spec
    assert encoder.digest == resnet.digest
    assert encoded.embedding.shape == (len(pictures), 512)
    assert encoded.map.shape == (len(pictures), 512, 2, 2)
    assert encoded.embedding.dtype == encoded.map.dtype == np.float32
    assert np.allclose(np.linalg.norm(encoded.embedding, axis=1), 1, atol=1e-5)


def test_nothing(encoder: Encoder) -> None:
    encoded = encoder.encode([])
    assert encoded.embedding.shape == (0, 512)
    assert encoded.map.shape == (0, 512, 2, 2)


def test_a_batch_is_its_pictures(encoder: Encoder, pictures: list[Image.Image]) -> None:
    many = (pictures * (MAX_BATCH // len(pictures) + 2))[: MAX_BATCH + 3]
    together = encoder.encode(many)
    for at in (0, 1, 4, MAX_BATCH, MAX_BATCH + 2):
        alone = encoder.encode([many[at]])
        assert alone.embedding[0] @ together.embedding[at] > LEAST_COSINE
        assert np.allclose(alone.map[0], together.map[at], rtol=1e-3, atol=1e-3)


def test_results_are_not_overwritten(encoder: Encoder, pictures: list[Image.Image]) -> None:
    first = encoder.encode(pictures[:1])
    kept = first.embedding.copy()
    encoder.encode(pictures[1:])
    assert np.array_equal(first.embedding, kept)


def test_many_threads(encoder: Encoder, pictures: list[Image.Image]) -> None:
    wanted = [encoder.encode([picture]).embedding[0] for picture in pictures]
    wrong: list[int] = []

    def work(at: int) -> None:
        # Several batches at once each: whoever waits for a second stream may not block the rest.
        for got in encoder.encode([pictures[at]] * (2 * MAX_BATCH + 3)).embedding:
            if got @ wanted[at] < LEAST_COSINE:
                wrong.append(at)

    threads = [threading.Thread(target=work, args=(at % len(pictures),)) for at in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not any(thread.is_alive() for thread in threads)
    assert not wrong
    assert min(wanted[0] @ other for other in wanted[1:]) < LEAST_COSINE


def test_runtimes_agree(resnet: InstalledModel, pictures: list[Image.Image]) -> None:
    one, other = OpenVinoEncoder(resnet).encode(pictures), TorchEncoder(resnet).encode(pictures)
    assert (one.embedding * other.embedding).sum(1).min() > LEAST_COSINE
    assert np.allclose(one.map, other.map, rtol=1e-3, atol=1e-3)


def test_the_embedding_is_the_mean_of_the_map(
    encoder: Encoder, pictures: list[Image.Image]
) -> None:
    # True of every family that pools by averaging; regions and explanations rest on it.
    encoded = encoder.encode(pictures)
    pooled = normalise(encoded.map.mean((2, 3)))
    assert (pooled * encoded.embedding).sum(1).min() > LEAST_COSINE


def test_another_input_size_is_what_torch_makes_of_it(
    resnet: InstalledModel, pictures: list[Image.Image]
) -> None:
    larger = OpenVinoEncoder(resnet, side=96)
    assert larger.spec.preprocessing.input_size == (3, 96, 96)
    assert larger.spec.map_shape == (512, 3, 3)
    assert larger.digest == resnet.digest
    torch = TorchEncoder(replace(resnet, spec=larger.spec), device="cpu").encode(pictures)
    found = larger.encode(pictures)
    assert found.map.shape == torch.map.shape
    assert (found.embedding * torch.embedding).sum(axis=1).min() > LEAST_COSINE
    usual = OpenVinoEncoder(resnet).encode(pictures)
    assert (found.embedding * usual.embedding).sum(axis=1).max() < LEAST_COSINE


_ALL_AT_ONCE = """
import sys, threading
from pathlib import Path
import numpy as np
from PIL import Image
from vitrine.embedding.registry import ModelStore
from vitrine.embedding.runtimes import openvino

model = ModelStore(Path(sys.argv[1])).find(sys.argv[2])
encoder = openvino.OpenVinoEncoder(model, hint="throughput", threads=8)
pixels = np.zeros((1, *encoder.spec.preprocessing.input_size), np.float32)
openvino.preprocess = lambda images, preprocessing: pixels
sys.setswitchinterval(1e-6)
together = threading.Barrier(8)

def encode():
    together.wait()
    encoder.encode([Image.new("RGB", (64, 64))])

threads = [threading.Thread(target=encode) for _ in range(8)]
for thread in threads: thread.start()
for thread in threads: thread.join()
"""


def test_the_first_pictures_of_a_process_may_come_all_at_once(resnet: InstalledModel) -> None:
    # Where nobody is first, every second process stood still here.
    arguments = (str(resnet.path.parent), resnet.name)
    for _ in range(4):
        subprocess.run([sys.executable, "-c", _ALL_AT_ONCE, *arguments], check=True, timeout=60)
