"""Four ways to fill a page for the same shoppers: what learns from them, and what it must beat."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

import numpy as np
from flask.testing import FlaskClient

from vitrine.demo.behaviour import Page, arrival
from vitrine.demo.products import DemoProduct
from vitrine.demo.shoppers import Act, Shopper

SLOTS = 12
CLICK = "select_item"
# Similar products are asked for with room for those that were clicked already.
_SIMILAR = 60


@dataclass(frozen=True)
class Shelf:
    """What can be shown, and the calls of the api; `ids` are public ids by sku."""

    products: dict[str, DemoProduct]
    ids: dict[str, str]
    api: FlaskClient
    headers: dict[str, str]

    @property
    def by_id(self) -> dict[str, DemoProduct]:
        return {self.ids[sku]: product for sku, product in self.products.items()}

    def get(self, path: str, **query: object) -> Any:
        """Ask the api; anything but 200 ends the benchmark."""
        answer = self.api.get(path, query_string=query, headers=self.headers)
        if answer.status_code != 200:
            raise SystemExit(f"{path} answered {answer.status_code}: {answer.text}")
        return answer.json


@dataclass(frozen=True)
class Shown:
    """A page as it was filled; no tokens where the api did not fill it."""

    products: list[DemoProduct]
    tokens: list[str]


class Arm(Protocol):
    """A way to fill pages. Those beside the api's never show a shopper what they clicked."""

    name: str

    def greet(self, shopper: Shopper, came_for: DemoProduct, at: datetime) -> None: ...

    def show(self, shopper: Shopper) -> Shown: ...

    def learn(self, shopper: Shopper, shown: Shown, acts: Sequence[Act], at: datetime) -> None: ...


@dataclass
class Loop:
    """The recommendations of the api, told all that its own shoppers do and nothing else."""

    shelf: Shelf
    name: str = "recommendations"
    _pages: int = 0

    def greet(self, shopper: Shopper, came_for: DemoProduct, at: datetime) -> None:
        self._pages += 1
        key = f"{shopper.name}-{self._pages}"
        self._send(shopper, [arrival(key, came_for, self.shelf.ids[came_for.sku], at)])

    def show(self, shopper: Shopper) -> Shown:
        found = self.shelf.get(f"/v1/users/{shopper.name}/recommendations", limit=SLOTS)
        by_id = self.shelf.by_id
        return Shown(
            [by_id[one["product"]["id"]] for one in found["results"]],
            [one["token"] for one in found["results"]],
        )

    def learn(self, shopper: Shopper, shown: Shown, acts: Sequence[Act], at: datetime) -> None:
        key = f"{shopper.name}-{self._pages}"
        page = Page(key, at, shown.products, shown.tokens, self.shelf.ids)
        self._send(shopper, page.events(acts))

    def _send(self, shopper: Shopper, events: list[dict[str, Any]]) -> None:
        body = {"user_id": shopper.name, "events": events}
        answer = self.shelf.api.post("/v1/events", json=body, headers=self.shelf.headers)
        told = answer.json
        if answer.status_code != 202 or told["errors"] or told["warnings"]:
            raise SystemExit(f"/v1/events answered {answer.status_code}: {answer.text}")


@dataclass
class Popularity:
    """What shoppers of all arms clicked most and this one did not; by chance where none did."""

    shelf: Shelf
    rng: np.random.Generator
    name: str = "popularity"
    clicks: Counter[str] = field(default_factory=Counter)

    def greet(self, shopper: Shopper, came_for: DemoProduct, at: datetime) -> None:
        """Nothing here: every arm's shoppers are counted where they click."""

    def show(self, shopper: Shopper) -> Shown:
        there = [sku for sku in self.shelf.products if sku not in shopper.clicked]
        chance = self.rng.random(len(there))
        order = np.lexsort((chance, [-self.clicks[sku] for sku in there]))[:SLOTS]
        return Shown([self.shelf.products[there[at]] for at in order], [])

    def learn(self, shopper: Shopper, shown: Shown, acts: Sequence[Act], at: datetime) -> None:
        """Nothing here: every arm's clicks are counted where they are made."""


@dataclass
class Visual:
    """What looks like the product that the shopper viewed last."""

    shelf: Shelf
    name: str = "visual similarity"
    last: dict[str, str] = field(default_factory=dict)

    def greet(self, shopper: Shopper, came_for: DemoProduct, at: datetime) -> None:
        self.last[shopper.name] = came_for.sku

    def show(self, shopper: Shopper) -> Shown:
        last = self.last[shopper.name]
        found = self.shelf.get(f"/v1/products/{self.shelf.ids[last]}/similar", limit=_SIMILAR)
        by_id = self.shelf.by_id
        near = [by_id.get(one["product"]["id"]) for one in found["results"]]
        fresh = [one for one in near if one is not None and one.sku not in shopper.clicked]
        return Shown(fresh[:SLOTS], [])

    def learn(self, shopper: Shopper, shown: Shown, acts: Sequence[Act], at: datetime) -> None:
        """Nothing: the next page starts from what the shopper comes for."""


@dataclass
class Random:
    """Any products that the shopper did not click yet."""

    shelf: Shelf
    rng: np.random.Generator
    name: str = "random"

    def greet(self, shopper: Shopper, came_for: DemoProduct, at: datetime) -> None:
        """Nothing: it knows nothing."""

    def show(self, shopper: Shopper) -> Shown:
        there = [sku for sku in self.shelf.products if sku not in shopper.clicked]
        chosen = self.rng.permutation(len(there))[:SLOTS]
        return Shown([self.shelf.products[there[at]] for at in chosen], [])

    def learn(self, shopper: Shopper, shown: Shown, acts: Sequence[Act], at: datetime) -> None:
        """Nothing: it learns nothing."""
