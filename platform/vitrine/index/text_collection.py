"""Makes the collection of product texts, and writes and asks it in the terms of its server."""

from dataclasses import dataclass
from typing import Any

from pymilvus import CollectionSchema, DataType, Function, FunctionType, MilvusClient

from vitrine.index import bm25, collections
from vitrine.index.bm25 import Rarity
from vitrine.index.capabilities import Capabilities
from vitrine.index.text_words import index_words

NAME = "products_text"
TEXT = "text"
SPARSE = "text_sparse"
COLUMNS = ("id", "seller_id", "category", "brand", "price", "in_stock", TEXT)
MAX_TEXT_BYTES = 65_535
_BM25 = {"bm25_k1": bm25.K1, "bm25_b": bm25.B}
# Milvus keeps the blanks between words as tokens, unless told to drop what is neither Chinese, a
# letter nor a digit.
_ANALYZER = {"tokenizer": "jieba", "filter": ["lowercase", "cnalphanumonly"]}
_WORDLESS = {bm25.word_id(""): 1e-6}


@dataclass(frozen=True, slots=True)
class TextRow:
    """What the index holds of a product; `text` is normalised (see `text_words.normalise`)."""

    id: int
    seller_id: str
    category: str
    brand: str
    price: float
    in_stock: bool
    text: str


@dataclass(frozen=True, slots=True)
class TextHit:
    """A product that was found; `score` is BM25, above 0, and more is better."""

    product_id: int
    score: float


def begin(client: MilvusClient, capabilities: Capabilities, *, timeout_seconds: float) -> None:
    """Make the collection alone, unless another process has."""
    collections.make(client, NAME, _schema(capabilities), timeout_seconds=timeout_seconds)


def is_complete(client: MilvusClient, *, timeout_seconds: float) -> bool:
    """Whether the collection is there and has its index; who made it may have died between."""
    return client.has_collection(NAME, timeout=timeout_seconds) and bool(
        client.list_indexes(NAME, timeout=timeout_seconds)
    )


def create(client: MilvusClient, capabilities: Capabilities, *, timeout_seconds: float) -> None:
    """Make the collection with its index and load it, or finish what another process began."""
    begin(client, capabilities, timeout_seconds=timeout_seconds)
    metric = {"metric_type": _metric(capabilities)}
    params = _BM25 if capabilities.weighs_words else {}
    collections.make_ready(
        client,
        NAME,
        SPARSE,
        {"index_type": "SPARSE_INVERTED_INDEX", **metric, "params": params},
        timeout_seconds=timeout_seconds,
    )


def entity(row: TextRow, capabilities: Capabilities) -> dict[str, Any]:
    """One row as pymilvus takes it. Raises ValueError for a text that its column cannot hold."""
    values = {name: getattr(row, name) for name in COLUMNS}
    for name, size in {**collections.TEXT_BYTES, TEXT: MAX_TEXT_BYTES}.items():
        if len(values[name].encode()) > size:
            raise ValueError(
                f"The {name} of product {row.id} is longer than {size} bytes; "
                "the catalogue has to bound it."
            )
    if not capabilities.weighs_words:
        # A sparse vector may not be empty; nobody asks for the empty word.
        values[SPARSE] = bm25.document_vector(index_words(row.text)) or _WORDLESS
    return values


def question(query: str, rarity: Rarity, capabilities: Capabilities) -> dict[str, Any]:
    """Arguments of a search for the words of a normalised query."""
    data = query if capabilities.weighs_words else bm25.query_vector(index_words(query), rarity)
    return {
        "data": [data],
        "anns_field": SPARSE,
        "search_params": {"metric_type": _metric(capabilities), "params": {}},
    }


def hits(answer: Any) -> list[TextHit]:
    """Best first, equal scores by product id. Milvus Lite gives distances the other sign."""
    found = [TextHit(int(hit["id"]), round(abs(float(hit["distance"])), 4)) for hit in answer]
    return sorted(found, key=lambda hit: (-hit.score, hit.product_id))


def _schema(capabilities: Capabilities) -> CollectionSchema:
    schema = MilvusClient.create_schema(auto_id=False, enable_dynamic_field=False)
    schema.add_field("id", DataType.INT64, is_primary=True)
    for name, size in collections.TEXT_BYTES.items():
        schema.add_field(name, DataType.VARCHAR, max_length=size)
    schema.add_field("price", DataType.DOUBLE)
    schema.add_field("in_stock", DataType.BOOL)
    analysed = {"enable_analyzer": True, "analyzer_params": _ANALYZER}
    schema.add_field(
        TEXT,
        DataType.VARCHAR,
        max_length=MAX_TEXT_BYTES,
        **(analysed if capabilities.weighs_words else {}),
    )
    schema.add_field(SPARSE, DataType.SPARSE_FLOAT_VECTOR)
    if capabilities.weighs_words:
        schema.add_function(
            Function(
                name="bm25",
                function_type=FunctionType.BM25,
                input_field_names=[TEXT],
                output_field_names=[SPARSE],
            )
        )
    return schema


def _metric(capabilities: Capabilities) -> str:
    return "BM25" if capabilities.weighs_words else "IP"
