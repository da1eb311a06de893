"""What shoppers of `tests.integration.shop` do, sent as their storefront would send it."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from vitrine.assembly import Platform
from vitrine.wire.events import EventBatch


class Shoppers:
    """Takes in events; products are named by their sku, and shoppers are users unless told."""

    def __init__(self, platform: Platform) -> None:
        self._intake = platform.intake

    def did(
        self,
        user: str,
        name: str,
        *skus: str,
        days_ago: float = 0.0,
        visitor: bool = False,
        token: str | None = None,
    ) -> None:
        at = datetime.now(UTC) - timedelta(days=days_ago)
        params: dict[str, Any] = {"items": [{"item_id": f"acme:{one}"} for one in skus]}
        if token is not None:
            params["token"] = token
        event = {
            "name": name,
            "event_id": uuid4().hex,
            "timestamp_micros": int(at.timestamp() * 1e6),
            "params": params,
        }
        who = {"client_id": user} if visitor else {"user_id": user}
        taken = self._intake.take(EventBatch(**who, events=[event]), published=False)
        assert (taken.accepted, taken.errors, taken.warnings) == (1, [], [])
