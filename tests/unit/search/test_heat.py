"""Heat: a cosine is taken apart without a remainder."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.pictures import picture

from vitrine.embedding.registry import SHIPPED, ModelStore
from vitrine.embedding.runtimes.openvino import OpenVinoEncoder
from vitrine.search.heat import HARDLY_ALIKE, Match, decompose, name_part

Shape = tuple[int, int]


def maps(seed: int, query: Shape, product: Shape, channels: int = 5) -> tuple[np.ndarray, ...]:
    random = np.random.default_rng(seed)
    return tuple(random.normal(0.2, 1, (channels, *shape)) for shape in (query, product))


def naive(query: np.ndarray, product: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
    """Place by place, as the formula has it."""
    length = np.linalg.norm(query.sum((1, 2))) * np.linalg.norm(product.sum((1, 2)))
    heats = np.zeros(query.shape[1:]), np.zeros(product.shape[1:])
    total = 0.0
    for y, x in np.ndindex(query.shape[1:]):
        for v, u in np.ndindex(product.shape[1:]):
            share = float(query[:, y, x] @ product[:, v, u]) / length
            heats[0][y, x] += share
            heats[1][v, u] += share
            total += share
    return total, *heats


sides = st.tuples(st.integers(1, 5), st.integers(1, 5))


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), query=sides, product=sides)
def test_it_is_the_naive_sum(seed: int, query: Shape, product: Shape) -> None:
    pair = maps(seed, query, product)
    found = decompose(*pair)
    cosine, query_heat, product_heat = naive(*pair)
    assert found.cosine == pytest.approx(cosine, abs=1e-9)
    np.testing.assert_allclose(found.query_heat, query_heat, atol=1e-9)
    np.testing.assert_allclose(found.product_heat, product_heat, atol=1e-9)


def test_both_heats_sum_to_the_cosine_of_the_embeddings() -> None:
    encoder = OpenVinoEncoder(ModelStore(SHIPPED).find("vitrine-r18"))
    encoded = encoder.encode([picture(1), picture(2), picture(3, size=(200, 400))])
    for one in range(3):
        for other in range(3):
            cosine = float(encoded.embedding[one] @ encoded.embedding[other])
            for precise in (np.float32, np.float16):
                found = decompose(encoded.map[one].astype(precise), encoded.map[other])
                near = 1e-5 if precise is np.float32 else 5e-3
                assert found.cosine == pytest.approx(cosine, abs=near)
                assert found.query_heat.sum() == pytest.approx(found.cosine, abs=1e-9)
                assert found.product_heat.sum() == pytest.approx(found.cosine, abs=1e-9)


def planted() -> Match:
    """What lies bottom left in one lies top right in the other."""
    random = np.random.default_rng(3)
    query, product = (random.normal(0, 0.05, (16, 4, 4)) for _ in range(2))
    thing = random.normal(0, 1, (16, 1, 1))
    query[:, 2:, :2] += thing
    product[:, :2, 2:] += thing
    return decompose(query, product)


def test_what_is_in_both_is_what_pairs() -> None:
    found = planted()
    assert found.cosine > 0.8
    assert found.pairs[0].query == (0.0, 0.5, 0.5, 0.5)
    assert found.pairs[0].product == (0.5, 0.0, 0.5, 0.5)
    assert found.pairs[0].share == pytest.approx(found.cosine, abs=0.1)
    assert found.query_heat[2:, :2].sum() > 0.9 * found.cosine


def test_a_pair_is_the_sum_of_its_places_and_no_place_is_in_two() -> None:
    query, product = maps(8, (4, 4), (4, 4))
    found = decompose(query, product, most=9)
    length = np.linalg.norm(query.sum((1, 2))) * np.linalg.norm(product.sum((1, 2)))
    taken = np.zeros((4, 4), int)
    for pair in found.pairs:
        (x, y, w, h), (u, v, s, t) = (
            [round(4 * n) for n in box] for box in (pair.query, pair.product)
        )
        one, other = query[:, y : y + h, x : x + w], product[:, v : v + t, u : u + s]
        share = one.sum((1, 2)) @ other.sum((1, 2)) / length
        assert pair.share == pytest.approx(share)
        taken[y : y + h, x : x + w] += 1
    assert 1 <= len(found.pairs) <= 4
    assert taken.max() == 1
    shares = [pair.share for pair in found.pairs]
    assert shares == sorted(shares, reverse=True)


def test_what_is_opposite_has_no_pairs() -> None:
    query = np.ones((3, 2, 2))
    found = decompose(query, -query)
    assert found.cosine == pytest.approx(-1)
    assert found.pairs == []


def test_parts_of_what_is_hardly_alike_do_not_pair() -> None:
    # Their left halves are alike, their right ones opposite.
    query = np.array([[[1.0, 0.0]], [[0.0, 1.0]]])
    product = np.array([[[1.0, 0.0]], [[0.0, -0.99]]])
    found = decompose(query, product)
    assert 0 < found.cosine <= HARDLY_ALIKE
    assert found.query_heat.max() > 0.4
    assert found.pairs == []


def test_a_map_of_nothing_is_like_nothing() -> None:
    found = decompose(np.zeros((3, 2, 2)), np.ones((3, 4, 4)))
    assert found.cosine == 0
    assert found.pairs == []


@pytest.mark.parametrize(
    ("box", "name"),
    [
        ((0, 0, 0.5, 0.5), "top left"),
        ((0.25, 0, 0.5, 0.5), "top"),
        ((0.25, 0.25, 0.5, 0.5), "middle"),
        ((0.5, 0.25, 0.5, 0.5), "middle right"),
        ((0.25, 0.5, 0.5, 0.5), "bottom"),
        ((0, 0, 1, 1), "whole"),
    ],
)
def test_parts_have_names(box: tuple[float, float, float, float], name: str) -> None:
    assert name_part(box) == name
