"""What is loaded: a product in the words of the API, with its photos on disk."""

from dataclasses import dataclass
from pathlib import Path

from vitrine.wire import ProductIn


@dataclass(frozen=True)
class Listing:
    """`id` is public (`seller:sku`); `query` is a shopper's photo of the product, if any."""

    id: str
    product: ProductIn
    photos: tuple[Path, ...]
    query: Path | None = None
