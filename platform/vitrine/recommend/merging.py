"""From what the sources propose to candidates: one a product, with what each source says of it."""

from collections.abc import Iterable

from vitrine.recommend.proposals import (
    BOUGHT_TOGETHER,
    FOR_YOU,
    NEW,
    RECENTLY_VIEWED,
    SIMILAR,
    TRENDING,
    Candidate,
    Proposal,
)

# What says most about this person and this page comes first.
STRONGEST_FIRST = (BOUGHT_TOGETHER, SIMILAR, FOR_YOU, RECENTLY_VIEWED, TRENDING, NEW)
_LESS_IS_BETTER = frozenset({NEW, RECENTLY_VIEWED})


def merge(proposals: Iterable[Proposal]) -> list[Candidate]:
    """Make one candidate of each product, in the order in which they were proposed first.

    Of several proposals of one source the best stands; the picture is that of the best cosine.
    """
    found: dict[int, Candidate] = {}
    cosines: dict[int, float] = {}
    for one in proposals:
        candidate = found.setdefault(one.product_id, Candidate(one.product_id))
        held = candidate.scores.get(one.source)
        if held is None or _better(one, held):
            candidate.scores[one.source] = one.score
            if one.because is not None:
                candidate.because[one.source] = one.because
            if one.interest is not None:
                candidate.interest = one.interest
        if one.image_id is not None and one.score > cosines.get(one.product_id, -2.0):
            cosines[one.product_id] = one.score
            candidate.image_id = one.image_id
    return list(found.values())


def sources_of(candidate: Candidate) -> list[str]:
    """Name the sources that proposed a candidate, the strongest first."""
    return [source for source in STRONGEST_FIRST if source in candidate.scores]


def _better(one: Proposal, held: float) -> bool:
    return one.score < held if one.source in _LESS_IS_BETTER else one.score > held
