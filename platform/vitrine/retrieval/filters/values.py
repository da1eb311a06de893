"""Reads single values of a filter; a wrong one raises Wrong with a sentence."""

import re
from collections.abc import Callable
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Any, TypeVar, get_args

from vitrine.retrieval.filters.tree import AttributeValue, Bounds, Comparison
from vitrine.wire.names import ATTRIBUTE_NAME, CATEGORY, SELLER

T = TypeVar("T")

MAX_VALUES = 100
MAX_TEXT_CHARACTERS = 512
MAX_DIGITS = 15
"""A double tells decimals of so many digits apart, and Milvus keeps prices as doubles."""

_CENT = Decimal("0.01")
_DECIMAL = re.compile(r"-?\d{1,30}(\.\d{1,30})?", re.ASCII)
_COMPARISONS: tuple[Comparison, ...] = get_args(Comparison)


class Wrong(Exception):
    """One value cannot be used; `at` is the path to it below the field."""

    def __init__(self, detail: str, *, at: tuple[str | int, ...] = ()) -> None:
        super().__init__(detail)
        self.detail = detail
        self.at = at


def one_or_many(value: Any, read: Callable[[Any], T]) -> tuple[T, ...]:
    """Read a value or a list of them, without doubles, in the order given."""
    items = value if isinstance(value, list) else [value]
    if not items:
        raise Wrong("The list is empty; leave the field out to match everything.")
    if len(items) > MAX_VALUES:
        raise Wrong(f"The list has {len(items)} values; at most {MAX_VALUES} are allowed.")
    found: dict[tuple[type, T], T] = {}
    for position, item in enumerate(items):
        try:
            one = read(item)
        except Wrong as wrong:
            at = (position, *wrong.at) if isinstance(value, list) else wrong.at
            raise Wrong(wrong.detail, at=at) from None
        found.setdefault((type(one), one), one)  # the type, since True == 1
    return tuple(found.values())


def text(value: Any) -> str:
    if not isinstance(value, str):
        raise Wrong("Give a text or a list of texts.")
    if len(value) > MAX_TEXT_CHARACTERS:
        raise Wrong(f"The text is longer than {MAX_TEXT_CHARACTERS} characters.")
    if "\x00" in value or any("\ud800" <= character <= "\udfff" for character in value):
        raise Wrong("The text holds a NUL or half a surrogate pair, which no product can have.")
    return value


def category(value: Any) -> str:
    """A path without the slashes around it."""
    path = text(value).strip("/")
    if not path:
        raise Wrong("The category is empty; leave the field out to match every category.")
    if not CATEGORY.fits(path):
        raise Wrong(f"No product can have this category: it has to be {CATEGORY.words}.")
    return path


def seller(value: Any) -> str:
    slug = text(value)
    if not SELLER.fits(slug):
        raise Wrong(f"No seller can have this name: it has to be {SELLER.words}.")
    return slug


def attribute_name(name: str) -> None:
    """Refuse a name that no listing can give to an attribute."""
    if not ATTRIBUTE_NAME.fits(name):
        raise Wrong(
            "No product can have this attribute: attributes are "
            f'{ATTRIBUTE_NAME.words}, like "attributes.color".'
        )


def flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise Wrong("Give true or false.")
    return value


def number(value: Any) -> Decimal:
    """Read a JSON number or a decimal text, as its writer saw it: 10.1 is 10.1, not its double."""
    if isinstance(value, bool) or not isinstance(value, int | float | str | Decimal):
        raise Wrong('Give a number, or a decimal text like "12.50".')
    if isinstance(value, str):
        if not _DECIMAL.fullmatch(value):
            raise Wrong('Give a number, or a decimal text like "12.50".')
        found = Decimal(value)
    elif isinstance(value, float):
        found = Decimal(repr(value))
    elif isinstance(value, int) and abs(value) >= 10**MAX_DIGITS:
        raise Wrong(f"The number has more than {MAX_DIGITS} digits.")  # str(10**5000) would raise
    else:
        found = Decimal(value)
    if not found.is_finite():
        raise Wrong("The number has to be finite.")
    found = found.normalize() + 0  # without trailing zeros, and without the sign of zero
    digits, exponent = len(found.as_tuple().digits), found.adjusted()
    if digits > MAX_DIGITS or not -MAX_DIGITS <= exponent < MAX_DIGITS:
        raise Wrong(f"The number has more than {MAX_DIGITS} digits.")
    return found


def bounds(value: dict[str, Any]) -> Bounds:
    """Read `{"gte": 10, "lt": 50}`."""
    unknown = [key for key in value if key not in _COMPARISONS]
    if unknown:
        raise Wrong("The bounds of a range are gt, gte, lt and lte.", at=(unknown[0],))
    if not value:
        raise Wrong("The range is empty; give at least one of gt, gte, lt and lte.")
    found: list[tuple[Comparison, Decimal]] = []
    for key in _COMPARISONS:
        if key in value:
            try:
                found.append((key, number(value[key])))
            except Wrong as wrong:
                raise Wrong(wrong.detail, at=(key,)) from None
    return tuple(found)


def on_price_grid(found: Bounds) -> Bounds:
    """Move bounds to the nearest price that decides the same about every price.

    Prices are whole cents. On that grid decimals and doubles agree, so PostgreSQL and Milvus
    give the same answer.
    """
    rounding = {"gt": ROUND_FLOOR, "gte": ROUND_CEILING, "lt": ROUND_CEILING, "lte": ROUND_FLOOR}
    return tuple((key, bound.quantize(_CENT, rounding[key])) for key, bound in found)


def is_price(value: Decimal) -> bool:
    return value == value.quantize(_CENT, ROUND_FLOOR)


def attribute(value: Any) -> AttributeValue:
    if isinstance(value, bool):
        return value
    if isinstance(value, str):
        return text(value)
    if isinstance(value, int | float):
        number(value)
        return value
    raise Wrong("Give a text, a number, true or false, or a list of them.")
