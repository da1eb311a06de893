"""Counts of the products that match, by category, brand, price and attributes."""

import math
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import ARRAY, BigInteger, ColumnElement, any_, bindparam, select
from sqlalchemy.orm import Session

from vitrine.catalog.models import IN_STOCK, Product
from vitrine.errors import Invalid
from vitrine.retrieval.filters import narrow
from vitrine.retrieval.filters.values import Wrong, attribute_name
from vitrine.wire import Facet, FacetValue, PriceBin

ATTRIBUTE_PREFIX = "attributes."
FIELDS = ("category", "brand", "price", "in_stock")
MOST_VALUES = 50
# `attributes` alone asks for so many of the most frequent ones.
MOST_ATTRIBUTES = 8
PRICE_BINS = 8
_STEPS = (Decimal(1), Decimal(2), Decimal(5), Decimal(10))

_IDS = bindparam("ids", type_=ARRAY(BigInteger))
_COUNTED = select(
    Product.category, Product.brand, Product.price, Product.availability, Product.attributes
).where(Product.id == any_(_IDS))


@dataclass(frozen=True, slots=True)
class Counted:
    """What a product counts as."""

    category: str
    brand: str
    price: Decimal
    in_stock: bool
    attributes: dict[str, Any]


def check_fields(fields: Sequence[str]) -> None:
    """Raise Invalid for a facet that there is not."""
    for at, name in enumerate(fields):
        if name in FIELDS or name == "attributes":
            continue
        detail = f"is no facet; there are {', '.join(FIELDS)}, attributes and attributes.<name>"
        if name.startswith(ATTRIBUTE_PREFIX):
            try:
                attribute_name(name.removeprefix(ATTRIBUTE_PREFIX))
                continue
            except Wrong as wrong:
                detail = wrong.detail
        pointer = f"/facets/{at}"
        raise Invalid(f"`{pointer}` {detail}.", errors=[{"pointer": pointer, "detail": detail}])


def read_counted(
    session: Session, product_ids: Collection[int], condition: ColumnElement[bool]
) -> list[Counted]:
    """Read what is counted of those products that are there and that the condition allows."""
    rows = session.execute(narrow(_COUNTED, condition), {"ids": list(product_ids)})
    return [
        Counted(row.category, row.brand, row.price, row.availability in IN_STOCK, row.attributes)
        for row in rows
    ]


def count_facets(products: Sequence[Counted], fields: Sequence[str], *, exact: bool) -> list[Facet]:
    """Count by each of `fields`, in their order; a value is counted once a product."""
    facets: list[Facet] = []
    for name in dict.fromkeys(fields):
        if name == "attributes":
            facets += [_attribute(products, one, exact) for one in _frequent(products)]
        elif name.startswith(ATTRIBUTE_PREFIX):
            facets.append(_attribute(products, name.removeprefix(ATTRIBUTE_PREFIX), exact))
        elif name == "category":
            facets.append(_categories(products, exact))
        elif name == "price":
            facets.append(_prices([one.price for one in products], exact))
        else:
            values = [getattr(one, name) for one in products]
            counts = Counter(value for value in values if value != "")
            facets.append(_facet(name, counts, len(products), exact))
    return facets


def _facet(name: str, counts: Counter[Any], products: int, exact: bool) -> Facet:
    return Facet(field=name, exact=exact, products=products, values=_values(counts))


def _values(counts: Counter[Any]) -> list[FacetValue]:
    """Most frequent first; equal ones by their text, so that the order holds still."""
    ordered = sorted(counts.items(), key=lambda item: (-item[1], str(item[0])))[:MOST_VALUES]
    return [FacetValue(value=_plain(value), count=count) for value, count in ordered]


def _attribute(products: Sequence[Counted], name: str, exact: bool) -> Facet:
    counts: Counter[Any] = Counter()
    for one in products:
        held = one.attributes.get(name)
        items = held if isinstance(held, list) else [held]
        # True and 1 are one key to Python, and two values to a filter.
        counts.update({(isinstance(item, bool), item) for item in items if item is not None})
    return _facet(f"{ATTRIBUTE_PREFIX}{name}", counts, len(products), exact)


def _plain(value: Any) -> Any:
    return value[1] if isinstance(value, tuple) else value


def _frequent(products: Sequence[Counted]) -> list[str]:
    counts = Counter(name for one in products for name in one.attributes)
    return sorted(counts, key=lambda name: (-counts[name], name))[:MOST_ATTRIBUTES]


def _categories(products: Sequence[Counted], exact: bool) -> Facet:
    """The tree of categories; each counts what is in it and under it."""
    counts: Counter[str] = Counter()
    for one in products:
        steps = one.category.split("/")
        counts.update("/".join(steps[:depth]) for depth in range(1, len(steps) + 1))
    under: dict[str, list[str]] = {}
    for path in counts:
        under.setdefault(path.rpartition("/")[0], []).append(path)

    def branch(parent: str) -> list[FacetValue]:
        paths = sorted(under.get(parent, ()), key=lambda path: (-counts[path], path))
        return [
            FacetValue(value=path, count=counts[path], children=branch(path))
            for path in paths[:MOST_VALUES]
        ]

    return Facet(field="category", exact=exact, products=len(products), values=branch(""))


def _prices(prices: Sequence[Decimal], exact: bool) -> Facet:
    """A histogram of equally wide bins with round edges; empty bins at the ends are left out."""
    if not prices:
        return Facet(field="price", exact=exact, products=0)
    width = _bin_width(max(prices) - min(prices))
    first = math.floor(min(prices) / width)
    counts = Counter(math.floor(price / width) - first for price in prices)
    bins = [
        PriceBin(
            gte=f"{(first + at) * width:.2f}",
            lt=f"{(first + at + 1) * width:.2f}",
            count=counts[at],
        )
        for at in range(max(counts) + 1)
    ]
    return Facet(field="price", exact=exact, products=len(prices), bins=bins)


def _bin_width(span: Decimal) -> Decimal:
    """The smallest of 1, 2, 5 × 10^n that needs at most about `PRICE_BINS` bins."""
    rough = max(span / PRICE_BINS, Decimal("0.01"))
    power = Decimal(10) ** math.floor(rough.log10())
    return next(step * power for step in _STEPS if step * power >= rough)
