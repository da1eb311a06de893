"""Makes and describes the collections that hold vectors: of pictures, and of ads."""

import time
from collections.abc import Callable
from dataclasses import fields
from typing import Any

from pymilvus import CollectionSchema, DataType, MilvusClient

from vitrine.errors import Misconfigured
from vitrine.index.capabilities import Capabilities
from vitrine.index.failures import is_already_there, is_missing_collection
from vitrine.index.schema import (
    BRAND_CHARACTERS,
    BYTES_PER_CHARACTER,
    CATEGORY_CHARACTERS,
    SELLER_ID_CHARACTERS,
    CreativeScalars,
    IndexScalars,
    Row,
)

Schema = Callable[[int], CollectionSchema]
"""Columns of a collection, by the length of its vectors."""

_LOOK_SECONDS = 0.1
EMBEDDING = "embedding"
SCALARS = tuple(one.name for one in fields(IndexScalars))
CREATIVE_SCALARS = tuple(one.name for one in fields(CreativeScalars))
# A content id has 59 characters.
_CID_BYTES = 64
TEXT_BYTES = {
    "seller_id": SELLER_ID_CHARACTERS * BYTES_PER_CHARACTER,
    "category": CATEGORY_CHARACTERS * BYTES_PER_CHARACTER,
    "brand": BRAND_CHARACTERS * BYTES_PER_CHARACTER,
}


def image_schema(dim: int) -> CollectionSchema:
    """Columns of `images_<generation>`, one row per use of a picture."""
    schema = MilvusClient.create_schema(auto_id=False, enable_dynamic_field=False)
    schema.add_field("id", DataType.INT64, is_primary=True)
    schema.add_field("product_id", DataType.INT64)
    for name, size in TEXT_BYTES.items():
        schema.add_field(name, DataType.VARCHAR, max_length=size)
    schema.add_field("price", DataType.DOUBLE)
    schema.add_field("in_stock", DataType.BOOL)
    schema.add_field(EMBEDDING, DataType.FLOAT_VECTOR, dim=dim)
    return schema


def creative_schema(dim: int) -> CollectionSchema:
    """Columns of `creatives_<generation>`, one row an ad."""
    schema = MilvusClient.create_schema(auto_id=False, enable_dynamic_field=False)
    schema.add_field("id", DataType.INT64, is_primary=True)
    schema.add_field("campaign_id", DataType.INT64)
    schema.add_field("cid", DataType.VARCHAR, max_length=_CID_BYTES)
    schema.add_field(EMBEDDING, DataType.FLOAT_VECTOR, dim=dim)
    return schema


def entity(row: Row) -> dict[str, Any]:
    """One row as pymilvus takes it.

    Raises ValueError for a text that its column cannot hold; the server would refuse the whole
    batch.
    """
    values: dict[str, Any] = {one.name: getattr(row, one.name) for one in fields(row)}
    for name, size in TEXT_BYTES.items():
        if len(values.get(name, "").encode()) > size:
            raise ValueError(
                f"The {name} of index row {row.id} is longer than {size} bytes; "
                "the catalogue has to bound it."
            )
    return values


def create(
    client: MilvusClient,
    capabilities: Capabilities,
    collection: str,
    dim: int,
    *,
    schema: Schema,
    timeout_seconds: float,
) -> None:
    """Make a collection with its index and load it, or finish what another process began.

    Every step is done again even if the collection is there: the process that made it may have
    died between two steps, or be between them now.
    """
    make(client, collection, schema(dim), timeout_seconds=timeout_seconds)
    _check_dim(_described(client, collection, timeout_seconds), collection, dim)
    make_ready(
        client,
        collection,
        EMBEDDING,
        capabilities.vector_index,
        timeout_seconds=timeout_seconds,
    )


def make(
    client: MilvusClient, collection: str, schema: CollectionSchema, *, timeout_seconds: float
) -> None:
    """Make a collection, unless another process has."""
    _tolerate_presence(client.create_collection, collection, schema=schema, timeout=timeout_seconds)


def make_ready(
    client: MilvusClient,
    collection: str,
    field: str,
    kind: dict[str, Any],
    *,
    timeout_seconds: float,
) -> None:
    """Index one field of a collection, if nobody has, and load it."""
    if not client.list_indexes(collection, timeout=timeout_seconds):
        index = client.prepare_index_params()
        index.add_index(field, **kind)
        # To load waits for it, and looks oftener than every half second.
        _tolerate_presence(
            client.create_index, collection, index, timeout=timeout_seconds, sync=False
        )
    client.load_collection(collection, timeout=timeout_seconds)


def drop(client: MilvusClient, collection: str, *, timeout_seconds: float) -> None:
    """Remove a collection; one that is not there is removed already."""
    try:
        client.drop_collection(collection, timeout=timeout_seconds)
    except Exception as error:
        if not is_missing_collection(error):
            raise


def _described(client: MilvusClient, collection: str, timeout_seconds: float) -> Any:
    """Describe a collection that another process may not be done making."""
    deadline = time.monotonic() + timeout_seconds
    while True:
        try:
            return client.describe_collection(collection, timeout=timeout_seconds)
        except Exception as error:
            if not is_missing_collection(error) or time.monotonic() > deadline:
                raise
        time.sleep(_LOOK_SECONDS)


def _tolerate_presence(step: Any, *args: Any, **kwargs: Any) -> None:
    try:
        step(*args, **kwargs)
    except Exception as error:
        if not is_already_there(error):
            raise


def _check_dim(description: dict[str, Any], collection: str, dim: int) -> None:
    found = next(
        (
            column["params"]["dim"]
            for column in description["fields"]
            if column["name"] == EMBEDDING
        ),
        None,
    )
    if found != dim:
        raise Misconfigured(
            f"The collection {collection} holds vectors of {found} numbers and not of {dim}; "
            "`vitrine index rebuild` makes a new one."
        )
