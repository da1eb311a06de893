"""What is never recommended: what was just bought, hidden, excluded, or is on the page already."""

from collections.abc import Iterable, Mapping, Sequence, Set
from datetime import datetime, timedelta

from sqlalchemy import select, tuple_

from vitrine.catalog.models import Product
from vitrine.db import Reads
from vitrine.recommend.visit import Listed
from vitrine.retrieval.filters import EVERYTHING, Filter
from vitrine.retrieval.filters.tree import AllOf, InStock, Not, Seller
from vitrine.wire import parse_product_id

_PRODUCT = Product.__table__.c


def conditions(asked: Filter, exclude_seller: str | None) -> Filter:
    """Add to what is asked for that it can be bought, and is of no seller to be left out."""
    parts = [InStock(True), *([] if asked == EVERYTHING else [asked])]
    if exclude_seller is not None:
        parts.append(Not(Seller((exclude_seller,))))
    return AllOf(tuple(parts)) if len(parts) > 1 else parts[0]


def read_named(reads: Reads, public_ids: Iterable[str]) -> dict[str, Listed]:
    """Find the products of these ids; what is not there has no entry. Raises Invalid for no id."""
    wanted = {(one.seller, one.sku): str(one) for one in map(parse_product_id, public_ids)}
    if not wanted:
        return {}
    rows = reads.execute(
        select(_PRODUCT.id, _PRODUCT.seller_id, _PRODUCT.sku, _PRODUCT.category).where(
            tuple_(_PRODUCT.seller_id, _PRODUCT.sku).in_(list(wanted))
        )
    )
    return {wanted[row.seller_id, row.sku]: Listed(row.id, row.category) for row in rows}


def read_bought(
    reads: Reads,
    bought: Mapping[int, datetime],
    now: datetime,
    *,
    days: int,
    replenishable: Sequence[str],
) -> set[int]:
    """Tell what was bought too lately to be shown; what is used up may be shown again."""
    since = now - timedelta(days=days)
    lately = {product for product, at in bought.items() if at > since}
    if not lately or not replenishable:
        return lately
    rows = reads.execute(
        select(_PRODUCT.id, _PRODUCT.category).where(_PRODUCT.id.in_(sorted(lately)))
    )
    categories: Mapping[int, str] = {row.id: row.category for row in rows}
    return {
        product for product in lately if not is_under(categories.get(product, ""), replenishable)
    }


def is_under(category: str, paths: Sequence[str]) -> bool:
    """Tell whether a category is one of these or lies under one of them."""
    return any(category == path or category.startswith(f"{path}/") for path in paths)


def all_excluded(
    hidden: Iterable[int], bought: Set[int], page: Iterable[Listed], named: Iterable[Listed]
) -> set[int]:
    """Put together what is not to be shown whatever proposes it."""
    return {*hidden, *bought, *(one.product_id for one in (*page, *named))}
