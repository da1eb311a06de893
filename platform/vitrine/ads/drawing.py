"""The products that creatives draw on, and that pages are about."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache

from sqlalchemy import text

from vitrine.ads.keeping import Background, Kept
from vitrine.ads.targeting import fold_words
from vitrine.catalog.models import Product
from vitrine.db import Readers

# What is shown in the end is read once more, as it stands then.
KEPT_SECONDS = 20.0
_MOST_KEPT = 50_000
_TITLES = 20_000

ProductKey = tuple[str, str]
"""Seller and sku."""

_PRODUCTS = text(
    """
    select id, products.seller_id, products.sku, title, category, price, availability,
        exists (
            select from product_images
            where product_id = products.id and product_images.state = 'searchable'
        ) as has_picture
    from unnest(cast(:sellers as text[]), cast(:skus as text[])) as wanted(seller_id, sku)
    join products on products.seller_id = wanted.seller_id and products.sku = wanted.sku
    """
)


@dataclass(frozen=True, slots=True)
class Drawn:
    """A product as it stood some seconds ago."""

    id: int
    title: str
    category: str
    price: Decimal
    in_stock: bool
    has_picture: bool

    @property
    def words(self) -> frozenset[str]:
        """The words of its title, folded."""
        return _words(self.title)


class DrawnProducts:
    """Reads products by seller and sku; safe to share between threads."""

    def __init__(self, readers: Readers, background: Background) -> None:
        self._readers = readers
        self._kept = Kept(self._read, background, seconds=KEPT_SECONDS, most=_MOST_KEPT)

    def of(self, keys: Iterable[ProductKey]) -> dict[ProductKey, Drawn]:
        """Find those that are there; one that cannot be shown is looked at anew each time."""
        found = self._kept.of(keys)
        gone = [key for key, one in found.items() if not (one.in_stock and one.has_picture)]
        if gone:
            self._kept.forget(gone)
        return found

    def forget(self, keys: Iterable[ProductKey]) -> None:
        """Read these anew at the next use."""
        self._kept.forget(keys)

    def _read(self, keys: Collection[ProductKey]) -> Mapping[ProductKey, Drawn]:
        sellers, skus = zip(*keys, strict=True)
        with self._readers() as reads:
            rows = reads.execute(_PRODUCTS, {"sellers": list(sellers), "skus": list(skus)}).all()
        return {
            (row.seller_id, row.sku): Drawn(
                row.id,
                row.title,
                row.category,
                row.price,
                Product.is_in_stock(row.availability),
                row.has_picture,
            )
            for row in rows
        }


@lru_cache(maxsize=_TITLES)
def _words(title: str) -> frozenset[str]:
    return fold_words(title)
