"""What the text index shall hold, and which words the vocabulary counts, read from Postgres."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from vitrine.catalog.models import Product
from vitrine.catalog.paging import id_pages
from vitrine.index.text import TextRow
from vitrine.index.text_words import cut, normalise, words

# A word of the title counts as often as so many of the description.
TITLE_WEIGHT, BRAND_WEIGHT, CATEGORY_WEIGHT = 3, 2, 2
_ROOM_BYTES = 60_000
_TERM_CHARACTERS = range(2, 41)
# The longest description is not worth more words than this to the vocabulary.
_MOST_TERMS = 2000

_COLUMNS = (
    Product.id,
    Product.seller_id,
    Product.category,
    Product.brand,
    Product.price,
    Product.availability,
    Product.title,
    Product.description,
    Product.attributes,
)


@dataclass(frozen=True, slots=True)
class Terms:
    """The words of one product, each once: what it is called by, and what else describes it."""

    called: frozenset[str] = frozenset()
    described: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class ProductWords:
    """One product as the text index and the vocabulary know it."""

    row: TextRow
    terms: Terms


def read_texts(session: Session, ids: Sequence[int]) -> dict[int, ProductWords]:
    """Read products as the text index shall hold them; one that is gone has nothing."""
    found = session.execute(select(*_COLUMNS).where(Product.id.in_(ids)))
    return {product.id: ProductWords(_row(product), _terms(product)) for product in found}


def read_text_rows(session: Session, *, after: int, limit: int) -> list[TextRow]:
    """Read a page of what the text index shall hold, ordered by product id."""
    statement = select(*_COLUMNS).where(Product.id > after).order_by(Product.id).limit(limit)
    return [_row(product) for product in session.execute(statement)]


def product_ids(session: Session, *, page: int) -> Iterator[list[int]]:
    """Go through the ids of all products, in pages."""
    return id_pages(session, Product.id, page=page)


def _row(product: Any) -> TextRow:
    return TextRow(
        id=product.id,
        seller_id=product.seller_id,
        category=product.category,
        brand=product.brand,
        price=float(product.price),
        in_stock=Product.is_in_stock(product.availability),
        text=_text(product),
    )


def _text(product: Any) -> str:
    """Everything that the product can be found by, the weightiest first, within its bound."""
    parts = [
        *[normalise(product.title)] * TITLE_WEIGHT,
        *[normalise(product.brand)] * BRAND_WEIGHT,
        *[normalise(_opened(product.category))] * CATEGORY_WEIGHT,
        *(normalise(f"{_opened(name)} {value}") for name, value in _attributes(product)),
        normalise(product.description),
    ]
    text = " ".join(filter(None, parts))
    if len(text.encode()) <= _ROOM_BYTES:
        return text
    return text.encode()[:_ROOM_BYTES].decode(errors="ignore").rpartition(" ")[0]


def _terms(product: Any) -> Terms:
    named = [product.title, product.brand, _opened(product.category)]
    named += [value for _, value in _attributes(product)]
    called = _counted(named)
    names = (_opened(name) for name, _ in _attributes(product))
    return Terms(called, _counted([product.description, *names]) - called)


def _counted(texts: Iterable[str]) -> frozenset[str]:
    found: set[str] = set()
    for text in texts:
        for word in words(text):
            found.update(piece for piece in cut(word) if len(piece) in _TERM_CHARACTERS)
            if len(found) >= _MOST_TERMS:
                return frozenset(found)
    return frozenset(found)


def _attributes(product: Any) -> Iterator[tuple[str, str]]:
    """Names with their values as text. True is said by the name alone, false not at all."""
    for name, value in sorted(product.attributes.items()):
        if value is False:
            continue
        for one in value if isinstance(value, list) else [value]:
            yield name, "" if one is True else str(one)


def _opened(path: str) -> str:
    """A path or a name as the words that it is made of."""
    return path.replace("/", " ").replace("-", " ").replace("_", " ")
