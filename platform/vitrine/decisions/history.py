"""What one person did, in the order of (time, event id): the same whatever the order of arrival."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Interaction:
    """One item of one event. `item` is what the shop called it; `product_id` is None if unknown.

    (`at`, `event`, `line`) orders them; `position` and `decision` come from the quoted token.
    """

    at: datetime
    event: bytes
    line: int
    name: str
    product_id: int | None
    item: str | None
    quantity: int | None
    price: Decimal | None
    rating: float | None
    position: int | None
    decision: str | None
