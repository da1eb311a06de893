"""Shoppers who do not exist: what they like is hidden, and they click what they see of it.

Tastes come from what the demo drew its products from (kind, colours, pattern, material, price), and
from nothing that a recommendation could know. How somebody clicks follows the position-based model
(Craswell et al. 2008): a slot is looked at with a probability that falls with its place, and what
is looked at is clicked with the probability that it attracts. See docs/recommend.md.
"""

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from vitrine.demo.kinds import KINDS
from vitrine.demo.palette import SHADES
from vitrine.demo.products import DemoProduct

# Log-odds of a click on what is looked at.
_ANYTHING = -4.6
_OF_A_KIND = (3.6, 3.2, 2.8)
_COLOUR, _PATTERN, _MATERIAL = 1.0, 0.5, 0.4
_PRICE = -0.6
# Some products are better than others for everybody.
_QUALITY_SPREAD = 0.8
LIKED_COLOURS, LIKED_SHARE = 4, 0.4

EXAMINE_POWER = 0.6
# What was clicked before is clicked again less often, and what was bought never.
_AGAIN = 0.25
_TO_CART, _TO_WISHLIST, _TO_PURCHASE, _TO_HIDE = 0.25, 0.08, 0.4, 0.02


@dataclass(frozen=True)
class Taste:
    """What somebody likes: kinds of products in order, colours, patterns, materials, a price level.

    `level` goes from -1, the cheapest of each kind, to 1.
    """

    kinds: tuple[str, ...]
    colours: frozenset[str]
    patterns: frozenset[str]
    materials: frozenset[str]
    level: float

    def attraction(self, product: DemoProduct) -> float:
        """Return the probability that a click follows a look, between 0 and 1."""
        design = product.design
        odds = _ANYTHING + quality(product)
        if design.kind in self.kinds:
            odds += _OF_A_KIND[self.kinds.index(design.kind)]
        odds += _COLOUR * (design.palette.names[0] in self.colours)
        odds += _PATTERN * (design.pattern in self.patterns)
        odds += _MATERIAL * (design.material in self.materials)
        odds += _PRICE * abs(_level(product) - self.level)
        return float(1 / (1 + np.exp(-odds)))


@dataclass(frozen=True)
class Act:
    """Something done with a product; `position` is its slot, from 0, where it was clicked."""

    name: str
    product: DemoProduct
    position: int | None


@dataclass
class Shopper:
    """Somebody with a taste, and with another one later if it changes. `seed` is all their luck."""

    name: str
    taste: Taste
    later: Taste | None
    seed: int
    clicked: set[str] = field(default_factory=set)
    bought: set[str] = field(default_factory=set)
    _pages: int = 0

    @property
    def changes(self) -> bool:
        return self.later is not None

    def change(self) -> None:
        """Like something else from now on."""
        if self.later is not None:
            self.taste = self.later

    def arrive(self, products: Sequence[DemoProduct]) -> DemoProduct:
        """Come for a product: found by a search or an ad, and the likelier the more it attracts."""
        luck = np.random.default_rng([self.seed, self._pages, 6])
        attractions = np.array([self.taste.attraction(one) for one in products])
        found = products[int(luck.choice(len(products), p=attractions / attractions.sum()))]
        self.clicked.add(found.sku)
        return found

    def look(self, page: Sequence[DemoProduct]) -> list[Act]:
        """Look at a page of products, best first, and return what is done, in that order."""
        self._pages += 1
        luck = np.random.default_rng([self.seed, self._pages])
        acts: list[Act] = []
        for position, product in enumerate(page):
            # Six draws a slot whatever happens, so that two pages differ only where they differ.
            draws = luck.random(6)
            if draws[0] < examination(position):
                acts.extend(self._consider(product, position, draws[1:]))
        return acts

    def _consider(
        self, product: DemoProduct, position: int, draws: NDArray[np.float64]
    ) -> Iterator[Act]:
        attraction = self.taste.attraction(product)
        if product.sku in self.bought:
            return
        if draws[0] >= attraction * (_AGAIN if product.sku in self.clicked else 1.0):
            if draws[1] < _TO_HIDE * (1 - attraction) ** 8:
                yield Act("hide_item", product, position)
            return
        yield Act("select_item", product, position)
        yield Act("view_item", product, None)
        self.clicked.add(product.sku)
        if draws[2] < _TO_WISHLIST:
            yield Act("add_to_wishlist", product, None)
        if draws[3] < _TO_CART:
            yield Act("add_to_cart", product, None)
            if draws[4] < _TO_PURCHASE:
                yield Act("purchase", product, None)
                self.bought.add(product.sku)


def examination(position: int) -> float:
    """Return how likely the slot at `position`, from 0, is looked at."""
    return float((1 + position) ** -EXAMINE_POWER)


def draw_shoppers(seed: int, count: int, *, changing: float = 0.0) -> list[Shopper]:
    """Draw so many shoppers; a share of them changes taste. The same seed draws the same ones."""
    shoppers = []
    for index in range(count):
        rng = np.random.default_rng([seed, index, 5])
        taste, later = draw_taste(rng), draw_taste(rng)
        changes = index < round(changing * count)
        shoppers.append(
            Shopper(f"shopper-{seed}-{index:04d}", taste, later if changes else None, seed + index)
        )
    return shoppers


def draw_taste(rng: np.random.Generator) -> Taste:
    """Draw a taste."""
    kinds = [str(one) for one in rng.permutation(list(KINDS))[: len(_OF_A_KIND)]]
    patterns = sorted({"plain", *(p for name in kinds for p in KINDS[name].patterns)})
    materials = sorted({m for name in kinds for m in KINDS[name].materials})
    return Taste(
        kinds=tuple(kinds),
        colours=frozenset(str(one) for one in rng.permutation(list(SHADES))[:LIKED_COLOURS]),
        patterns=_some(rng, patterns),
        materials=_some(rng, materials),
        level=float(rng.uniform(-1, 1)),
    )


def quality(product: DemoProduct) -> float:
    """Return what everybody sees in a product, in log-odds."""
    return _quality(product.sku)


@lru_cache(maxsize=100_000)
def _quality(sku: str) -> float:
    rng = np.random.default_rng(zlib.crc32(sku.encode()))
    return float(rng.normal(0, _QUALITY_SPREAD))


def _some(rng: np.random.Generator, names: Sequence[str]) -> frozenset[str]:
    liked = max(1, round(LIKED_SHARE * len(names)))
    return frozenset(str(one) for one in rng.permutation(names)[:liked])


def _level(product: DemoProduct) -> float:
    low, high = np.log(KINDS[product.design.kind].prices)
    return float(np.clip(2 * (np.log(float(product.price)) - low) / (high - low) - 1, -1, 1))
