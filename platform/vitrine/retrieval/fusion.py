"""Several rankings of the same products put together as one."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

RRF_K = 20
"""How little the very first ranks count.

Cormack, Clarke and Büttcher (SIGIR 2009) found 60 for lists of a thousand. Here lists are shorter,
and with 60 words almost filtered what a photo found: docs/search.md has the figures.
"""


@dataclass(frozen=True, slots=True)
class Ranking:
    """Products with their scores in one search, and what this search counts.

    `nothing` is the score of a product that does not match at all, where scores have such an end.
    """

    name: str
    scores: Mapping[int, float]
    weight: float = 1.0
    nothing: float | None = None


def ranks(scores: Mapping[int, float]) -> dict[int, int]:
    """Rank from 1; equal scores share the better rank, and the next rank is skipped."""
    ordered = sorted(scores.items(), key=lambda item: -item[1])
    found: dict[int, int] = {}
    for position, (product, score) in enumerate(ordered, start=1):
        tied = position > 1 and score == ordered[position - 2][1]
        found[product] = found[ordered[position - 2][0]] if tied else position
    return found


def reciprocal_ranks(rankings: Sequence[Ranking], *, k: int = RRF_K) -> dict[int, dict[str, float]]:
    """Reciprocal rank fusion: what each ranking adds to each product, weight / (k + rank)."""
    return _collected(
        (
            one.name,
            {product: one.weight / (k + rank) for product, rank in ranks(one.scores).items()},
        )
        for one in rankings
    )


def weighted_scores(rankings: Sequence[Ranking]) -> dict[int, dict[str, float]]:
    """Convex combination: scores scaled to 0–1 within each ranking, times its share of the weight.

    0 is what does not match at all, or the last of a ranking whose scores have no such end. A
    product that a ranking lacks gets nothing from it.
    """
    total = sum(one.weight for one in rankings) or 1.0
    return _collected(
        (one.name, _scaled(one.scores, one.weight / total, one.nothing)) for one in rankings
    )


def _scaled(scores: Mapping[int, float], factor: float, nothing: float | None) -> dict[int, float]:
    if not scores:
        return {}
    low = min(scores.values()) if nothing is None else nothing
    high = max(scores.values())
    span = high - low
    return {
        product: factor * ((score - low) / span if span > 0 else 1.0)
        for product, score in scores.items()
    }


def _collected(parts: Iterable[tuple[str, dict[int, float]]]) -> dict[int, dict[str, float]]:
    found: dict[int, dict[str, float]] = {}
    for name, added in parts:
        for product, value in added.items():
            found.setdefault(product, {})[name] = value
    return found
