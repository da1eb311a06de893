"""Understands a filter in JSON, or says everything that is wrong with it at once."""

from collections.abc import Callable
from typing import Any

from vitrine.errors import FieldError, FilterInvalid
from vitrine.retrieval.filters import values
from vitrine.retrieval.filters.tree import (
    EVERYTHING,
    AllOf,
    AnyOf,
    AttributeIn,
    AttributeRange,
    Brand,
    Category,
    Filter,
    InStock,
    Not,
    PriceIn,
    PriceRange,
    Seller,
)
from vitrine.retrieval.filters.values import Wrong

ATTRIBUTE_PREFIX = "attributes."
FIELDS = ("category", "brand", "seller", "price", "in_stock", "attributes.<name>", "any", "not")
NO_OBJECT = 'A filter is a JSON object of fields, such as {"in_stock": true}.'
MAX_DEPTH = 5
MAX_CONDITIONS = 100
MAX_FILTER_VALUES = 200
_MAX_ERRORS = 20
_KNOWN = f"The fields of a filter are {', '.join(FIELDS[:-1])} and {FIELDS[-1]}."


def parse(document: Any, *, pointer: str = "/filter") -> Filter:
    """Read a filter; None and `{}` match everything.

    `pointer` is where the filter stands in the request (RFC 6901). Raises FilterInvalid, whose
    `errors` name every field that is wrong.
    """
    if document is None:
        return EVERYTHING
    reader = _Reader()
    found = reader.filter(document, pointer, depth=1)
    if reader.errors:
        raise FilterInvalid(reader.errors[0]["detail"], errors=reader.errors)
    return found


class _Reader:
    """Walks one document, gathering its errors."""

    def __init__(self) -> None:
        self.errors: list[FieldError] = []
        self._conditions = 0
        self._values = 0

    def filter(self, document: Any, pointer: str, *, depth: int) -> Filter:
        if not isinstance(document, dict):
            self._wrong(pointer, NO_OBJECT)
        elif depth > MAX_DEPTH:
            self._wrong(pointer, f"Filters may be nested {MAX_DEPTH} deep.")
        else:
            parts = [
                self._field(str(name), value, f"{pointer}/{_escaped(str(name))}", depth)
                for name, value in document.items()
                if not self._exhausted(pointer)
            ]
            return parts[0] if len(parts) == 1 else AllOf(tuple(parts))
        return EVERYTHING

    def _field(self, name: str, value: Any, pointer: str, depth: int) -> Filter:
        if name == "any":
            return self._any(value, pointer, depth)
        if name == "not":
            return Not(self.filter(value, pointer, depth=depth + 1))
        if self._too_many_values(value, pointer):
            return EVERYTHING
        try:
            if name.startswith(ATTRIBUTE_PREFIX):
                return _attribute(name.removeprefix(ATTRIBUTE_PREFIX), value)
            if name in _CONDITIONS:
                return _CONDITIONS[name](value)
            self._wrong(pointer, f"A filter has no field {_shortened(name)}. {_KNOWN}")
        except Wrong as wrong:
            place = "".join(f"/{_escaped(str(step))}" for step in wrong.at)
            self._wrong(pointer + place, wrong.detail)
        return EVERYTHING

    def _any(self, value: Any, pointer: str, depth: int) -> Filter:
        if not isinstance(value, list) or not value:
            self._wrong(pointer, "`any` is a list of at least one filter.")
            return EVERYTHING
        parts = []
        for position, part in enumerate(value):
            if self._exhausted(pointer):
                break
            parts.append(self.filter(part, f"{pointer}/{position}", depth=depth + 1))
        return AnyOf(tuple(parts))

    def _exhausted(self, pointer: str) -> bool:
        """Count one more condition; true once there are too many, and then say so once."""
        self._conditions += 1
        if self._conditions == MAX_CONDITIONS + 1:
            self._wrong(pointer, f"A filter may have at most {MAX_CONDITIONS} conditions.")
        return self._conditions > MAX_CONDITIONS

    def _too_many_values(self, value: Any, pointer: str) -> bool:
        """Count a condition's values before they are read; say once that there are too many."""
        before = self._values
        # A list that is too long by itself is refused as such, by its reader.
        self._values += min(len(value), values.MAX_VALUES) if isinstance(value, list) else 1
        if before <= MAX_FILTER_VALUES < self._values:
            self._wrong(
                pointer,
                f"A filter may have at most {MAX_FILTER_VALUES} values in all of its lists "
                "together; ask for less at once.",
            )
        return self._values > MAX_FILTER_VALUES

    def _wrong(self, pointer: str, detail: str) -> None:
        if len(self.errors) < _MAX_ERRORS:
            self.errors.append({"pointer": pointer, "detail": detail})


def _price(value: Any) -> Filter:
    if isinstance(value, dict):
        return PriceRange(values.on_price_grid(values.bounds(value)))
    prices = values.one_or_many(value, values.number)
    return PriceIn(tuple(price for price in prices if values.is_price(price)))


def _attribute(name: str, value: Any) -> Filter:
    values.attribute_name(name)
    if isinstance(value, dict):
        return AttributeRange(name, values.bounds(value))
    return AttributeIn(name, values.one_or_many(value, values.attribute))


_CONDITIONS: dict[str, Callable[[Any], Filter]] = {
    "category": lambda value: Category(values.one_or_many(value, values.category)),
    "brand": lambda value: Brand(values.one_or_many(value, values.text)),
    "seller": lambda value: Seller(values.one_or_many(value, values.seller)),
    "in_stock": lambda value: InStock(values.flag(value)),
    "price": _price,
}


def _escaped(step: str) -> str:
    """One step of a JSON pointer."""
    return step.replace("~", "~0").replace("/", "~1")


def _shortened(name: str) -> str:
    return name if len(name) <= 60 else f"{name[:60]}…"
