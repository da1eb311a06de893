"""A shop of any size without drawing it: real words, some real photos, vectors made around theirs.

The products are those of the demo, in words. Of the first `DRAWN` a photo is drawn and encoded. The
pictures of the others exist as vectors only: each lies about a real one of its own kind of product,
off in the directions in which the real ones differ. So words, facets, filters and categories are
as in a shop, and neighbours are as near.
"""

import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from rich.progress import Progress
from sqlalchemy import Engine

from vitrine.assembly import Platform
from vitrine.demo.photos import photo
from vitrine.demo.products import DemoProduct, product
from vitrine.demo.queries import query_photo
from vitrine.embedding.runtimes import Encoder
from vitrine.embedding.vectors import normalise, pack
from vitrine.media.cid import content_id
from vitrine.media.decode import decode

SEED = 4
# What is drawn has a seller of its own, so that a filter finds products with real pictures alone.
SELLER, STUDIO = "bench", "studio"
DRAWN = 114
QUERIES = 38
# Cosine of a picture with the real one that it lies about, and of a second with the first.
NEAR, NEARER = 0.8, 0.9
_BATCH = 16
_PAGE = 2000
_FIRST_DAY = datetime(2026, 1, 1, tzinfo=UTC)

Vectors = NDArray[np.float32]


@dataclass(frozen=True)
class Drawn:
    """What is real: photos of the first products, their vectors [n, d], and shoppers' photos."""

    photos: list[bytes]
    vectors: Vectors
    queries: list[bytes]


@dataclass(frozen=True)
class Stock:
    """Where products are put, under which model, and how many have a second picture."""

    platform: Platform
    model: str
    drawn: Drawn
    two_pictures: float = 0.5


def draw(platform: Platform, encoder: Encoder, folder: Path, bar: Progress) -> Drawn:
    """Draw and encode what is real, once; it is kept in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    photos, queries = [], []
    task = bar.add_task("drawing", total=DRAWN + QUERIES)
    for index in range(DRAWN + QUERIES):
        at, of_shopper = (index, False) if index < DRAWN else (index - DRAWN, True)
        path = folder / f"{'query' if of_shopper else 'photo'}-{SEED}-{at:03d}.jpg"
        if not path.is_file():
            listed = product(SEED, at)
            taken = query_photo(SEED, listed) if of_shopper else photo(SEED, listed, 0)
            path.write_bytes(taken)
        (queries if of_shopper else photos).append(path.read_bytes())
        bar.advance(task)
    bar.remove_task(task)
    side = encoder.spec.preprocessing.short_side
    found = []
    for start in range(0, DRAWN, _BATCH):
        some = [
            decode(one, platform.limits, short_side=side) for one in photos[start : start + _BATCH]
        ]
        found.append(encoder.encode(some).embedding)
    return Drawn(photos, normalise(np.concatenate(found)), queries)


def fill(stock: Stock, count: int, bar: Progress) -> int:
    """Put `count` products straight into Postgres; return how many pictures they have.

    The indexes are none the wiser: `rebuild` has to follow.
    """
    engine = stock.platform.engine
    _copy(engine, "sellers", ("id", "name"), [(SELLER, SELLER), (STUDIO, STUDIO)])
    task = bar.add_task("rows", total=count)
    pictures = 0
    for start in range(0, count, _PAGE):
        some = [product(SEED, index) for index in range(start, min(count, start + _PAGE))]
        rows = _rows(stock, some, pictures)
        for table, (columns, values) in rows.items():
            _copy(engine, table, columns, values)
        pictures += len(rows["product_images"][1])
        bar.advance(task, len(some))
    bar.remove_task(task)
    with engine.begin() as connection:
        for table in ("products", "product_images"):
            connection.exec_driver_sql(
                f"select setval(pg_get_serial_sequence('{table}', 'id'), max(id)) from {table}"
            )
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("analyze")
    return pictures


def public_id(one: DemoProduct) -> str:
    """`seller:sku`."""
    return f"{_seller(one.index)}:{one.sku}"


def _seller(index: int) -> str:
    return STUDIO if index < DRAWN else SELLER


Table = tuple[tuple[str, ...], list[tuple[object, ...]]]


def _rows(stock: Stock, some: Sequence[DemoProduct], pictures: int) -> dict[str, Table]:
    """Rows of every table; `pictures` are there already."""
    products, images, uses, embeddings = [], [], [], []
    for one, vectors in zip(some, _vectors(stock, some), strict=True):
        id_ = one.index + 1
        added = _FIRST_DAY + timedelta(minutes=one.index)
        products.append(
            (id_, _seller(one.index), one.sku, one.title, one.description, one.brand, one.category,
             one.price, one.availability, json.dumps(one.attributes), added, added)
        )  # fmt: skip
        for position, vector in enumerate(vectors):
            real = one.index < DRAWN
            data = stock.drawn.photos[one.index] if real else f"{one.sku}/{position}".encode()
            cid = stock.platform.blobs.put(data) if real else content_id(data)
            width, height = Image.open(io.BytesIO(data)).size if real else (800, 1000)
            pictures += 1
            images.append((cid, len(data), "JPEG", width, height))
            uses.append((pictures, id_, cid, position, "searchable"))
            embeddings.append((cid, stock.model, "\\x" + pack(vector).hex()))
    return {
        "products": (
            ("id", "seller_id", "sku", "title", "description", "brand", "category", "price",
             "availability", "attributes", "created_at", "updated_at"),
            products,
        ),
        "images": (("cid", "bytes", "format", "width", "height"), images),
        "product_images": (("id", "product_id", "cid", "position", "state"), uses),
        "embeddings": (("cid", "model", "vector"), embeddings),
    }  # fmt: skip


def _kinds() -> dict[str, list[int]]:
    """The drawn products by their category."""
    found: dict[str, list[int]] = {}
    for index in range(DRAWN):
        found.setdefault(product(SEED, index).category, []).append(index)
    return found


def _vectors(stock: Stock, some: Sequence[DemoProduct]) -> Iterator[list[Vectors]]:
    """Vectors of one or two pictures of each product, always the same for one product."""
    real, kinds = stock.drawn.vectors, _kinds()
    spread = real - real.mean(axis=0)
    for one in some:
        dice = np.random.default_rng([SEED, one.index, 9])
        if one.index < DRAWN:
            yield [real[one.index]]
            continue
        first = _beside(real[int(dice.choice(kinds[one.category]))], NEAR, spread, dice)
        found = [first]
        if dice.random() < stock.two_pictures:
            found.append(_beside(first, NEARER, spread, dice))
        yield found


def _beside(vector: Vectors, cosine: float, spread: Vectors, dice: np.random.Generator) -> Vectors:
    """A vector about so near to this one, off in a direction in which real ones differ."""
    away = dice.standard_normal(len(spread), np.float32) @ spread
    away = normalise(away - (away @ vector) * vector)
    return normalise(cosine * vector + np.sqrt(1 - cosine**2) * away)


def _copy(
    engine: Engine, table: str, columns: Sequence[str], rows: Sequence[tuple[object, ...]]
) -> None:
    """Write rows by COPY; nothing in them needs more than tabs and backslashes escaped."""
    lines = io.StringIO()
    for row in rows:
        fields = (str(value).replace("\\", "\\\\").replace("\t", "\\t") for value in row)
        lines.write("\t".join(fields) + "\n")
    lines.seek(0)
    raw = engine.raw_connection()
    try:
        with raw.cursor() as cursor:
            cursor.copy_expert(f"copy {table} ({', '.join(columns)}) from stdin", lines)
        raw.commit()
    finally:
        raw.close()
