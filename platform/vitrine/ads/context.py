"""What an ad is to suit: the page, what was typed or photographed, and who looks."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select

from vitrine.ads.targeting import Situation, fold_words
from vitrine.catalog.models import Product
from vitrine.db import Readers, Reads, Sessions
from vitrine.decisions.models import ANONYMOUS, USER
from vitrine.decisions.people import Who, ensure, one_person, resolve, resolve_visitor
from vitrine.embedding.encoders import Encoders
from vitrine.embedding.vectors import normalise
from vitrine.errors import Conflict, Invalid, NotFound
from vitrine.media.decode import Limits
from vitrine.recommend.profile import Profile
from vitrine.recommend.profiles import Profiles
from vitrine.retrieval.serving import Serving
from vitrine.retrieval.stored import read_pictures
from vitrine.search.looking import encoder_in_use
from vitrine.search.memory import Remembered, SearchMemory
from vitrine.search.photos import Photos
from vitrine.search.uploads import Uploads
from vitrine.wire.ads import MatchQuery
from vitrine.wire.ids import parse_product_id

Vectors = NDArray[np.float32]

MOST_INTERESTS = 3
_MOST_PICTURES = 3
_PRODUCT = Product.__table__.c


@dataclass(frozen=True, slots=True)
class PageProduct:
    """The product that a page is about."""

    id: int
    category: str
    price: Decimal


@dataclass(frozen=True, slots=True)
class Interested:
    """One interest of who looks: its weight, and the vector [d] of what stands for it."""

    weight: float
    vector: Vectors


@dataclass(frozen=True, slots=True)
class AdContext:
    """A request, understood. `pictures` [n, d] are what is looked at; n may be 0.

    `same` are all ids of who looks, by whatever name: what they were shown counts for all of them.
    `organic` are the similarities of the results that ads would displace, best first; None for one
    that words alone found.
    """

    query: MatchQuery
    now: datetime
    serving: Serving
    who: Who | None
    same: tuple[int, ...]
    profile: Profile
    pictures: Vectors
    interests: tuple[Interested, ...] = ()
    product: PageProduct | None = None
    categories: frozenset[str] = frozenset()
    words: frozenset[str] = frozenset()
    organic: tuple[float | None, ...] = ()

    @property
    def situation(self) -> Situation:
        """What targeting goes by."""
        usual = self.profile.price
        price = None if usual is None else Decimal(str(usual.middle))
        return Situation(
            categories=self.categories,
            price=price if self.product is None else self.product.price,
            interests=self.profile.categories,
            geo=self.query.geo,
            device=self.query.device,
            words=self.words,
        )


@dataclass(frozen=True, slots=True)
class ContextTools:
    """What understanding a request takes."""

    readers: Readers
    sessions: Sessions
    encoders: Encoders
    uploads: Uploads
    memory: SearchMemory
    profiles: Profiles
    limits: Limits


class Contexts:
    """Understands requests; safe to share between threads."""

    def __init__(self, tools: ContextTools) -> None:
        self._tools = tools

    def read(
        self, query: MatchQuery, photos: Sequence[bytes], serving: Serving, now: datetime
    ) -> AdContext:
        """Find out who looks at what. Raises Invalid, ImageRejected, NotFound or Unavailable."""
        _check(query, photos)
        search = self._search(query, serving)
        with self._tools.readers() as reads:
            product = _page_product(reads, query.product_id)
            who = _resolve(reads, query)
        if who is None:
            who = self._make_known(query)
        digest = serving.model.digest
        profile = Profile(digest) if who is None else self._tools.profiles.of(who, digest)
        with self._tools.readers() as reads:
            same = () if who is None else one_person(reads, who)
            pictures = self._pictures(reads, query, photos, product, serving)
            interests = _interests(reads, profile, digest)
        typed = query.text
        if search is not None:
            pictures = _together(pictures, search.vectors)
            typed = typed or search.question["query"].get("text")
        named = [query.category] if query.category else [product.category] if product else []
        return AdContext(
            query=query,
            now=now,
            serving=serving,
            who=who,
            same=same,
            profile=profile,
            pictures=pictures,
            interests=interests,
            product=product,
            categories=frozenset(named),
            words=fold_words(typed or ""),
            organic=_organic(query, search),
        )

    def _search(self, query: MatchQuery, serving: Serving) -> Remembered | None:
        if query.search_id is None:
            return None
        # The id itself is the leave to use it: whoever has it was given it by who searched.
        search = self._tools.memory.recall(query.search_id, key_id=None)
        if search.model != serving.model.digest:
            # Vectors of two models never meet, and what an ad displaces would be unknown.
            raise Conflict("The index was made anew since this search. Search again.")
        return search

    def _pictures(
        self,
        reads: Reads,
        query: MatchQuery,
        photos: Sequence[bytes],
        product: PageProduct | None,
        serving: Serving,
    ) -> Vectors:
        data = list(photos)
        if query.upload_id is not None:
            data.append(self._tools.uploads.get(query.upload_id, key_id=None))
        encoder = encoder_in_use(self._tools.encoders, serving.model.digest) if data else None
        if encoder is not None:
            side = encoder.spec.preprocessing.short_side
            seen = encoder.encode(Photos(data, self._tools.limits).decoded(side, None))
            return normalise(seen.embedding.astype(np.float32))
        if product is not None:
            stored = read_pictures(reads, [product.id], serving.model.digest).get(product.id)
            if stored is not None:
                return stored.vectors[:_MOST_PICTURES]
        return np.empty((0, 0), np.float32)

    def _make_known(self, query: MatchQuery) -> Who | None:
        """Remember somebody new: how often they saw what has to be counted from now on."""
        name, kind = query.user_id, USER
        if name is None:
            name, kind = query.client_id, ANONYMOUS
        if name is None:
            return None
        with self._tools.sessions.begin() as session:
            person_id = ensure(session, kind, [name])[name]
        return Who(person_id, kind, (person_id,))


def _check(query: MatchQuery, photos: Sequence[bytes]) -> None:
    if photos and query.upload_id is not None:
        raise Invalid("Send a photo or an `upload_id`, not both.")
    few = len(query.positions) < query.slots
    if query.positions and (few or len(set(query.positions)) < len(query.positions)):
        detail = "must name a place for each of the `slots`, each another"
        raise Invalid(
            f"`/positions` {detail}.", errors=[{"pointer": "/positions", "detail": detail}]
        )
    if query.organic and query.search_id is not None:
        raise Invalid("Send `organic` results or a `search_id`, which knows them; not both.")


def _resolve(reads: Reads, query: MatchQuery) -> Who | None:
    if query.user_id is not None:
        found = resolve(reads, query.user_id)
        # A visitor of that name is somebody else.
        return found if found is not None and found.kind == USER else None
    if query.client_id is not None:
        return resolve_visitor(reads, query.client_id)
    return None


def _page_product(reads: Reads, public_id: str | None) -> PageProduct | None:
    if public_id is None:
        return None
    seller, sku = parse_product_id(public_id, pointer="/product_id")
    row = reads.execute(
        select(_PRODUCT.id, _PRODUCT.category, _PRODUCT.price).where(
            _PRODUCT.seller_id == seller, _PRODUCT.sku == sku
        )
    ).one_or_none()
    if row is None:
        raise NotFound(f"There is no product {public_id}.")
    return PageProduct(row.id, row.category, row.price)


def _interests(reads: Reads, profile: Profile, model: str) -> tuple[Interested, ...]:
    wanted = profile.interests[:MOST_INTERESTS]
    stored = read_pictures(reads, [one.product_id for one in wanted], model)
    return tuple(
        Interested(one.weight, stored[one.product_id].vector_of(one.image_id))
        for one in wanted
        if one.product_id in stored
    )


def _together(some: Vectors, more: Vectors) -> Vectors:
    found = [normalise(one) for one in (some, more) if len(one)]
    return np.concatenate(found) if found else some


def _organic(query: MatchQuery, search: Remembered | None) -> tuple[float | None, ...]:
    if search is not None:
        return tuple(one.cosine for one in search.ranking)
    return tuple(one.similarity for one in query.organic)
