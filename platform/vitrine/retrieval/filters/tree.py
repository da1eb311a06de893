"""What a filter is, once it has been understood."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

Comparison = Literal["gt", "gte", "lt", "lte"]
Bounds = tuple[tuple[Comparison, Decimal], ...]
AttributeValue = str | bool | int | float


@dataclass(frozen=True, slots=True)
class Category:
    """In one of these categories or under it."""

    paths: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Brand:
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Seller:
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class InStock:
    value: bool


@dataclass(frozen=True, slots=True)
class PriceIn:
    """Costs exactly one of these; no value has more than two decimals, and none means nothing."""

    values: tuple[Decimal, ...]


@dataclass(frozen=True, slots=True)
class PriceRange:
    """Bounds that all hold. They lie on the grid of prices, 0.01 apart (see `parse`)."""

    bounds: Bounds


@dataclass(frozen=True, slots=True)
class AttributeIn:
    """The attribute, or one item of its list, is one of these values, of the same type."""

    name: str
    values: tuple[AttributeValue, ...]


@dataclass(frozen=True, slots=True)
class AttributeRange:
    """The attribute is a number within bounds that all hold."""

    name: str
    bounds: Bounds


@dataclass(frozen=True, slots=True)
class AllOf:
    parts: tuple["Filter", ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    parts: tuple["Filter", ...]


@dataclass(frozen=True, slots=True)
class Not:
    part: "Filter"


Filter = (
    AllOf
    | AnyOf
    | Not
    | Category
    | Brand
    | Seller
    | InStock
    | PriceIn
    | PriceRange
    | AttributeIn
    | AttributeRange
)

EVERYTHING = AllOf(())
