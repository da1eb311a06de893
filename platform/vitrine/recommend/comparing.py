"""How much candidates look like what somebody likes, dislikes, or has on the page."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vitrine.recommend.profile import Interest
from vitrine.recommend.proposals import Candidate
from vitrine.retrieval.stored import StoredPictures

Vectors = NDArray[np.float32]
# Pictures this much alike are one picture: float16 and int8 leave less than that between copies.
SAME_PICTURE = 0.999


@dataclass(frozen=True, slots=True)
class References:
    """What candidates are compared with: [n, d] each, n may be 0. `which` numbers the interests."""

    interests: Vectors
    which: Sequence[int]
    dislikes: Vectors
    page: Vectors


def references(
    interests: Sequence[Interest],
    dislikes: Sequence[Interest],
    page: Sequence[int],
    known: Mapping[int, StoredPictures],
) -> References:
    """Gather the vectors that are still there; of the page's products those of all pictures."""
    which = [at for at, one in enumerate(interests) if one.product_id in known]
    return References(
        interests=_stack([_medoid(interests[at], known) for at in which]),
        which=which,
        dislikes=_stack([_medoid(one, known) for one in dislikes if one.product_id in known]),
        page=_stack([row for one in page if one in known for row in known[one].vectors]),
    )


def compare(
    candidates: Sequence[Candidate], stored: Mapping[int, StoredPictures], to: References
) -> Vectors:
    """Set affinity, aversion and likeness of each candidate, by the best of its pictures.

    Returns the vector of each one's own picture [n, d], zeros for one that has none. A picture that
    the product has no more, which the index does not know yet, is that of no candidate any more.
    """
    having = [one for one in candidates if one.product_id in stored]
    for one in candidates:
        if one.product_id not in stored or one.image_id not in stored[one.product_id].image_ids:
            one.image_id = None
    if not having:
        return np.zeros((len(candidates), 1), np.float32)
    pictures = [stored[one.product_id] for one in having]
    every = np.concatenate([one.vectors for one in pictures])
    starts = np.cumsum([0, *(len(one.vectors) for one in pictures[:-1])])
    affinities, nearest = _best(every, starts, to.interests)
    aversions, _ = _best(every, starts, to.dislikes)
    likenesses, _ = _best(every, starts, to.page)
    for at, one in enumerate(having):
        one.affinity, one.aversion, one.likeness = affinities[at], aversions[at], likenesses[at]
        if to.which:
            one.interest = to.which[nearest[at]]
    own = np.zeros((len(candidates), every.shape[1]), np.float32)
    for at, one in enumerate(candidates):
        if one.product_id in stored:
            own[at] = stored[one.product_id].vector_of(one.image_id)
    return own


def without_copies(
    order: Sequence[int], vectors: Vectors, page: Vectors, *, most: int | None = None
) -> list[int]:
    """Keep the first of those in `order` that show the same picture, and none of the page's.

    Variants of a product often share a picture. `order` are indices of `vectors` [n, d]; it ends
    once `most` are kept.
    """
    kept: list[int] = []
    held = np.zeros((0, vectors.shape[1]), np.float32)
    step = len(order) if most is None else most
    for start in range(0, len(order), max(step, 1)):
        some = list(order[start : start + step])
        ranked = vectors[some]
        taken = _shows(ranked, page) | _shows(ranked, held)
        alike = ranked @ ranked.T >= SAME_PICTURE
        for at, one in enumerate(some):
            if not taken[at]:
                kept.append(one)
                taken |= alike[at]
        if most is not None and len(kept) >= most:
            return kept[:most]
        held = vectors[kept]
    return kept


def _shows(ranked: Vectors, pictures: Vectors) -> NDArray[np.bool_]:
    if not len(pictures):
        return np.zeros(len(ranked), bool)
    shown: NDArray[np.bool_] = (ranked @ pictures.T).max(axis=1) >= SAME_PICTURE
    return shown


def _best(every: Vectors, starts: NDArray[np.intp], to: Vectors) -> tuple[list[float], list[int]]:
    """The best cosine of each candidate's pictures, and with which reference; 0 without any."""
    if not len(to):
        return [0.0] * len(starts), [0] * len(starts)
    by_candidate = np.maximum.reduceat(every @ to.T, starts, axis=0)
    best = np.clip(by_candidate.max(axis=1), -1.0, 1.0)
    return best.tolist(), by_candidate.argmax(axis=1).tolist()


def _medoid(interest: Interest, known: Mapping[int, StoredPictures]) -> Vectors:
    return known[interest.product_id].vector_of(interest.image_id)


def _stack(vectors: Sequence[Vectors]) -> Vectors:
    return np.stack(vectors) if vectors else np.zeros((0, 1), np.float32)
