"""One filter, three readings: a naive Python loop, PostgreSQL, and Milvus Lite."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import create_engine, insert, select
from sqlalchemy.orm import Session

from tests.conftest import DatabaseFrom
from tests.integration.naive_filter import holds
from vitrine.catalog.models import Product, Seller
from vitrine.embedded.services import ServiceUrls
from vitrine.index import expressions
from vitrine.index.client import VectorIndex
from vitrine.index.schema import IndexRow
from vitrine.retrieval.filters import parse, to_milvus, to_sql

NAME = "images_900"
UNIT = np.array([1, 0], dtype=np.float32)

CATEGORIES = [
    "a",
    "a/b",
    "a/b/c",
    "a/b0",
    "a/b-c",
    "a/bc",
    "ab",
    "a/b0/c",
    "a-",
    "0/1/2",
    "0/1",
]
BRANDS = [
    "",
    "acme",
    "Acme",
    "acme ",
    'say "hi"',
    "it's",
    "back\\slash",
    "\\",
    'end\\"',
    "new\nline",
    "\r\n\t",
    "%",
    "_",
    "100% {x}",
    "é",
    "e\u0301",
    "優衣庫",
    "𠮷野家",
    "👗",
    "\u2028\x0b\x7f\x85",
    '" or id > 0 or brand == "',
]
SELLERS = ["demo", "x-1", "y"]
PRICES = ["0.00", "0.01", "9.99", "10.00", "10.10", "10.11", "12.50", "9999999999.99"]
ATTRIBUTES: list[dict[str, Any]] = [
    {},
    {"color": "red"},
    {"color": "blue", "size": 38},
    {"color": ["red", "blue"], "size": 38.5},
    {"color": [], "size": "38"},
    {"color": "", "new": True},
    {"color": 'a"b\\', "new": False, "size": 0},
    {"size": 1e15, "a_b": 0.1},
    {"size": -1, "a_b": "优", "0": "red"},
]


@dataclass(frozen=True)
class Shop:
    session: Session
    index: VectorIndex
    products: dict[int, Product]

    def in_postgres(self, document: Any) -> set[int]:
        return set(self.session.scalars(select(Product.id).where(to_sql(parse(document)))))

    def in_milvus(self, expression: str) -> set[int]:
        [hits] = self.index.search(NAME, UNIT, expression=expression, limit=1000)
        return {hit.product_id for hit in hits}


@pytest.fixture(scope="module")
def database_of_this_module(database_from: DatabaseFrom, template_database: str) -> Iterator[str]:
    with database_from(template_database) as url:
        yield url


@pytest.fixture(scope="module")
def shop(services: ServiceUrls, database_of_this_module: str) -> Iterator[Shop]:
    draw = np.random.default_rng(7)

    def one_of(values: list[Any]) -> Any:
        return values[int(draw.integers(len(values)))]

    rows = [
        {
            "seller_id": one_of(SELLERS),
            "sku": str(number),
            "title": "",
            # Each nasty value is there at least once.
            "brand": BRANDS[number] if number < len(BRANDS) else one_of(BRANDS),
            "category": CATEGORIES[number] if number < len(CATEGORIES) else one_of(CATEGORIES),
            "price": Decimal(one_of(PRICES)),
            "availability": one_of(["in_stock", "out_of_stock", "preorder"]),
            "attributes": one_of(ATTRIBUTES),
        }
        for number in range(150)
    ]
    engine = create_engine(database_of_this_module)
    index = VectorIndex(services.milvus_uri, "", timeout_seconds=10.0)
    index.drop(NAME)
    index.create(NAME, 2)
    with Session(engine) as session:
        session.add_all(Seller(id=seller, name=seller) for seller in SELLERS)
        session.flush()
        session.execute(insert(Product), rows)
        session.commit()
        products = {product.id: product for product in session.scalars(select(Product))}
        index.upsert(
            NAME,
            [
                IndexRow(
                    product.id,
                    product.id,
                    product.seller_id,
                    product.category,
                    product.brand,
                    float(product.price),
                    product.in_stock,
                    UNIT,
                )
                for product in products.values()
            ],
        )
        yield Shop(session, index, products)
    index.drop(NAME)
    engine.dispose()


# Random filters.


def some(values: list[Any]) -> st.SearchStrategy[Any]:
    return st.sampled_from(values) | st.lists(st.sampled_from(values), min_size=1, max_size=3)


numbers = st.sampled_from([0, 0.01, 9.99, "10.00", 10.1, "10.105", 38, 38.5, "12.5", -1, 10**14])
ranges = st.dictionaries(st.sampled_from(["gt", "gte", "lt", "lte"]), numbers, min_size=1)
attribute_values = some(["red", "blue", "", 'a"b\\', 38, 38.5, 0.1, True, False, 0, 1, "38", "优"])
fields = {
    "category": some([*CATEGORIES, "0", "a/b/", "nowhere"]),
    "brand": some([*BRANDS, "nobody"]),
    "seller": some([*SELLERS, "nobody"]),
    "in_stock": st.booleans(),
    "price": numbers | st.lists(numbers, min_size=1, max_size=3) | ranges,
    "attributes.color": attribute_values,
    "attributes.size": attribute_values | ranges,
    "attributes.new": attribute_values,
    "attributes.a_b": attribute_values | ranges,
    "attributes.0": attribute_values,
    "attributes.none": attribute_values | ranges,
}
conditions = st.sampled_from(sorted(fields)).flatmap(
    lambda name: fields[name].map(lambda value: {name: value})
)


def merged(parts: list[dict[str, Any]]) -> dict[str, Any]:
    return {name: value for part in parts for name, value in part.items()}


def nested(inner: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    negation = inner.map(lambda part: {"not": part})
    choice = st.lists(inner, min_size=1, max_size=3).map(lambda parts: {"any": parts})
    return st.lists(conditions | negation | choice, max_size=3).map(merged)


documents = conditions | nested(nested(conditions)) | nested(nested(nested(conditions)))


@given(documents)
@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_all_readings_agree(shop: Shop, document: dict[str, Any]) -> None:
    expected = {id_ for id_, product in shop.products.items() if holds(product, document)}
    assert shop.in_postgres(document) == expected
    expression, exact = to_milvus(parse(document))
    found = shop.in_milvus(expression)
    assert found >= expected
    if exact:
        assert found == expected


@pytest.mark.parametrize("brand", BRANDS)
def test_milvus_reads_a_text_as_it_was_meant(shop: Shop, brand: str) -> None:
    expected = {id_ for id_, product in shop.products.items() if product.brand == brand}
    assert expected
    assert shop.in_milvus(expressions.compare("brand", "==", brand)) == expected
    assert shop.in_milvus(expressions.one_of("brand", [brand, "nobody"])) == expected
    everything = set(shop.products)
    assert shop.in_milvus(expressions.compare("brand", "!=", brand)) == everything - expected


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=20))
@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_no_text_gets_out_of_its_quotes(shop: Shop, brand: str) -> None:
    expected = {id_ for id_, product in shop.products.items() if product.brand == brand}
    expression = expressions.compare("brand", "==", brand)
    assert shop.in_milvus(expression) == expected


def test_the_constants(shop: Shop) -> None:
    assert shop.in_milvus("") == set(shop.products)
    assert shop.in_milvus(expressions.NOTHING) == set()
    assert shop.in_milvus(f"not ({expressions.NOTHING})") == set(shop.products)
