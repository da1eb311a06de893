import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from vitrine.demo.histogram import BINS, GREYS, PALE, histogram, hits, nearest


def naive_histogram(hsv: np.ndarray) -> np.ndarray:
    height, width, _ = hsv.shape
    counts = np.zeros(4 * BINS)
    for y in range(height):
        for x in range(width):
            hue, saturation, value = (int(v) for v in hsv[y, x])
            if saturation < PALE:
                place = BINS - GREYS + value * 2 // 256
            else:
                level = (saturation - PALE) * 4 // (256 - PALE)
                place = hue * 8 // 256 * 16 + level * 4 + value * 4 // 256
            cell = (1 if 2 * y >= height else 0) * 2 + (1 if 2 * x >= width else 0)
            counts[cell * BINS + place] += 1
    return counts / (height * width)


@given(st.integers(2, 9), st.integers(2, 9), st.integers(0, 2**32 - 1))
@settings(max_examples=40, deadline=None)
def test_histogram_is_what_a_loop_counts(height: int, width: int, seed: int) -> None:
    hsv = np.random.default_rng(seed).integers(0, 256, (height, width, 3)).astype(np.uint8)
    assert np.allclose(histogram(hsv), naive_histogram(hsv), atol=1e-6)


def test_nearest_is_what_a_loop_finds() -> None:
    rng = np.random.default_rng(0)
    catalogue, queries = rng.dirichlet(np.ones(12), 40), rng.dirichlet(np.ones(12), 7)
    labels = [int(k) for k in rng.integers(0, 9, 40)]
    found = nearest(queries, catalogue, labels, 12)
    for row, query in enumerate(queries):
        best: dict[int, float] = {}
        for vector, label in zip(catalogue, labels, strict=True):
            score = sum(float(a * b) ** 0.5 for a, b in zip(query, vector, strict=True))
            best[label] = max(best.get(label, 0.0), score)
        wanted = sorted(best, key=lambda label: -best[label])
        assert found[row].tolist() == (wanted + [-1] * 12)[:12]


def test_hits_counts_the_first_places() -> None:
    found = np.array([[3, 1, 2], [1, 3, 2], [2, 1, 0]])
    assert hits(found, [3, 3, 3], 1) == 1 / 3
    assert hits(found, [3, 3, 3], 2) == 2 / 3
