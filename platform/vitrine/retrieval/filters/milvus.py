"""Renders a filter as a Milvus expression."""

from vitrine.index import expressions
from vitrine.index.expressions import Operator
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

OPERATORS: dict[Comparison, Operator] = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<="}

Leaf = Category | Brand | Seller | InStock | PriceIn | PriceRange
Part = str | bool
"""An expression, or the constants that Milvus has no word for."""


def to_milvus(tree: Filter) -> tuple[str, bool]:
    """Render a necessary condition, and whether it is sufficient too.

    Attributes are not in the index. What depends on them is left out in the direction that keeps
    every product that matches, under any number of negations; PostgreSQL drops the others. The
    empty expression matches everything.
    """
    part, exact = _necessary(tree, positive=True)
    if isinstance(part, bool):
        part = "" if part else expressions.NOTHING
    return part, exact


def _necessary(tree: Filter, *, positive: bool) -> tuple[Part, bool]:
    """Render the tree, or its negation, with negations pushed down to the leaves."""
    if isinstance(tree, Not):
        return _necessary(tree.part, positive=not positive)
    if isinstance(tree, AllOf | AnyOf):
        parts = [_necessary(part, positive=positive) for part in tree.parts]
        return _joined(parts, all_hold=isinstance(tree, AllOf) == positive)
    if isinstance(tree, AttributeIn | AttributeRange):
        return True, False
    text = _leaf(tree)
    return text if positive else expressions.negation(text), True


def _joined(parts: list[tuple[Part, bool]], *, all_hold: bool) -> tuple[Part, bool]:
    """Join with `and` if all hold, else with `or`, of which the constant `not all_hold` decides."""
    deciding = [exact for part, exact in parts if part is (not all_hold)]
    if deciding:
        return not all_hold, any(deciding)
    texts = [part for part, _ in parts if isinstance(part, str)]
    exact = all(exact for _, exact in parts)
    if not texts:
        return all_hold, exact
    join = expressions.all_of if all_hold else expressions.any_of
    return join(texts), exact


def _leaf(leaf: Leaf) -> str:
    match leaf:
        case Category(paths):
            return expressions.any_of([_under(path) for path in paths])
        case Brand(values):
            return expressions.one_of("brand", values)
        case Seller(values):
            return expressions.one_of("seller_id", values)
        case InStock(value):
            return expressions.compare("in_stock", "==", value)
        case PriceIn(prices):
            return expressions.one_of("price", prices)
        case PriceRange(bounds):
            return expressions.all_of(
                [expressions.compare("price", OPERATORS[key], bound) for key, bound in bounds]
            )


def _under(path: str) -> str:
    """The category or anything below it.

    "0" is the character after "/", so the range holds exactly the texts that begin with `path/`.
    LIKE would take % and _ in a path for wildcards.
    """
    return expressions.any_of(
        [
            expressions.compare("category", "==", path),
            expressions.all_of(
                [
                    expressions.compare("category", ">=", f"{path}/"),
                    expressions.compare("category", "<", f"{path}0"),
                ]
            ),
        ]
    )
