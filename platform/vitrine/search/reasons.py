"""Why a product was found, in words."""

from vitrine.retrieval.grouping import Ranked
from vitrine.wire import ScorePart


def reasons(one: Ranked) -> list[str]:
    """Say what speaks for a product, strongest first."""
    said = []
    if one.cosine is not None:
        said.append(f"its picture looks like the one asked for (cosine {one.cosine:.3f})")
    if one.bm25 is not None:
        said.append(f"its text has the words asked for (BM25 {one.bm25:.2f})")
    if "category" in one.parts:
        said.append("its category is one that the photo seems to show")
    return said


def parts(one: Ranked, *, fused: bool) -> list[ScorePart]:
    """Take a score apart: the values add up to it."""
    return [
        ScorePart(name=name, value=round(value, 6), words=_words(name, one, fused))
        for name, value in one.parts.items()
    ]


def _words(name: str, one: Ranked, fused: bool) -> str:
    if name == "image":
        if fused:
            return f"its rank by the photo (cosine {one.cosine:.3f})"
        return "how much its picture looks like the one asked for (cosine similarity)"
    if name == "text":
        if fused:
            return f"its rank by the words (BM25 {one.bm25:.2f})"
        return "how well its text matches the words (BM25)"
    return "how likely the photo shows this category, times its boost"
