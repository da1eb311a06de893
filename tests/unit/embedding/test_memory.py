"""Batches that do not fit are halved, and what fits is remembered for a while."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from vitrine.embedding.memory import (
    REMEMBER_SECONDS,
    BatchSize,
    is_out_of_memory,
    within_memory,
)
from vitrine.embedding.registry import InstalledModel
from vitrine.errors import OutOfMemory

ROOT = Path(__file__).parents[3]


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


class Machine:
    """Computes up to `room` at once, and knows what it was asked for."""

    def __init__(self, room: int, amount: int) -> None:
        self.room, self.left = room, amount
        self.tried: list[int] = []

    def run(self, size: int) -> None:
        while self.left:
            now = min(size, self.left)
            self.tried.append(now)
            if now > self.room:
                raise RuntimeError("Check 'data' failed: Failed to allocate 4096 bytes of memory")
            self.left -= now


@pytest.mark.parametrize(
    ("error", "memory"),
    [
        (MemoryError(), True),
        (np._core._exceptions._ArrayMemoryError((9,), np.dtype("u1")), True),  # type: ignore[attr-defined]
        (RuntimeError("std::bad_alloc"), True),
        (RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB"), True),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory"), True),
        (RuntimeError("[CPU] Convolution node with name 'X' can't alloc"), True),
        (RuntimeError("could not create a primitive"), False),
        (ValueError("out of memory"), False),
    ],
)
def test_what_says_that_memory_is_short(error: Exception, memory: bool) -> None:
    assert is_out_of_memory(error) is memory


def test_torch_says_it_with_a_class_that_is_known() -> None:
    torch = pytest.importorskip("torch")
    assert is_out_of_memory(torch.cuda.OutOfMemoryError("CUDA out of memory."))


def test_batches_are_halved_until_they_fit() -> None:
    machine = Machine(room=5, amount=40)
    within_memory(BatchSize(16), 16, machine.run)
    assert machine.left == 0
    assert machine.tried[:3] == [16, 8, 4]
    assert set(machine.tried[2:]) == {4}


def test_one_that_does_not_fit_is_worth_a_retry() -> None:
    machine = Machine(room=0, amount=3)
    with pytest.raises(OutOfMemory, match="try again") as caught:
        within_memory(BatchSize(16), 16, machine.run)
    assert caught.value.retryable
    assert machine.tried == [3, 3, 3, 2, 1]


def test_other_errors_are_as_they_were() -> None:
    def run(size: int) -> None:
        raise RuntimeError("could not create a primitive")

    fits = BatchSize(16)
    with pytest.raises(RuntimeError, match="primitive"):
        within_memory(fits, 16, run)
    assert fits.now == 16


def test_the_smaller_size_is_remembered_for_a_while() -> None:
    clock = Clock()
    fits = BatchSize(16, clock=clock)
    within_memory(fits, 16, Machine(room=4, amount=16).run)
    again = Machine(room=4, amount=16)
    clock.now = REMEMBER_SECONDS - 1
    within_memory(fits, 16, again.run)
    assert again.tried == [4, 4, 4, 4]
    clock.now = REMEMBER_SECONDS
    assert fits.now == 8
    assert fits.now == 8
    clock.now = 2 * REMEMBER_SECONDS
    assert fits.now == 16


_STARVED = """
import resource, sys
from pathlib import Path
import numpy as np
from PIL import Image
from vitrine.embedding.registry import ModelStore
from vitrine.embedding.runtimes.openvino import OpenVinoEncoder

model = ModelStore(Path(sys.argv[1])).find(sys.argv[2])
encoder = OpenVinoEncoder(model, side=320, threads=1)
pictures = [Image.new("RGB", (320, 320), (at, 90, 90)) for at in range(16)]
alone = encoder.encode(pictures[:1]).embedding
used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + int(sys.argv[3]) * 2**20, -1))
encoded = encoder.encode(pictures)
resource.setrlimit(resource.RLIMIT_AS, (-1, -1))
assert np.allclose(encoded.embedding, encoder.encode(pictures).embedding, atol=1e-5)
assert np.allclose(encoded.embedding[:1], alone, atol=1e-5)
print("size", encoder._fits.now)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the limit is Linux's")
def test_openvino_goes_on_when_the_system_gives_no_memory(resnet: InstalledModel) -> None:
    arguments = [str(resnet.path.parent), resnet.name, "80"]
    done = subprocess.run(
        [sys.executable, "-c", _STARVED, *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert 1 <= int(done.stdout.split()[-1]) < 16
