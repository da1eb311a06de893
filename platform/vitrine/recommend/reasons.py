"""Why a product is recommended, in words that a shop can show beside it."""

from collections.abc import Iterable, Mapping

from vitrine.recommend import proposals
from vitrine.recommend.merging import sources_of
from vitrine.recommend.profile import Profile
from vitrine.recommend.proposals import Candidate
from vitrine.wire.recommendations import Reason

Names = Mapping[int, tuple[str, str]]
"""Public id and title, by product."""


def named_products(candidates: Iterable[Candidate]) -> set[int]:
    """Tell which products the reasons of these candidates will name."""
    return {product for one in candidates for product in one.because.values()}


def reasons_of(candidate: Candidate, profile: Profile, names: Names, category: str) -> list[Reason]:
    """Say why, the strongest reason first; a product that is gone is not named."""
    return [
        _reason(source, candidate.because.get(source), profile, names, category)
        for source in sources_of(candidate)
    ]


def _reason(
    source: str, because: int | None, profile: Profile, names: Names, category: str
) -> Reason:
    public_id, title = (None, None) if because is None else names.get(because, (None, None))
    match source:
        case proposals.FOR_YOU:
            did = _did(because, profile)
            text = f"Because you {did} {title}" if title else "Close to your taste"
        case proposals.SIMILAR:
            text = f"Looks like {title}" if title else "Looks alike"
        case proposals.BOUGHT_TOGETHER:
            text = f"Often in one basket with {title}" if title else "Goes with your choice"
        case proposals.TRENDING:
            text = "Popular now"
        case proposals.NEW:
            text = f"New in {_last_segment(category)}"
        case _:
            text = "You viewed it lately"
    return Reason.model_validate({"source": source, "text": text, "product_id": public_id})


def _did(product: int | None, profile: Profile) -> str:
    if product in profile.bought:
        return "bought"
    return "viewed" if product in profile.viewed else "liked"


def _last_segment(category: str) -> str:
    return category.rpartition("/")[2].replace("-", " ")
