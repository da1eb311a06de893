import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vitrine.embedding.vectors import pack, unpack, unpack_all


@given(st.integers(1, 2048), st.integers(0, 1000), st.floats(1e-3, 1e3))
def test_round_trip(dim: int, seed: int, scale: float) -> None:
    vector = (np.random.default_rng(seed).normal(size=dim) * scale).astype(np.float32)
    data = pack(vector)
    assert len(data) == 2 * dim
    back = unpack(data)
    assert back.dtype == np.float32
    assert abs(np.linalg.norm(back) - 1) < 1e-5
    assert back @ vector / np.linalg.norm(vector) > 0.9999


def test_all_at_once_is_one_by_one() -> None:
    data = [pack(row) for row in np.random.default_rng(0).normal(size=(5, 7)).astype(np.float32)]
    assert np.array_equal(unpack_all(data), np.stack([unpack(one) for one in data]))


def test_little_endian_half_floats() -> None:
    assert pack(np.array([1, 0], np.float32)) == b"\x00\x3c\x00\x00"


@pytest.mark.parametrize("bad", [np.nan, np.inf, 0.0])
def test_what_is_no_direction(bad: float) -> None:
    with pytest.raises(ValueError, match="no usable vector"):
        pack(np.full(4, bad, np.float32))
