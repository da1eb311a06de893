"""Products found by vector: one slot each, as many as there are."""

from collections.abc import Iterator

import numpy as np
import pytest

from vitrine.index.client import VectorIndex
from vitrine.index.schema import IndexRow, Vectors
from vitrine.retrieval.candidates import Among, Candidate, candidates
from vitrine.retrieval.filters import EVERYTHING, parse

NAME = "images_1"
PRODUCTS, DIM = 120, 6
# The first product has so many pictures close to the query that they fill the first fetch.
PICTURES = [300] + [1 + number % 5 for number in range(1, PRODUCTS)]


def unit(vectors: Vectors) -> Vectors:
    return (vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)).astype(np.float32)


def draw() -> tuple[list[IndexRow], Vectors]:
    random = np.random.default_rng(3)
    query = unit(random.normal(size=(1, DIM)))
    rows: list[IndexRow] = []
    for product, pictures in enumerate(PICTURES, start=1):
        near = query[0] + 0.01 * random.normal(size=(pictures, DIM))
        vectors = unit(near if product == 1 else random.normal(size=(pictures, DIM)))
        category = "shoes" if product % 2 else "hats"
        rows += [
            IndexRow(len(rows) + n + 1, product, "demo", category, "acme", 1.0, True, vector)
            for n, vector in enumerate(vectors)
        ]
    return rows, query


ROWS, QUERY = draw()


@pytest.fixture
def index(milvus_uri: str) -> Iterator[VectorIndex]:
    index = VectorIndex(milvus_uri, "", timeout_seconds=10.0)
    index.create(NAME, DIM)
    index.upsert(NAME, ROWS)
    index.flush(NAME)
    yield index
    index.drop(NAME)


def naive(queries: Vectors, rows: list[IndexRow]) -> list[tuple[int, int]]:
    """(product, picture) by the best score of any picture for any query."""
    best: dict[int, tuple[float, int]] = {}
    for row in rows:
        score = max(float(row.embedding @ query) for query in queries)
        if row.product_id not in best or score > best[row.product_id][0]:
            best[row.product_id] = (score, row.id)
    ordered = sorted(best, key=lambda product: -best[product][0])
    return [(product, best[product][1]) for product in ordered]


def slots(found: list[Candidate]) -> list[tuple[int, int]]:
    return [(one.product_id, one.image_id) for one in found]


@pytest.mark.parametrize("limit", [1, 5, 50, 119, 120, 500])
def test_one_slot_a_product_however_many_pictures(index: VectorIndex, limit: int) -> None:
    found = candidates(index, NAME, QUERY, EVERYTHING, limit)
    assert slots(found) == naive(QUERY, ROWS)[:limit]
    assert [one.score for one in found] == sorted((one.score for one in found), reverse=True)


def test_a_filter_narrows(index: VectorIndex) -> None:
    hats = [row for row in ROWS if row.category == "hats"]
    found = candidates(index, NAME, QUERY, parse({"category": "hats"}), 30)
    assert slots(found) == naive(QUERY, hats)[:30]
    assert candidates(index, NAME, QUERY, parse({"brand": "nobody"}), 30) == []


def test_excluded_products_take_no_slot(index: VectorIndex) -> None:
    everything = naive(QUERY, ROWS)
    excluded = {product for product, _ in everything[:4]}
    found = candidates(index, NAME, QUERY, EVERYTHING, 10, among=Among(exclude=excluded))
    assert slots(found) == everything[4:14]


@pytest.mark.parametrize("limit", [3, 40])
def test_several_vectors_ask_for_the_best_of_any(index: VectorIndex, limit: int) -> None:
    random = np.random.default_rng(5)
    queries = unit(np.concatenate([-QUERY, random.normal(size=(2, DIM)), QUERY]))
    found = candidates(index, NAME, queries, EVERYTHING, limit)
    assert slots(found) == naive(queries, ROWS)[:limit]
