"""How well the shop finds query photos, beside what colour alone finds."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from vitrine.client import VitrineClient
from vitrine.demo.histogram import describe, hits, nearest
from vitrine.demo.listing import Listing

# Above this share of products found by colour alone a demo shows nothing.
TOO_EASY = 0.60


@dataclass(frozen=True)
class Quality:
    """The part of query photos whose product came first, and was among the first five."""

    first: float
    first_five: float


@dataclass(frozen=True)
class Platform:
    quality: Quality
    model: str
    trained: bool


def baseline(listings: Sequence[Listing], measured: Sequence[Listing]) -> Quality:
    """Find the query photos of `measured` among the photos of all listings, by colour histogram."""
    rows = [(describe(path), k) for k, listing in enumerate(listings) for path in listing.photos]
    place = {listing.id: k for k, listing in enumerate(listings)}
    wanted = [place[listing.id] for listing in measured]
    queries = np.stack([describe(listing.query) for listing in measured if listing.query])
    found = nearest(queries, np.stack([row for row, _ in rows]), [k for _, k in rows], 5)
    return Quality(hits(found, wanted, 1), hits(found, wanted, 5))


def platform(
    client: VitrineClient, measured: Sequence[Listing], searched: Callable[[], None]
) -> Platform:
    """Search every query photo through the api, as a storefront does."""
    ranks, model, trained = [], "", True
    for listing in measured:
        assert listing.query is not None
        answer = client.search(listing.query, limit=5)
        model, trained = answer.model.name, answer.model.trained
        ids = [result.product.id for result in answer.results]
        ranks.append(ids.index(listing.id) if listing.id in ids else 5)
        searched()
    rank = np.array(ranks)
    return Platform(Quality(float((rank == 0).mean()), float((rank < 5).mean())), model, trained)
