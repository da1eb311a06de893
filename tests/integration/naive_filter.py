"""What a filter means, as a loop that a reader can check."""

from decimal import Decimal
from typing import Any

from vitrine.catalog.models import IN_STOCK, Product


def holds(product: Product, document: dict[str, Any]) -> bool:
    return all(field_holds(product, name, value) for name, value in document.items())


def field_holds(product: Product, name: str, value: Any) -> bool:
    wanted = value if isinstance(value, list) else [value]
    match name:
        case "any":
            found = any(holds(product, part) for part in value)
        case "not":
            found = not holds(product, value)
        case "category":
            found = any(under(product.category, path) for path in wanted)
        case "brand":
            found = product.brand in wanted
        case "seller":
            found = product.seller_id in wanted
        case "in_stock":
            found = (product.availability in IN_STOCK) is value
        case "price" if isinstance(value, dict):
            found = in_range(product.price, value)
        case "price":
            found = any(product.price == Decimal(str(one)) for one in wanted)
        case _:
            held = product.attributes.get(name.removeprefix("attributes."))
            found = attribute_holds(held, value, wanted)
    return found


def under(category: str, path: str) -> bool:
    path = path.strip("/")
    return category == path or category.split("/")[: path.count("/") + 1] == path.split("/")


def attribute_holds(held: Any, value: Any, wanted: list[Any]) -> bool:
    items = held if isinstance(held, list) else [] if held is None else [held]
    if isinstance(value, dict):
        return any(
            in_range(Decimal(str(item)), value)
            for item in items
            if isinstance(item, int | float) and not isinstance(item, bool)
        )
    return any(same(item, one) for item in items for one in wanted)


def in_range(number: Decimal, bounds: dict[str, Any]) -> bool:
    tests = {
        "gt": lambda bound: number > bound,
        "gte": lambda bound: number >= bound,
        "lt": lambda bound: number < bound,
        "lte": lambda bound: number <= bound,
    }
    return all(tests[key](Decimal(str(bound))) for key, bound in bounds.items())


def same(held: Any, wanted: Any) -> bool:
    return held == wanted and isinstance(held, bool) == isinstance(wanted, bool)
