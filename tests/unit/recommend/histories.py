"""Histories and products to make profiles of."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import numpy as np

from vitrine.decisions.history import Interaction
from vitrine.recommend.interests import Vectors
from vitrine.recommend.profile import Known

START = datetime(2026, 11, 1, tzinfo=UTC)


def did(
    name: str, product: int | None, day: float = 0.0, *, event: str = "", **more: object
) -> Interaction:
    """One line of an event that happened so many days after the start."""
    at = START + timedelta(days=day)
    key = hashlib.sha256((event or f"{name} {product} {day}").encode()).digest()
    nothing = dict.fromkeys(
        ("item", "quantity", "price", "rating", "position", "decision", "transaction_id")
    )
    return Interaction(at, key, 0, name, product, **{**nothing, **more})  # type: ignore[arg-type]


def looks(products: Iterable[int], day: float = 0.0) -> list[Interaction]:
    """One look at each, a minute after the other."""
    return [did("view_item", id_, day + at / 1440) for at, id_ in enumerate(products)]


def around(centre: Sequence[float], count: int, spread: float, seed: int = 0) -> Vectors:
    """Vectors [count, d] of length 1 near a direction."""
    rng = np.random.default_rng(seed)
    found = np.array(centre) + rng.normal(0, spread, (count, len(centre)))
    return np.asarray(found / np.linalg.norm(found, axis=1, keepdims=True), np.float32)


def known(vector: Sequence[float] | Vectors | None = (1.0, 0.0), **changes: object) -> Known:
    """A product as Postgres knows it."""
    unit = None if vector is None else np.asarray(vector, np.float32)
    one = Known("home/kitchen/mugs", "Tern", Decimal("12.50"), None if unit is None else 7, unit)
    return replace(one, **changes)  # type: ignore[arg-type]
