"""How a vector is kept beside its picture: float16, little-endian, two bytes a number."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Vector = npt.NDArray[np.float32]


def pack(vector: Vector) -> bytes:
    """Write a vector [d]. Raises ValueError for one that is no direction (NaN, infinite, zero)."""
    if not np.isfinite(vector).all() or not np.any(vector):
        raise ValueError("The model gave no usable vector: it is not finite, or zero.")
    return normalise(vector).astype("<f2").tobytes()


def unpack(data: bytes) -> Vector:
    """Read a vector [d], of length 1 again after the rounding."""
    return normalise(np.frombuffer(data, "<f2").astype(np.float32))


def unpack_all(data: Sequence[bytes]) -> Vector:
    """Read vectors of one size as [n, d]: one by one takes eight times as long."""
    flat = np.frombuffer(b"".join(data), "<f2").astype(np.float32)
    return normalise(flat.reshape(len(data), -1))


def normalise(vectors: Vector) -> Vector:
    """Bring vectors [..., d] to length 1; a zero vector stays zero."""
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.asarray(vectors / np.maximum(lengths, 1e-12), np.float32)
