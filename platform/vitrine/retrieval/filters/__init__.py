"""Filters on products: JSON in, a Milvus expression and an SQL condition out.

    {"category": "apparel/tops", "price": {"gte": 10, "lt": 50}, "brand": ["a", "b"],
     "in_stock": true, "seller": ["x"], "attributes.color": "red", "any": [...], "not": {...}}

All fields of an object hold together; a list holds if one of its values does; a category means
itself and everything under it. A product without an attribute does not match a condition on it,
and does match the negation of that condition: there is no third truth value.
"""

from vitrine.retrieval.filters.milvus import to_milvus
from vitrine.retrieval.filters.parse import NO_OBJECT, parse
from vitrine.retrieval.filters.sql import narrow, to_sql
from vitrine.retrieval.filters.tree import EVERYTHING, AllOf, Category, Filter

__all__ = [
    "EVERYTHING",
    "NO_OBJECT",
    "Filter",
    "narrow",
    "parse",
    "to_milvus",
    "to_sql",
    "within_category",
]


def within_category(tree: Filter, path: str) -> Filter:
    """Narrow a filter to a category and everything under it."""
    return AllOf((tree, Category((path,))))
