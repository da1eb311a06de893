"""Renders a filter as an SQL condition on `products`."""

import operator
from collections.abc import Callable
from typing import Any, TypeVarTuple

from sqlalchemy import ColumnElement, Select, and_, cast, false, func, literal, not_, or_, true
from sqlalchemy.dialects.postgresql import JSONB, JSONPATH

from vitrine.catalog.models import IN_STOCK, Product
from vitrine.retrieval.filters.tree import (
    AllOf,
    AnyOf,
    AttributeIn,
    AttributeRange,
    Brand,
    Category,
    Comparison,
    Filter,
    InStock,
    Not,
    PriceIn,
    PriceRange,
    Seller,
)

Columns = TypeVarTuple("Columns")
Condition = ColumnElement[bool]

_COMPARE: dict[Comparison, Callable[[Any, Any], Any]] = {
    "gt": operator.gt,
    "gte": operator.ge,
    "lt": operator.lt,
    "lte": operator.le,
}
_ALWAYS: Condition = true()
_JSONPATH = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<="}


def to_sql(tree: Filter) -> Condition:
    """Render the exact condition; it is never NULL, so that NOT means the rest."""
    match tree:
        case AllOf(parts):
            return and_(true(), *map(to_sql, parts)) if parts else _ALWAYS
        case AnyOf(parts):
            return or_(false(), *map(to_sql, parts))
        case Not(part):
            return not_(to_sql(part))
        case AttributeIn(name, values):
            return _attribute(name, "@ == $v[*]", {"v": list(values)})
        case AttributeRange(name, bounds):
            test = " && ".join(f"@ {_JSONPATH[key]} ${key}" for key, _ in bounds)
            return _attribute(name, test, {key: float(bound) for key, bound in bounds})
        case _:
            return _column(tree)


def narrow(statement: Select[*Columns], condition: Condition) -> Select[*Columns]:
    """Put a condition on a statement; one that nothing narrows stays the one that is known."""
    # SQLAlchemy compiles a statement once, but goes through every new one to find that out.
    return statement if condition is _ALWAYS else statement.where(condition)


def _column(
    leaf: Category | Brand | Seller | InStock | PriceIn | PriceRange,
) -> Condition:
    match leaf:
        case Category(paths):
            return or_(*(_under(path) for path in paths))
        case Brand(values):
            return Product.brand.in_(values)
        case Seller(values):
            return Product.seller_id.in_(values)
        case InStock(value):
            in_stock = Product.availability.in_(sorted(IN_STOCK))
            return in_stock if value else not_(in_stock)
        case PriceIn(prices):
            return Product.price.in_(prices)
        case PriceRange(bounds):
            return and_(*(_COMPARE[key](Product.price, bound) for key, bound in bounds))


def _under(path: str) -> Condition:
    # starts_with knows no wildcards and no collation, and uses the text_pattern_ops index.
    return or_(Product.category == path, func.starts_with(Product.category, f"{path}/"))


def _attribute(name: str, test: str, variables: dict[str, Any]) -> Condition:
    """Test an attribute, or each item of one that is a list.

    The path is our own text; names and values travel as parameters. A comparison of different
    types is unknown in jsonpath, which the filter takes for false; a product without the
    attribute gives NULL, which becomes false here.
    """
    found = func.jsonb_path_exists(
        Product.attributes[name],
        cast(f"$[*] ? ({test})", JSONPATH),
        literal(variables, JSONB),
    )
    return func.coalesce(found, false())
