"""What simulated shoppers do, in the words of `POST /v1/events`."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from vitrine.demo.products import DemoProduct
from vitrine.demo.shoppers import Act

LIST = "for_you"
# Between two things that somebody does on a page.
_STEP = timedelta(seconds=4)
# The transaction names a purchase; everything else is about the product as it was shown.
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True)
class Page:
    """What was shown: products in their order, and with which token each; `key` names the page."""

    key: str
    at: datetime
    products: Sequence[DemoProduct]
    tokens: Sequence[str]
    ids: Mapping[str, str]

    def events(self, acts: Sequence[Act]) -> list[dict[str, Any]]:
        """Write what was shown and done as events, each with an id that the page decides."""
        if not self.products:
            return []
        at, number = self.at, itertools.count()
        impressions = [
            self._item(product, position) for position, product in enumerate(self.products)
        ]
        events = [_event("view_item_list", impressions, at, f"{self.key}-{next(number)}")]
        places = {product.sku: place for place, product in enumerate(self.products)}
        for act in acts:
            at += _STEP
            item = self._item(act.product, places[act.product.sku])
            events.append(_event(act.name, [item], at, f"{self.key}-{next(number)}"))
        return events

    def _item(self, product: DemoProduct, position: int) -> dict[str, Any]:
        return {
            "item_id": self.ids[product.sku],
            "index": position,
            "price": product.price,
            "quantity": 1,
            "token": self.tokens[position],
        }


def arrival(key: str, product: DemoProduct, id_: str, at: datetime) -> dict[str, Any]:
    """Write that somebody came and looked at a product that nothing here had shown them."""
    return _event("view_item", [{"item_id": id_, "price": product.price}], at, f"{key}-came")


def _event(name: str, items: list[dict[str, Any]], at: datetime, id_: str) -> dict[str, Any]:
    shown = any("token" in item for item in items)
    return {
        "name": name,
        "event_id": id_,
        "timestamp_micros": _micros(at),
        "params": {
            "items": items,
            **({"item_list_id": LIST} if shown else {}),
            **({"transaction_id": id_} if name == "purchase" else {}),
        },
    }


def _micros(at: datetime) -> int:
    return (at - datetime.fromtimestamp(0, at.tzinfo)) // _MICROSECOND
