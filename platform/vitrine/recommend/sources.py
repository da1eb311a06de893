"""Where candidates come from: six sources, asked side by side, merged into one a product.

The index is asked once, for all interests and all products of the page together; PostgreSQL
meanwhile for what goes together, what is wanted and what is new.
"""

import contextvars
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta

from sqlalchemy import ColumnElement

from vitrine import deadline, logs
from vitrine.catalog.models import Product
from vitrine.db import Readers, Reads
from vitrine.errors import Unavailable
from vitrine.recommend import lists
from vitrine.recommend.merging import merge
from vitrine.recommend.nearest import Nearest, Probe, quotas
from vitrine.recommend.profile import Interest, Profile
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
from vitrine.recommend.visit import Visit
from vitrine.retrieval.stored import StoredPictures, read_pictures

# Of each list so many for a page of products, and this at least; of what looks like an interest
# more, for the ranker knows more of it than the index does.
_PER_SLOT, _LEAST = 3, 40
_FOR_YOU_PER_SLOT, _LEAST_FOR_YOU = 8, 100
# The strongest interests, the one that was active last, and the products of a cart that were named
# last, are looked around.
MOST_INTERESTS, MOST_ANCHORS, _LEAST_QUOTA = 5, 5, 6
# What is wanted or new is looked for once more in the categories that the person likes most.
_LIKED_CATEGORIES = 5
_RECENT, _LAST_WANTED = 20, 10
_FRESH = timedelta(days=2)
# What does not answer by then, the page does without.
_INDEX_SECONDS = 2.0
_log = logs.get(__name__)


@dataclass(slots=True)
class Gathered:
    """Candidates, and `known`: the stored pictures of the products that they are compared with.

    `strangers`: nobody has wanted anything in this shop, and nothing is known of the person.
    """

    candidates: list[Candidate]
    known: Mapping[int, StoredPictures]
    strangers: bool = False
    degraded: bool = False


@dataclass(slots=True)
class _Lists:
    proposals: list[Proposal] = field(default_factory=list)
    strangers: bool = False


class Sources:
    """Proposes products; safe to share between threads."""

    def __init__(self, nearest: Nearest, readers: Readers) -> None:
        self._nearest = nearest
        self._readers = readers
        self._beside = ThreadPoolExecutor(max_workers=16, thread_name_prefix="nearest")

    def gather(self, visit: Visit) -> Gathered:
        """Ask all sources of the request; without the index, what the others say."""
        with self._readers() as reads:
            known = read_pictures(reads, _compared(visit), visit.serving.model.digest)
            near = self._look_around(visit, known)
            told = self._ask_lists(reads, visit)
        degraded = False
        proposals: list[Proposal] = []
        try:
            proposals = near.result()
        except Unavailable as error:
            _log.warning("recommendation.without_index", reason=str(error))
            degraded = True
        candidates = merge([*proposals, *told.proposals])
        return Gathered(candidates, known, told.strangers, degraded)

    def fill(self, reads: Reads, visit: Visit, gathered: Gathered) -> list[Candidate]:
        """Propose what is new besides, where the sources had too little for a page."""
        if not visit.asks_for(NEW):
            return []
        held = {one.product_id for one in gathered.candidates}
        wanted = 2 * visit.request.limit
        return merge(
            lists.newest(reads, visit.condition, visit.excluded | held, now=visit.now, limit=wanted)
        )

    def _look_around(
        self, visit: Visit, known: Mapping[int, StoredPictures]
    ) -> "Future[list[Proposal]]":
        """Ask the index beside this thread, within the deadline of this request."""
        probes = list(_probes(visit, known))
        # To wait for a free thread counts, too.
        with deadline.within(_INDEX_SECONDS):
            context = contextvars.copy_context()
        collection, tree = visit.serving.collection, visit.tree
        return self._beside.submit(context.run, self._nearest.around, collection, probes, tree)

    def _ask_lists(self, reads: Reads, visit: Visit) -> _Lists:
        found = _Lists()
        wanted = max(_LEAST, _PER_SLOT * visit.request.limit)
        condition, excluded = visit.condition, visit.excluded
        if visit.asks_for(BOUGHT_TOGETHER):
            found.proposals += lists.together(
                reads, condition, excluded, products=_starting_points(visit), limit=wanted
            )
        liked = _in_liked_categories(visit)
        if visit.asks_for(TRENDING):
            found.proposals += lists.trending(reads, condition, excluded, limit=wanted)
            if liked is not None:
                found.proposals += lists.trending(
                    reads, condition & liked, excluded | visit.profile.viewed.keys(), limit=wanted
                )
        if visit.asks_for(NEW):
            unknown = not visit.profile.interests and not visit.page
            popular = any(one.source == TRENDING for one in found.proposals)
            if unknown and not popular:
                found.strangers = not lists.has_trends(reads)
            listed = lists.spread if found.strangers else lists.newest
            found.proposals += listed(reads, condition, excluded, now=visit.now, limit=wanted)
            if liked is not None:
                found.proposals += lists.newest(
                    reads,
                    condition & liked,
                    excluded | visit.profile.viewed.keys(),
                    now=visit.now,
                    limit=wanted,
                )
        if visit.asks_for(RECENTLY_VIEWED):
            found.proposals += _recently_viewed(visit)
        return found


def _compared(visit: Visit) -> list[int]:
    """The products that candidates are compared with: medoids, and those of the page."""
    profile = visit.profile
    looked_around = [profile.interests[at] for at in _looked_around(profile)]
    medoids = [one.product_id for one in (*looked_around, *profile.dislikes)]
    return list({*medoids, *(one.product_id for one in visit.page)})


def _looked_around(profile: Profile) -> list[int]:
    """The places of the strongest interests, and of the one that was active last."""
    of = profile.interests
    strongest = list(range(min(len(of), MOST_INTERESTS)))
    latest = max(range(len(of)), key=lambda at: of[at].last_at, default=None)
    return strongest if latest is None or latest in strongest else [*strongest[:-1], latest]


def _pull(profile: Profile, interest: Interest) -> float:
    """How much an interest is looked around: by its weight, and as much again while it is fresh."""
    if profile.as_of is None:
        return interest.weight
    age = max((profile.as_of - interest.last_at) / _FRESH, 0.0)
    return float(interest.weight + 0.5 * 2.0**-age)


def _in_liked_categories(visit: Visit) -> ColumnElement[bool] | None:
    """A condition that only products of the categories meet that the person likes most."""
    likings = visit.profile.categories
    liked = [one for one in sorted(likings, key=lambda one: -likings[one]) if likings[one] > 0]
    return Product.category.in_(liked[:_LIKED_CATEGORIES]) if liked else None


def _probes(visit: Visit, known: Mapping[int, StoredPictures]) -> Iterator[Probe]:
    wanted = max(_LEAST, _PER_SLOT * visit.request.limit)
    if visit.asks_for(FOR_YOU):
        places = _looked_around(visit.profile)
        interests = [visit.profile.interests[at] for at in places]
        most = max(_LEAST_FOR_YOU, _FOR_YOU_PER_SLOT * visit.request.limit)
        shares = quotas([_pull(visit.profile, one) for one in interests], most, least=_LEAST_QUOTA)
        # What was looked at already is no news; it comes back as recently viewed.
        excluded = visit.excluded | visit.profile.viewed.keys()
        for at, interest, share in zip(places, interests, shares, strict=True):
            pictures = known.get(interest.product_id)
            if pictures is not None:
                yield Probe(
                    source=FOR_YOU,
                    vector=pictures.vector_of(interest.image_id),
                    quota=share,
                    because=interest.product_id,
                    interest=at,
                    excluded=excluded,
                    near={*interest.products, *visit.seen},
                )
    if visit.asks_for(SIMILAR):
        shown = [one.product_id for one in visit.page if one.product_id in known][-MOST_ANCHORS:]
        for product in shown:
            yield Probe(
                source=SIMILAR,
                vector=known[product].vectors[0],
                quota=max(_LEAST_QUOTA, wanted // len(shown)),
                because=product,
                excluded=visit.excluded,
                near={product, *visit.seen},
            )


def _starting_points(visit: Visit) -> list[int]:
    """The products to ask companions of: those of the page, else what was wanted last."""
    if visit.page:
        return [one.product_id for one in visit.page]
    wanted = {**visit.profile.carted, **visit.profile.bought}
    return sorted(wanted, key=lambda product: wanted[product], reverse=True)[:_LAST_WANTED]


def _recently_viewed(visit: Visit) -> list[Proposal]:
    viewed = visit.profile.viewed
    latest = sorted(viewed, key=lambda product: (viewed[product], product), reverse=True)
    return [
        Proposal(
            product, RECENTLY_VIEWED, max((visit.now - viewed[product]).total_seconds(), 0) / 3600
        )
        for product in latest
        if product not in visit.excluded
    ][:_RECENT]
