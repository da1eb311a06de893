"""Queries share a batch when they come together, and none waits for others to come."""

import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image

from vitrine.embedding.batching import SharedBatches
from vitrine.embedding.registry import InstalledModel
from vitrine.embedding.runtimes import Encoded, Encoder
from vitrine.embedding.runtimes.openvino import OpenVinoEncoder
from vitrine.embedding.specs import ModelSpec
from vitrine.errors import Unavailable

RED, BLACK = Image.new("RGB", (64, 64), "red"), Image.new("RGB", (64, 64), "black")


class Gated:
    """The real encoder behind a gate, which notes the batches; black pictures fail."""

    def __init__(self, encoder: Encoder) -> None:
        self.encoder = encoder
        self.gate = threading.Event()
        self.batches: list[int] = []

    @property
    def spec(self) -> ModelSpec:
        return self.encoder.spec

    @property
    def digest(self) -> str:
        return self.encoder.digest

    def encode(self, images: Sequence[Image.Image]) -> Encoded:
        self.batches.append(len(images))
        assert self.gate.wait(30)
        if any(image.getpixel((0, 0)) == (0, 0, 0) for image in images):
            raise RuntimeError("it cannot be computed")
        return self.encoder.encode(images)


@pytest.fixture(scope="module")
def openvino(resnet: InstalledModel) -> OpenVinoEncoder:
    return OpenVinoEncoder(resnet)


@pytest.fixture
def gated(openvino: OpenVinoEncoder) -> Gated:
    return Gated(openvino)


def _line_up(shared: SharedBatches, gated: Gated, amount: int) -> None:
    """Wait until one is being computed and so many wait behind it."""
    until = time.monotonic() + 30
    while time.monotonic() < until:
        if gated.batches and len(shared._waiting) == amount:
            return
        time.sleep(0.001)
    raise AssertionError("they did not line up")


def test_one_alone_is_computed_at_once(gated: Gated) -> None:
    gated.gate.set()
    shared = SharedBatches(gated)
    shared.encode([RED])
    shared.encode([RED])
    assert gated.batches == [1, 1]
    assert shared.encode([]).embedding.shape == (0, 512)


def test_who_comes_meanwhile_shares(gated: Gated, pictures: list[Image.Image]) -> None:
    shared = SharedBatches(gated, most=4)
    wanted = gated.encoder.encode(pictures)
    with ThreadPoolExecutor(8) as pool:
        first = pool.submit(shared.encode, [pictures[0]])
        _line_up(shared, gated, 0)
        rest = [pool.submit(shared.encode, [picture]) for picture in pictures * 1]
        _line_up(shared, gated, len(pictures))
        gated.gate.set()
        assert first.result(30).embedding.shape == (1, 512)
        for at, one in enumerate(rest):
            found = one.result(30)
            assert found.embedding[0] @ wanted.embedding[at] > 0.9999
            assert np.allclose(found.map[0], wanted.map[at], rtol=1e-3, atol=1e-3)
    assert gated.batches == [1, 4, 1]
    assert not shared._busy


def test_a_batch_is_never_larger_than_it_may_be(gated: Gated) -> None:
    shared = SharedBatches(gated, most=4)
    with ThreadPoolExecutor(8) as pool:
        calls = [pool.submit(shared.encode, [RED])]
        _line_up(shared, gated, 0)
        for at, amount in enumerate((3, 2, 9, 1)):
            calls.append(pool.submit(shared.encode, [RED] * amount))
            _line_up(shared, gated, at + 1)
        gated.gate.set()
        assert [len(call.result(30).embedding) for call in calls] == [1, 3, 2, 9, 1]
    assert gated.batches == [1, 3, 2, 9, 1]


def test_everybody_gets_their_own_error(gated: Gated) -> None:
    shared = SharedBatches(gated, most=8)
    with ThreadPoolExecutor(8) as pool:
        first = pool.submit(shared.encode, [RED])
        _line_up(shared, gated, 0)
        rest = [pool.submit(shared.encode, [one]) for one in (RED, BLACK, RED, BLACK)]
        _line_up(shared, gated, 4)
        gated.gate.set()
        errors = [call.exception(30) for call in (first, *rest)]
    failed = [error for error in errors if error is not None]
    assert [type(error) for error in failed] == [RuntimeError, RuntimeError]
    assert failed[0] is not failed[1]
    assert shared.encode([RED]).embedding.shape == (1, 512)


def test_who_waits_too_long_is_told_to_come_back(gated: Gated) -> None:
    shared = SharedBatches(gated, deadline_seconds=0.05)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(shared.encode, [RED])
        _line_up(shared, gated, 0)
        with pytest.raises(Unavailable, match="try again"):
            shared.encode([RED])
        gated.gate.set()
        first.result(30)
    assert gated.batches == [1]
    assert shared.encode([RED]).embedding.shape == (1, 512)


def test_many_threads(openvino: OpenVinoEncoder, pictures: list[Image.Image]) -> None:
    shared = SharedBatches(openvino)
    wanted = openvino.encode(pictures).embedding

    def ask(at: int) -> float:
        return float(shared.encode([pictures[at % 5]]).embedding[0] @ wanted[at % 5])

    with ThreadPoolExecutor(16) as pool:
        assert min(pool.map(ask, range(160))) > 0.9999
    assert not shared._busy
    assert not shared._waiting
