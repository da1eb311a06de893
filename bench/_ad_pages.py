"""The pages for which ads are asked: no two alike one after the other."""

import argparse
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from _histories import shopper
from _questions import Question
from _standing import Shop
from _synthetic import QUERIES, SEED, public_id

from vitrine.demo.products import product

SLOTS = 3
SHOPPERS, EVENTS = 400, 250
KINDS = 4

Stream = Sequence[tuple[str, Question]]
"""Requests with their kinds."""


def pages(shop: Shop, count: int, *, photos: bool) -> dict[str, list[Question]]:
    """`count` requests of each kind, no two alike one after the other."""
    dice = np.random.default_rng([SEED, 12])
    listed = [product(SEED, int(at)) for at in dice.integers(0, shop.products, count)]
    users = [shopper(int(at)) for at in dice.integers(0, SHOPPERS, count)]
    where = [
        {"geo": ("DE", "US", "FR-75", "GB")[at % 4], "device": ("mobile", "desktop")[at // 4 % 2]}
        for at in range(count)
    ]

    def of(*more: dict[str, Any], **how: Any) -> list[Question]:
        return [
            Question({"slots": SLOTS, **where[at], **one}, kind="ads", **how)
            for at, one in enumerate(more)
        ]

    found = {
        "product, nobody known": of(*({"product_id": public_id(one)} for one in listed)),
        "product, a known shopper": of(
            *(
                {"product_id": public_id(one), "user_id": user}
                for one, user in zip(listed, users, strict=True)
            )
        ),
        "words": of(*({"text": " ".join(one.title.split()[-4:-2])} for one in listed)),
        "category, a known shopper": of(
            *(
                {"category": one.category, "user_id": user}
                for one, user in zip(listed, users, strict=True)
            )
        ),
    }
    if photos:
        found["a photo that is kept"] = [
            Question(one.query, shop.drawn.queries[at % QUERIES], kind="ads", before="upload")
            for at, one in enumerate(of(*({} for _ in listed)))
        ]
    return found


def streams(shop: Shop, options: argparse.Namespace) -> Iterator[Stream]:
    """All kinds mixed, a stream for each part of each turn, and of one that warms up."""
    parts = (options.turns + 1) * (len(options.clients) + 1)
    each = -(-options.requests // KINDS)
    kinds = pages(shop, parts * each, photos=options.photos)
    for part in range(parts):
        places = range(part * each, (part + 1) * each)
        yield [(kind, some[at]) for at in places for kind, some in kinds.items()]
