"""What was shown: one row an answer, with all that learning from it needs."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import func, insert, select

from vitrine.db import Reads
from vitrine.decisions.models import Decision

SEARCH, RECOMMENDATION = "search", "recommendation"
# Somebody who reloads all day has seen no more than this many answers have room for.
_MOST_ANSWERS = 1000

_DECISION = Decision.__table__
_INSERT = insert(Decision)


@dataclass(frozen=True, slots=True)
class Answer:
    """What was shown to whom; the lists have one entry a slot, in the order shown.

    `propensities` are how likely each product was to be shown in its slot, `explored` whether
    exploration put it there, `features` float [slots, f] what the ranker saw.
    """

    id: str
    kind: str
    person_id: int | None
    context: dict[str, Any]
    model: str
    ranker: int | None
    products: list[int]
    sources: list[str]
    propensities: list[float]
    explored: list[int] = field(default_factory=list)
    features: NDArray[np.floating[Any]] | None = None


def record(writes: Reads, answer: Answer) -> None:
    """Write one answer down, in one insert; a connection of its own commits it at once."""
    features = answer.features
    writes.execute(
        _INSERT,
        {
            "id": answer.id,
            "kind": answer.kind,
            "person_id": answer.person_id,
            "context": answer.context,
            "model": answer.model,
            "ranker": answer.ranker,
            "products": answer.products,
            "sources": answer.sources,
            "propensities": answer.propensities,
            "explored": answer.explored,
            "features": None if features is None else features.astype(np.float16).tobytes(),
        },
    )


def seen_products(reads: Reads, person_ids: Sequence[int], since: datetime) -> set[int]:
    """Read which products were recommended to these people since then."""
    if not person_ids:
        return set()
    answers = (
        select(_DECISION.c.products)
        .where(
            _DECISION.c.person_id.in_(person_ids),
            _DECISION.c.at >= since,
            _DECISION.c.kind == RECOMMENDATION,
        )
        .order_by(_DECISION.c.at.desc())
        .limit(_MOST_ANSWERS)
        .subquery()
    )
    each = select(func.unnest(answers.c.products)).distinct()
    return {int(product) for product in reads.execute(each).scalars()}
