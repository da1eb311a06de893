"""What Postgres proposes: what is wanted now, what is new, what goes together.

Each list respects the conditions of the request by itself, so that a filter that leaves little
never leaves an empty page.
"""

from collections.abc import Collection, Set
from datetime import datetime
from typing import TypeVarTuple

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    Select,
    all_,
    exists,
    func,
    literal,
    select,
)

from vitrine.catalog.models import SEARCHABLE, Product, ProductImage
from vitrine.db import Reads
from vitrine.recommend.models import Pair, Trend
from vitrine.recommend.proposals import BOUGHT_TOGETHER, NEW, TRENDING, Proposal

_PRODUCT, _PAIR, _TREND = Product.__table__.c, Pair.__table__.c, Trend.__table__.c
# What has no picture to show is not shown.
_SHOWABLE = exists().where(ProductImage.product_id == Product.id, ProductImage.state == SEARCHABLE)
# What was only recommended has a row, too.
_WANTED = _TREND.score > 0
# A spread goes through no more of the newest than this, however large the shop.
_SPREAD_OVER = 2000
_DAY_SECONDS = 86_400.0

Condition = ColumnElement[bool]
Columns = TypeVarTuple("Columns")


def trending(
    reads: Reads, condition: Condition, excluded: Set[int], *, limit: int
) -> list[Proposal]:
    """Propose what is wanted most now."""
    statement = (
        select(_TREND.product_id, _TREND.score)
        .join(Product.__table__, _PRODUCT.id == _TREND.product_id)
        .where(_WANTED)
        .order_by(_TREND.score.desc(), _TREND.product_id)
    )
    rows = reads.execute(_allowed(statement, condition, excluded).limit(limit))
    return [Proposal(row.product_id, TRENDING, float(row.score)) for row in rows]


def newest(
    reads: Reads, condition: Condition, excluded: Set[int], *, now: datetime, limit: int
) -> list[Proposal]:
    """Propose what was listed last; scores by its age in days."""
    statement = select(_PRODUCT.id, _PRODUCT.created_at).order_by(
        _PRODUCT.created_at.desc(), _PRODUCT.id.desc()
    )
    rows = reads.execute(_allowed(statement, condition, excluded).limit(limit))
    return [_new(row.id, row.created_at, now) for row in rows]


def spread(
    reads: Reads, condition: Condition, excluded: Set[int], *, now: datetime, limit: int
) -> list[Proposal]:
    """Propose the newest of each category in turn, for somebody of whom nothing is known."""
    latest = _allowed(
        select(_PRODUCT.id, _PRODUCT.category, _PRODUCT.created_at).order_by(
            _PRODUCT.created_at.desc(), _PRODUCT.id.desc()
        ),
        condition,
        excluded,
    )
    some = latest.limit(_SPREAD_OVER).subquery()
    turn = func.row_number().over(
        partition_by=some.c.category, order_by=(some.c.created_at.desc(), some.c.id.desc())
    )
    ordered = select(some.c.id, some.c.created_at, turn.label("turn")).subquery()
    rows = reads.execute(
        select(ordered.c.id, ordered.c.created_at)
        .order_by(ordered.c.turn, ordered.c.created_at.desc(), ordered.c.id.desc())
        .limit(limit)
    )
    return [_new(row.id, row.created_at, now) for row in rows]


def together(
    reads: Reads,
    condition: Condition,
    excluded: Set[int],
    *,
    products: Collection[int],
    limit: int,
) -> list[Proposal]:
    """Propose what goes with these products, by the strongest of its pairs with them."""
    if not products:
        return []
    statement = (
        select(_PAIR.product_id, _PAIR.other_id, _PAIR.strength)
        .join(Product.__table__, _PRODUCT.id == _PAIR.other_id)
        .where(_PAIR.product_id.in_(list(products)))
        .order_by(_PAIR.strength.desc(), _PAIR.other_id, _PAIR.product_id)
    )
    rows = reads.execute(_allowed(statement, condition, excluded).limit(limit))
    strongest: dict[int, Proposal] = {}
    for row in rows:
        proposal = Proposal(
            row.other_id, BOUGHT_TOGETHER, float(row.strength), because=row.product_id
        )
        strongest.setdefault(row.other_id, proposal)
    return list(strongest.values())


def has_trends(reads: Reads) -> bool:
    """Tell whether anything was wanted lately."""
    return bool(reads.execute(select(exists(select(_TREND.product_id).where(_WANTED)))).scalar())


def _allowed(
    statement: Select[*Columns], condition: Condition, excluded: Set[int]
) -> Select[*Columns]:
    statement = statement.where(condition, _SHOWABLE)
    if not excluded:
        return statement
    return statement.where(_PRODUCT.id != all_(literal(sorted(excluded), ARRAY(BigInteger))))


def _new(product: int, created_at: datetime, now: datetime) -> Proposal:
    days = max((now - created_at).total_seconds(), 0.0) / _DAY_SECONDS
    return Proposal(product, NEW, days)
